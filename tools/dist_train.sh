#!/usr/bin/env bash
# Train with N processes on this machine, one a GPU, or N on the CPU where there is no GPU.
# Usage: tools/dist_train.sh CONFIG N [train.py's options]    Environment: NNODES NODE_RANK MASTER_ADDR PORT
set -euo pipefail
exec "$(dirname "$0")/_launch.sh" train.py "$@"
