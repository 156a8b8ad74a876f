#!/usr/bin/env bash
# A short run of ./dev crash, as part of the tests. With a new seed each time, which is printed: a fixed one would
# only repeat the same moments.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/crash.sh" 4
