#!/usr/bin/env bash
# Runs `racecheck $COMMAND`, says what its status means, and ends with it.
#
#   COMMAND    what to run, as after `racecheck` on a command line, with a shell's quotes; test
#   TOOLCHAIN  as for `racecheck +TOOLCHAIN`; empty for the project's own
set -uo pipefail

PATH=${RACECHECK_INSTALL:-$HOME/.cache/racecheck-install}/bin:$PATH
export PATH
[ -n "${RACECHECK_OPTIONS:-}" ] || unset RACECHECK_OPTIONS

# The words of a command line, quotes and all.
eval "set -- ${COMMAND:-test}"
status=0
racecheck ${TOOLCHAIN:++"$TOOLCHAIN"} "$@" || status=$?

[ -z "${GITHUB_OUTPUT:-}" ] || echo "status=$status" >> "$GITHUB_OUTPUT"
case $status in
  0) echo "racecheck: no data race in this run" ;;
  66) echo "racecheck: there are data races, see above" ;;
  2) echo "racecheck: it could not do its work, see above; \`racecheck doctor\` says more" ;;
  *) echo "racecheck: what it ran ended with $status" ;;
esac
exit "$status"
