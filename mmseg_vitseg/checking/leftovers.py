"""What is left of the pictures where batches are full: all of it may be, or what should be scored."""

from collections.abc import Iterator

from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.setup import Setup


def check_leftovers(setup: Setup) -> Iterator[Finding]:
    """What is left out where a batch is not full is not all, and nothing that is scored."""
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
