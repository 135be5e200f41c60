#!/usr/bin/env bash
# Evaluate with N processes on this machine, one a GPU, or N on the CPU where there is no GPU.
# Usage: tools/dist_test.sh CONFIG CHECKPOINT N [test.py's options]    Environment: NNODES NODE_RANK MASTER_ADDR PORT
set -euo pipefail
[ $# -ge 3 ] || { echo "usage: tools/dist_test.sh CONFIG CHECKPOINT N [options of test.py]" >&2; exit 2; }
config=$1 checkpoint=$2 processes=$3
shift 3
exec "$(dirname "$0")/_launch.sh" test.py "$config" "$processes" "$checkpoint" "$@"
