#!/usr/bin/env bash
# Kills the server under load, or cuts the power of its disk, and verifies what is left. Needs a build.
#
#   crash.sh [ROUNDS] [OPTION...]   rounds of SIGKILL and SIGTERM on the real server (default: 10); OPTIONs are those of
#                                   the program crash, such as --seed S to repeat a run, or --signal kill
#   crash.sh --power [CYCLES] [OPTION...]   the simulation on the real store, whose disk loses what was not synced (default:
#                                   1,000 cycles); OPTIONs are those of the program fault_power_loss, such as --seed S to
#                                   repeat a cycle that failed
#
# Data and the server's log stay where they are when something is wrong.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${ESCROW_BUILD_DIR:-$here/../../build/release}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
  exit 0
fi

power() {
  local cycles=1000
  if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    cycles=$1
    shift
  fi
  exec "$build/tests/fault/fault_power_loss" --cycles "$cycles" "$@"
}

crash() {
  local rounds=10 directory
  if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    rounds=$1
    shift
  fi
  directory=$(mktemp -d "${TMPDIR:-/tmp}/escrow-crash.XXXXXX")
  if "$build/tests/fault/crash" --server "$build/escrowd" --directory "$directory" --rounds "$rounds" "$@"; then
    rm -rf "$directory"
    echo "nothing that was acknowledged is lost, doubled or changed"
    return 0
  fi
  # What an interrupt leaves behind is no finding.
  [[ -e $directory/escrowd.log ]] || rm -rf "$directory"
  return 1
}

if [[ ${1:-} == --power ]]; then
  shift
  power "$@"
else
  crash "$@"
fi
