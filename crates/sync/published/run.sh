#!/bin/sh
# Two published crates with synchronisation of their own, switched to the shim by their `use` lines alone: their own
# tests must pass without a report, and an edge that is taken out of them must be missed.
#
# Needs cargo's registry for the first run. `run.sh [DIR]` works in DIR, by default target/published.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=${1:-$root/target/published}
mkdir -p "$work"
unset RUSTFLAGS RACECHECK_OPTIONS RACECHECK_CHANNEL || true
export CARGO_TARGET_DIR="$work/target" RACECHECK_DETECT=1

# The crates' sources, as cargo has them.
mkdir -p "$work/get/src"
: > "$work/get/src/lib.rs"
cat > "$work/get/Cargo.toml" <<'TOML'
[package]
name = "get"
version = "0.0.0"
edition = "2024"
[dependencies]
spin = "=0.9.9"
rtrb = "=0.4.1"
[workspace]
TOML
cargo vendor --quiet --manifest-path "$work/get/Cargo.toml" "$work/vendor" > /dev/null

# take CRATE: a fresh copy that depends on the shim.
take() {
    rm -rf "$work/$1"
    cp -r "$work/vendor/$1" "$work/$1"
    rm -f "$work/$1/.cargo-checksum.json" "$work/$1/Cargo.lock"
    # Benchmarks, and what only they need, are left out.
    awk '/^\[/ { keep = !/^\[\[bench\]\]/ && !/criterion/ && !/^\[\[example\]\]/ && !/^\[profile/ } keep' "$work/vendor/$1/Cargo.toml" > "$work/$1/Cargo.toml"
    printf '\n[dependencies.racecheck]\npath = "%s"\n\n[[test]]\nname = "shim"\npath = "tests/shim.rs"\n\n[profile.dev.package."*"]\nopt-level = 2\n\n[workspace]\n' \
        "$root/crates/sync" >> "$work/$1/Cargo.toml"
    mkdir -p "$work/$1/tests"
    cp "$here/$1.rs" "$work/$1/tests/shim.rs"
    # The whole change of the sources: whose atomics and threads are used.
    find "$work/$1/src" "$work/$1/tests" -name '*.rs' -exec sed -i \
        -e 's/\b\(core\|std\)::sync::atomic\b/racecheck::sync::atomic/g' \
        -e 's/\bstd::sync::mpsc\b/racecheck::sync::mpsc/g' \
        -e 's/\bstd::thread\b/racecheck::thread/g' {} +
}

# check CRATE ARGUMENTS: its tests, which must pass, and silently.
check() {
    name=$1
    shift
    log="$work/$name.log"
    if ! (cd "$work/$name" && cargo test --quiet "$@" > "$log" 2>&1); then
        tail -40 "$log"
        echo "$name: its tests do not pass under the shim"
        exit 1
    fi
    if grep -q -e '^WARNING:' -e '^fatal error:' "$log"; then
        cat "$log"
        echo "$name: a false report"
        exit 1
    fi
    awk -v name="$name" '/^test result:/ { passed += $4; time += $NF } END { printf "%s: %d tests pass, no report\n", name, passed }' "$log"
}

# missed CRATE: an edge was taken out; the shim must say so.
missed() {
    log="$work/$1.injected.log"
    if (cd "$work/$1" && cargo test --quiet --test shim > "$log" 2>&1); then
        echo "$1: the missing edge is not found"
        exit 1
    fi
    grep -q '^WARNING: DATA RACE' "$log" || { cat "$log"; exit 1; }
    echo "$1: the missing edge is found"
}

take spin
# Edition 2015 wants the crate to be named.
sed -i 's/^use racecheck::sync::atomic;$/extern crate racecheck;\nuse racecheck::sync::atomic;/' "$work/spin/src/lib.rs"
# One test of this release calls a method that it does not have.
sed -i 's/^    fn init_from_ref_basic/    #[cfg(any())]\n    fn init_from_ref_basic/' "$work/spin/src/once.rs"
check spin --features std,fair_mutex,ticket_mutex --lib --test shim
# The unlock of the mutex publishes nothing any more.
sed -i 's/self.lock.store(false, Ordering::Release)/self.lock.store(false, Ordering::Relaxed)/' "$work/spin/src/mutex/spin.rs"
missed spin

take rtrb
check rtrb --lib --tests
# The producer's new end of the buffer publishes nothing any more.
sed -i 's/self.buffer.tail.store(tail, Ordering::Release)/self.buffer.tail.store(tail, Ordering::Relaxed)/' "$work/rtrb/src/lib.rs"
missed rtrb
