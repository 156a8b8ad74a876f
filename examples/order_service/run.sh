#!/usr/bin/env bash
# The demo: an order service that is killed again and again, and not one order is lost, invented or shipped twice.
# README.md beside this script says what one sees.
#
# Usage: run.sh [--orders N] [--keep]
#   --orders N   only the first N of orders.csv
#   --keep       leave the directory with data and logs behind
#
# Starts a PostgreSQL cluster, an escrowd and everything else of its own, on a Unix socket and a free port, below one
# temporary directory, and takes all of it away again at the end, however that comes.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${ESCROW_BUILD_DIR:-$here/../../build/release}
escrowd=$build/escrowd
service=$build/examples/order_service/order_service
workers=8
max_orders=1000000
keep=no

while [[ $# -gt 0 ]]; do
  case $1 in
    --orders)
      [[ ${2:-} =~ ^[0-9]+$ ]] || { echo "run.sh: --orders needs a number" >&2; exit 2; }
      max_orders=$2
      shift 2
      ;;
    --keep) keep=yes; shift ;;
    *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
done
for program in "$escrowd" "$service"; do
  [[ -x $program ]] || { echo "run.sh: $program is missing; ./dev build makes it" >&2; exit 1; }
done

# --- beginning and end -------------------------------------------------------------------------------

directory=$(mktemp -d "${TMPDIR:-/tmp}/escrow-demo.XXXXXX")
chmod 711 "$directory"  # the database's user has to pass through
escrowd_pid=
shipping_pid=
supervisor_pids=()
postgres_runs=no

# PostgreSQL refuses to run as root.
as_database_user() {
  if [[ $EUID -eq 0 ]]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

stop() {  # SIGNAL PID: signals and waits
  kill "-$1" "$2" 2>/dev/null || true
  wait "$2" 2>/dev/null || true
}

clean_up() {
  local status=$?
  trap - EXIT INT TERM HUP
  set +e
  for pid in "${supervisor_pids[@]}"; do stop TERM "$pid"; done
  [[ -z $shipping_pid ]] || stop TERM "$shipping_pid"
  [[ -z $escrowd_pid ]] || stop KILL "$escrowd_pid"
  [[ $postgres_runs = no ]] || as_database_user "$pg_bin/pg_ctl" -D "$pg/data" -m immediate -s stop
  if [[ $status -ne 0 && $status -lt 128 ]]; then
    for log in "$directory"/{escrowd,service,shipping}.log; do
      # Bash notes in there whom it saw being killed, which is what the demo is about.
      [[ -s $log ]] && { echo "--- the end of $(basename "$log")"; grep -v ' Killed ' "$log" | tail -n 15; } >&2
    done
  fi
  if [[ $keep = yes ]]; then echo "Data and logs are in $directory"; else rm -rf "$directory"; fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

say() { printf '%s%s\n' "$line_start" "$*"; }
# On a terminal the line of progress is written over; anywhere else each stands for itself.
if [[ -t 1 ]]; then line_start=$'\r\e[K'; else line_start=; fi

# --- PostgreSQL --------------------------------------------------------------------------------------

pg_bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
[[ -n $pg_bin ]] || { echo "run.sh: no PostgreSQL below /usr/lib/postgresql; ./dev setup installs it" >&2; exit 1; }
pg=$directory/postgres
database="host=$pg dbname=postgres user=demo"

start_postgres() {
  mkdir "$pg"
  [[ $EUID -ne 0 ]] || chown postgres "$pg"
  chmod 700 "$pg"
  as_database_user "$pg_bin/initdb" -D "$pg/data" -U demo -A trust -E UTF8 --locale=C --no-sync >"$directory/initdb.log"
  postgres_runs=yes
  # No TCP: the socket lies in a directory that only this user can enter.
  as_database_user "$pg_bin/pg_ctl" -D "$pg/data" -l "$pg/log" -o "-c listen_addresses='' -k '$pg'" -s -w start
  "$service" create-tables --database "$database"
}

# --- Escrow ------------------------------------------------------------------------------------------

port=$("$service" free-port)
server=127.0.0.1:$port

start_escrowd() {
  # A worker may be killed while it answers a check; the next check comes after two seconds instead of ten.
  "$escrowd" --data-dir "$directory/escrow" --dev --grpc-port "$port" --amqp-port 0 --http-port 0 --metrics-port 0 \
    --checks-base-interval 2s >>"$directory/escrowd.log" 2>&1 &
  escrowd_pid=$!
  # Waits until the server is there; changes nothing when it has been declared before.
  "$service" declare --server "$server"
}

# --- the order service -------------------------------------------------------------------------------

supervise() {  # WORKER: starts it again whenever it was killed
  local worker=$1 pid status
  trap 'stop TERM "$pid"; exit 0' TERM
  while true; do
    "$service" serve --server "$server" --database "$database" --orders "$here/orders.csv" \
      --max-orders "$max_orders" --worker "$worker" --workers "$workers" \
      --position "$directory/position.$worker" --checks "$directory/checks" &
    pid=$!
    status=0
    wait "$pid" || status=$?
    [[ $status -eq 137 ]] || { echo "worker $worker ended with status $status"; touch "$directory/failed"; exit 1; }
    echo killed >>"$directory/kills"
  done
}

count() { [[ -e $1 ]] && wc -l <"$1" || echo 0; }
begun() { cat "$directory"/position.? 2>/dev/null | awk '{ n += $1 } END { print n + 0 }'; }

show_progress() {
  printf "$line_start"'%5d of %d orders   %3d kills   %4d checks   %5d delivered'"$line_end" \
    "$(begun)" "$total" "$(count "$directory/kills")" "$(count "$directory/checks")" "$(count "$directory/deliveries")"
}

wait_for_orders() {  # NUMBER: returns when the workers have begun so many
  local ticks=0
  while [[ $(begun) -lt $1 ]]; do
    [[ ! -e $directory/failed ]] || exit 1
    if [[ -t 1 || $((ticks % 20)) -eq 0 ]]; then show_progress; fi
    ticks=$((ticks + 1))
    sleep 0.2
  done
}

# --- the demo ----------------------------------------------------------------------------------------

if [[ -t 1 ]]; then line_end=; else line_end=$'\n'; fi
total=$(($(wc -l <"$here/orders.csv") - 1))
((total <= max_orders)) || total=$max_orders

say "Starting PostgreSQL and escrowd ..."
start_postgres
start_escrowd

say "Placing $total orders with $workers workers, which kill themselves over every sixteenth order or so."
for ((worker = 0; worker < workers; worker++)); do
  supervise "$worker" 2>>"$directory/service.log" >&2 &
  supervisor_pids+=($!)
done

wait_for_orders $((total * 2 / 5))
say "Killing escrowd with SIGKILL, in the middle of everything, and starting it again ..."
stop KILL "$escrowd_pid"
start_escrowd

say "The warehouse opens: it receives what has been waiting, and what is still to come."
"$service" ship --server "$server" --deliveries "$directory/deliveries" 2>>"$directory/shipping.log" >&2 &
shipping_pid=$!

wait_for_orders "$total"
say "All orders are begun; waiting for the last checks and deliveries ..."
"$service" await-rest --server "$server"
show_progress
say "The service was killed $(count "$directory/kills") times, escrowd once."

stop TERM "$shipping_pid"
shipping_pid=
"$service" report --database "$database" --orders "$here/orders.csv" --max-orders "$max_orders" \
  --deliveries "$directory/deliveries" --checks "$directory/checks"
