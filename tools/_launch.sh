#!/usr/bin/env bash
# What dist_train.sh and dist_test.sh share: TOOL CONFIG N [ARGUMENT ...] -> torchrun (_launch.py). PYTHON: which interpreter (python).
set -euo pipefail
[ $# -ge 3 ] || { echo "usage: tools/dist_${1%.py}.sh CONFIG N [options of $1]" >&2; exit 2; }
tool=$1 config=$2 processes=$3
shift 3
[[ $processes =~ ^[1-9][0-9]*$ ]] || { echo "error: number of processes: '$processes'; a positive whole number" >&2; exit 2; }
[[ -f $config || $config =~ ^[A-Za-z0-9_]+$ ]] || { echo "error: $config: no such config; configs of this project are in configs/" >&2; exit 2; }
command -v "${PYTHON:-python}" >/dev/null || { echo "error: ${PYTHON:-python}: not found; activate the environment (. .venv/bin/activate)" >&2; exit 2; }
exec "${PYTHON:-python}" "$(dirname "$0")/_launch.py" \
    --nnodes "${NNODES:-1}" --node_rank "${NODE_RANK:-0}" --nproc_per_node "$processes" \
    --master_addr "${MASTER_ADDR:-127.0.0.1}" --master_port "${PORT:-29500}" \
    "$(dirname "$0")/$tool" "$config" "$@" --launcher pytorch
