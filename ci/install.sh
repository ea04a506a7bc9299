#!/usr/bin/env bash
# Installs racecheck from a checkout, unless this very one is installed already.
#
#   ci/install.sh CHECKOUT
#   RACECHECK_INSTALL  where to; ~/.cache/racecheck-install. Cache this folder.
set -euo pipefail

sources=${1:?usage: install.sh CHECKOUT}
root=${RACECHECK_INSTALL:-$HOME/.cache/racecheck-install}
mkdir -p "$root"

# What the executable is made of, by content: a checkout has no useful times, and may have no git.
state=$(cd "$sources" && find Cargo.toml Cargo.lock cli crates detector-runtime -type f -not -path '*/target/*' -print0 |
  sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-16)

if [ "$(cat "$root/state" 2>/dev/null)" = "$state" ] && [ -x "$root/bin/racecheck" ]; then
  echo "racecheck is installed in $root/bin"
else
  # Flags and wrappers of the project are none of racecheck's own build.
  (cd "$sources" && env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET \
    cargo install --locked --path cli --root "$root" --no-track --force)
  echo "$state" > "$root/state"
fi
[ -z "${GITHUB_PATH:-}" ] || echo "$root/bin" >> "$GITHUB_PATH"
"$root/bin/racecheck" --version
