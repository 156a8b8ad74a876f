#!/usr/bin/env bash
# Measures Escrow on this machine and prints a table of figures beside their goals. Needs a build of preset release.
#
#   run.sh [--quick] [PART...]
#
#   grpc      transactions through gRPC: unary with 64 in flight, Transact, and one call in flight beside its floor
#   enqueue   the engine alone: messages into a queue, synced, for 30 s
#   backlog   the engine alone: 10 million messages waiting in one queue, and over 1,000 queues
#   sim       the simulator
#   amqp      messages through AMQP, beside Debian's RabbitMQ when that is installed, and where the processor time goes
#
# All parts by default, about eleven minutes, six of them amqp. --quick is for trying the programs, not for figures:
# seconds instead of minutes, and a backlog of a tenth or less. Data goes to ${TMPDIR:-/tmp}, which has to be on the disk
# that is to be measured.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${ESCROW_BUILD_DIR:-$here/../build/release}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
  exit 0
fi

seconds=30
grpc_seconds=10
slices=21
waiting=10000000
sim_seconds=10
amqp_effort=()

rows=()
work=
server=
target=

fail() {
  echo "run.sh: $*" >&2
  exit 1
}

clean_up() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null || true
    cat <&"$server_output" >&2
  fi
  [[ -z $work ]] || rm -rf "$work"
}

# row NAME UNIT FIGURE at-least|at-most GOAL
row() {
  rows+=("$(awk -v name="$1" -v unit="$2" -v figure="$3" -v how="$4" -v goal="$5" 'BEGIN {
    ratio = goal > 0 ? figure / goal : 0
    met = how == "at-least" ? ratio >= 1 : ratio <= 1
    digits = figure < 100 ? 2 : 0
    printf "%-52s %12.*f %-9s %-8s %9g %7.2f  %s", name, digits, figure, unit, how == "at-least" ? "at least" : "at most",
      goal, ratio, met ? "met" : "MISSED"
  }')")
}

print_rows() {
  [[ ${#rows[@]} -gt 0 ]] || return 0
  printf '\n%-52s %12s %-9s %-8s %9s %7s\n' measure figure "" "" goal ratio
  printf '%s\n' "${rows[@]}"
}

# figure NAME: of the output of the last program, which is in $work/output.
figure() {
  awk -v name="$1" '$1 == "figure" && $2 == name { value = $3 } END { if (value == "") exit 1; print value }' \
    "$work/output" || fail "no figure $1 in the output"
}

# part_of PATTERN: the first group of an extended regular expression, from the last line that has it.
part_of() {
  local value
  value=$(sed -nE "s#.*$1.*#\1#p" "$work/output" | tail -n 1)
  [[ -n $value ]] || fail "nothing like '$1' in the output"
  echo "$value"
}

# Runs a program of this directory; what it prints is shown and kept.
run() {
  "$build/$1" "${@:2}" | tee "$work/output" | grep -v '^figure '
}

start_server() {
  local port line
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  exec {server_output}< <(exec "$build/escrowd" --dev --data-dir "$work/server" --grpc-port "$port" --amqp-port 0 \
    --http-port 0 --metrics-port 0 2>&1)
  server=$!
  target=127.0.0.1:$port
  while read -r line <&"$server_output"; do
    [[ $line != *ready* ]] || return 0
    echo "$line" >>"$work/server.log"
  done
  cat "$work/server.log" >&2
  fail "the server did not start"
}

stop_server() {
  kill "$server"
  wait "$server" || fail "the server ended with $?"
  exec {server_output}<&-
  server=
  rm -rf "$work/server"
}

# A new server for each: what the one before left to be compacted is none of the next one's business.
bench_grpc() {
  echo "== gRPC"
  start_server
  run bench/grpc unary --target "$target" --seconds "$grpc_seconds"
  stop_server
  row "Prepare + Commit, unary, 64 in flight" "tx/s" "$(figure unary_transactions_per_s)" at-least 15000
  start_server
  run bench/grpc transact --target "$target" --seconds "$grpc_seconds"
  stop_server
  row "Prepare + Commit, Transact" "tx/s" "$(figure transact_transactions_per_s)" at-least 60000
  start_server
  run bench/lone --target "$target" --directory "$work/puts" --slices "$slices"
  stop_server
  local floor
  floor=$(figure lone_floor_us)
  row "Prepare, one in flight (goal: put + 2 echoes)" "us" "$(figure lone_prepare_us)" at-most "$floor"
  row "Commit, one in flight (goal: put + 2 echoes)" "us" "$(figure lone_commit_us)" at-most "$floor"
}

bench_enqueue() {
  echo "== enqueue"
  run bench/engine --directory "$work/engine" --seconds "$seconds" --window 6 --batch 500 --batch-bytes 328000
  rm -rf "$work/engine"
  row "enqueue in process, synced, $seconds s, batches of 1,000" "msg/s" "$(part_of ': ([0-9.]+) messages/s over')" at-least 900000
}

bench_backlog() {
  local queues
  for queues in 1 1000; do
    echo "== $waiting messages waiting, $queues queue(s)"
    run bench/engine --directory "$work/engine" --count "$waiting" --queues "$queues"
    row "$waiting waiting, $queues queue(s): resident" "MiB" "$(part_of ' ([0-9.]+) MiB resident')" at-most 250
    run bench/engine --directory "$work/engine" --reopen
    row "$waiting waiting, $queues queue(s): ready after" "s" "$(part_of 'ready after ([0-9.]+) s')" at-most 2
    row "$waiting waiting, $queues queue(s): resident then" "MiB" "$(part_of ' ([0-9.]+) MiB resident')" at-most 250
    rm -rf "$work/engine"
  done
}

bench_sim() {
  echo "== simulation"
  run tests/sim/sim --seconds "$sim_seconds"
  row "simulation, one core" "commands/s" "$(part_of ': ([0-9.]+) commands/s')" at-least 100000
}

# A table of its own, printed after the other one: figures stand beside RabbitMQ's, not beside fixed goals.
bench_amqp() {
  echo "== AMQP"
  "$here/amqp.py" "${amqp_effort[@]}" "$work" >"$work/amqp"
}

describe_machine() {
  echo "$(nproc) cores of $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)," \
    "$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)," \
    "$(df --output=fstype "$work" | tail -n 1), Linux $(uname -r), load average $(cut -d ' ' -f 1 /proc/loadavg)"
}

main() {
  local part parts=()
  while [[ $# -gt 0 ]]; do
    case $1 in
      --quick) seconds=5 grpc_seconds=3 slices=5 waiting=1000000 sim_seconds=3 amqp_effort=(--quick) ;;
      grpc | enqueue | backlog | sim | amqp) parts+=("$1") ;;
      *) fail "unknown argument $1; see the head of $0" ;;
    esac
    shift
  done
  [[ ${#parts[@]} -gt 0 ]] || parts=(grpc enqueue backlog sim amqp)
  work=$(mktemp -d "${TMPDIR:-/tmp}/escrow-bench.XXXXXX")
  trap clean_up EXIT
  describe_machine
  for part in "${parts[@]}"; do
    "bench_$part"
  done
  print_rows
  [[ ! -f $work/amqp ]] || { echo && cat "$work/amqp"; }
}

main "$@"
