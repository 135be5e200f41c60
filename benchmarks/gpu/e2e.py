"""Short trainings by the tool, as a user starts them: in half precision, in a process group of one, in shares, compiled."""

import json
import socket
import sys
import time
from pathlib import Path

from gpu.limits import last_lines, run_limited
from gpu.session import Session

ROOT = Path(__file__).resolve().parents[2]
TRAIN = str(ROOT / 'tools/train.py')
CONFIG = str(ROOT / 'configs/quickstart.py')
SECONDS = 40  # a training at most; one that compiles
SECONDS_COMPILED = 90


def run(session: Session) -> None:
    """Train quickstart's model for an epoch in each way; what no GPU has run to its end comes first."""
    shares = session.out / 'shares.py'
    shares.write_text(f'_base_ = {[CONFIG, str(ROOT / "configs/_base_/fsdp.py")]!r}\n')
    ways = {
        'FSDP of one, --amp': [*launcher(), str(shares.resolve()), '--amp', '--launcher', 'pytorch'],
        'DDP of one, --amp': [*launcher(), CONFIG, '--amp', '--launcher', 'pytorch'],
        'compile=True, --amp': [TRAIN, CONFIG, '--amp'],
        '--amp': [TRAIN, CONFIG, '--amp'],
        'FSDP of one': [*launcher(), str(shares.resolve()), '--launcher', 'pytorch'],
    }
    for way, command in ways.items():
        if not way.startswith('compile'):
            train(session, way, command, SECONDS)
        else:  # inductor takes minutes on a CPU
            option = 'compile.backend=aot_eager' if session.quick else 'compile=True'
            train(session, way, command, SECONDS_COMPILED, option)


def launcher() -> list[str]:
    """Return what starts a process group of one, on a port that is free."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    group = f'--nnodes 1 --node_rank 0 --nproc_per_node 1 --master_addr 127.0.0.1 --master_port {port}'
    return [str(ROOT / 'tools/_launch.py'), *group.split(), TRAIN]


def train(session: Session, way: str, command: list[str], seconds: float, *more: str) -> None:
    """Train, and write how it ended and its last scores."""
    name = ''.join(letter if letter.isalnum() else '_' for letter in way)
    log, folder = session.out / f'train_{name}.log', session.out / 'work' / name
    pictures = 32 if session.quick else 96  # of 25 s a training, 15 go before its first step
    options = [f'train_dataloader.dataset.length={pictures}', f'val_dataloader.dataset.length={pictures}']
    options += ['train_cfg.max_epochs=1', 'train_dataloader.num_workers=2', *more]
    environment = {} if session.on_gpu else dict(CUDA_VISIBLE_DEVICES='')
    command = [sys.executable, *command, '--work-dir', str(folder), '--cfg-options', *options]
    began = time.monotonic()
    status = run_limited(command, seconds, log, environment)
    error = f'status {status}: {" ".join(last_lines(log, 1))}' if status else ''
    session.row('train.py', way=way, seconds=time.monotonic() - began, **scores(folder), error=error)


def scores(folder: Path) -> dict:
    """Return the last loss and mIoU that a training wrote."""
    found: dict = {}
    for file in sorted(folder.glob('*/vis_data/scalars.json')):
        for line in file.read_text().splitlines():
            found |= {key: value for key, value in json.loads(line).items() if key in ('loss', 'mIoU')}
    return found
