#!/usr/bin/env bash
# Prints `key=…` and `prefix=…` for a cache of what racecheck makes once and of its builds.
#
# What is in the cache checks itself, so that a key that is too coarse costs time and never a wrong result.
#   TOOLCHAIN  as for `racecheck +TOOLCHAIN`; empty for the project's own
#   SOURCES    racecheck's checkout
set -euo pipefail

hash_of() { sha256sum | cut -c 1-16; }

rustc=$(rustc ${TOOLCHAIN:++"$TOOLCHAIN"} -vV | hash_of)
racecheck=$(cd "${SOURCES:?the folder of racecheck\'s checkout}" && cat Cargo.lock cli/Cargo.toml | hash_of)
lock=none
[ ! -f Cargo.lock ] || lock=$(hash_of < Cargo.lock)
echo "prefix=racecheck-$racecheck-$rustc-"
echo "key=racecheck-$racecheck-$rustc-$lock"
