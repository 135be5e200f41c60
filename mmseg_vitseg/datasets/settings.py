"""What a config says of its data sets: those inside wrappers, and the classes and colours that the host takes of each."""

from collections.abc import Iterator

from mmengine.config import Config, ConfigDict


def datasets_in(cfg: Config, loader: str) -> list[ConfigDict]:
    """Return the settings of a loader's data set, or of those inside its wrappers (ConcatDataset, RepeatDataset ...).

    Raises:
        ValueError: there is none, or a list of them, which the host's Runner does not take.
    """
    node = cfg.get(loader)
    dataset = node.get('dataset') if isinstance(node, dict) else node
    if not isinstance(dataset, dict):
        key = f'{loader}.dataset' if isinstance(node, dict) else loader
        found, joined = 'not there', ''
        if isinstance(dataset, (list, tuple)):
            found = f'a list of {len(dataset)}'
            joined = "; several data sets are one dataset=dict(type='ConcatDataset', datasets=[...])"
        raise ValueError(f'{cfg.filename}: {key} is {found}; allowed: {loader} = dict(dataset=dict(...), ...){joined}')
    return list(_unwrapped(dataset))


def _unwrapped(dataset: ConfigDict) -> Iterator[ConfigDict]:
    inside = [one for one in (dataset.get('dataset'), *(dataset.get('datasets') or ())) if isinstance(one, dict)]
    if not inside:
        yield dataset
    for one in inside:
        yield from _unwrapped(one)
