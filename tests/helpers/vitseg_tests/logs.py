"""Reading what a training logged."""

import json
from pathlib import Path


def losses(work_dir: Path) -> list[tuple[int, float]]:
    """Read (iteration, loss) from the host's logs, in the order of the runs."""
    lines = [line for log in sorted(work_dir.glob('*/vis_data/scalars.json')) for line in log.read_text().splitlines()]
    return [(row['step'], row['loss']) for row in map(json.loads, lines) if 'loss' in row]
