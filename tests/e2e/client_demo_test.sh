#!/usr/bin/env bash
# The demo with fewer orders: the service is killed at every place, the server once, and the books agree.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
exec "$root/examples/order_service/run.sh" --orders 800
