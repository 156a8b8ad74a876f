#!/usr/bin/env bash
# Runs the simulation with each planted fault, in memory and on the real store: it must find every one of them, and say with
# which seed.
# Usage: planted_faults.sh <directory of the tests' programs>
# Prints one line per fault, PASS or FAIL; exits with 1 when a fault was not found.
set -euo pipefail

seconds_per_fault=60
cycles_per_fault=500

run_one() {
  local program=$1 output status=0
  local name=${program##*/} limit=(--seconds "$seconds_per_fault")
  [[ $name == sim_* ]] || limit=(--cycles "$cycles_per_fault")
  # The program stops by itself; timeout is for a fault that makes it hang.
  output=$(timeout "$((seconds_per_fault + 30))" "$program" "${limit[@]}" 2>&1) || status=$?
  local seed_line
  seed_line=$(grep -m 1 -i seed <<<"$output" || true)

  if [[ $status -eq 1 && -n $seed_line ]]; then
    echo "PASS planted fault $name: found, $seed_line"
  elif [[ $status -eq 0 ]]; then
    echo "FAIL planted fault $name: not found with ${limit[*]}"
  else
    echo "FAIL planted fault $name: exit code $status, last line: $(tail -n 1 <<<"$output")"
  fi
}

main() {
  local directory=$1 programs results
  shopt -s nullglob
  programs=("$directory"/sim/sim_fault_* "$directory"/fault/power_fault_*)
  if [[ ${#programs[@]} -eq 0 ]]; then
    echo "no planted faults are built yet"
    return 0
  fi
  results=$(printf '%s\0' "${programs[@]}" | xargs -0 -P "$(nproc)" -n 1 "$0" --one)
  sort <<<"$results"
  ! grep -q '^FAIL' <<<"$results"
}

if [[ $1 == --one ]]; then
  run_one "$2"
else
  main "$1"
fi
