#!/usr/bin/env bash
# The program on docs/client-cpp.md is the one that is compiled, and it does what the page says.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${ESCROW_BUILD_DIR:-$root/build/release}

# shellcheck disable=SC2016  # these backticks are Markdown's
shown=$(sed -n '/^```cpp$/,/^```$/p' "$root/docs/client-cpp.md" | sed '1d; /^```$/,$d')
diff <(echo "$shown") "$root/examples/quickstart/main.cc" || {
  echo "docs/client-cpp.md does not show examples/quickstart/main.cc" >&2
  exit 1
}

directory=$(mktemp -d)
port=$("$build/examples/order_service/order_service" free-port)
"$build/escrowd" --data-dir "$directory/data" --dev --grpc-port "$port" --amqp-port 0 --http-port 0 \
  --metrics-port 0 >"$directory/log" 2>&1 &
escrowd=$!
clean_up() {
  kill -9 "$escrowd" || true
  wait "$escrowd" 2>/dev/null || true
  rm -rf "$directory"
}
trap clean_up EXIT

output=$("$build/examples/quickstart/quickstart" "127.0.0.1:$port") || { cat "$directory/log" >&2; exit 1; }
echo "$output"
[[ $output == *"committed greeting-"*"received: Hello from greeting-"* ]]
