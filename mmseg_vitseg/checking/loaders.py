"""Data loaders: options that torch's refuses, and pictures that do not fill a batch."""

from collections.abc import Iterator

from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.training_setup import LOADERS, Setup
from mmseg_vitseg.config.parts import dicts

# Options that torch's loader takes only with workers, and what switches them off.
OF_WORKERS = {'persistent_workers': False, 'prefetch_factor': None, 'multiprocessing_context': None}


def options_without_workers(setup: Setup) -> Iterator[Finding]:
    """Options of workers where a loader has none."""
    for name in LOADERS:
        for loader in dicts(setup.cfg.get(name), name):
            given = [option for option in OF_WORKERS if loader.node.get(option)]
            if not given or loader.node.get('num_workers', 0):
                continue
            off = ' '.join(f'{loader.key}.{option}={OF_WORKERS[option]}' for option in given)
            yield severity(name)(
                f'{loader.key}.{given[0]}',
                f'{loader.node[given[0]]}, and {loader.key}.num_workers is 0',
                why="torch's loader refuses it: " + fails(name),
                fix=f'{off}, or {loader.key}.num_workers=1',
            )


def severity(loader: str):
    """Return how bad a loader that fails is: a training does not need the test data's."""
    return warning if loader == 'test_dataloader' else error


def fails(loader: str) -> str:
    """Return what a loader that fails ends."""
    return 'tools/test.py fails' if loader == 'test_dataloader' else 'the training fails'


def dropped_pictures(setup: Setup) -> Iterator[Finding]:
    """Where batches that are not full are left out: all of the training data, or what should be scored."""
    loader = setup.cfg.get('train_dataloader') or {}
    if loader.get('drop_last') and (steps := setup.steps) is not None and steps.epoch == 0 and not steps.endless:
        yield error(
            'train_dataloader.drop_last',
            f'True, with train_dataloader.batch_size={steps.batch_size} and {steps}',
            why='what does not fill a batch is left out, and nothing else is there: the training cannot start',
            fix=f'train_dataloader.batch_size={max(1, steps.share)} or less, or train_dataloader.drop_last=False',
        )
    for name in ('val_dataloader', 'test_dataloader'):
        if isinstance(other := setup.cfg.get(name), dict) and other.get('drop_last'):
            yield warning(
                f'{name}.drop_last',
                'True',
                why='pictures that do not fill a batch are left out of the scores',
                fix=f'{name}.drop_last=False',
            )
