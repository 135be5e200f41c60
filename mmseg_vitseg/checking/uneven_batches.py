"""Pictures of different sizes, which cannot be one batch: found with the config's own pipeline and preprocessor."""

import math
from collections.abc import Iterator

from mmseg.registry import MODELS, TRANSFORMS
from PIL import Image

from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.sample import evenly_spaced
from mmseg_vitseg.checking.training_setup import Setup, build_dataset
from mmseg_vitseg.config.parts import Part, by, class_of, dicts, is_known, quiet

SAMPLE = 256  # pictures of each data set whose files' headers are read, at even distances
RANKS = (min, max, math.prod)  # of a size: by its shorter side, its longer one, its area
FAILS = {
    'train_dataloader': 'training fails at the first batch that has both',
    'val_dataloader': 'the first validation fails, after an epoch of training',
    'test_dataloader': 'tools/test.py fails',
}


def uneven_batches(setup: Setup) -> Iterator[Finding]:
    """Batches whose pictures are of several sizes when they come to the model."""
    if setup.preprocessor is None:
        return
    preprocessor = MODELS.build(dict(setup.preprocessor.node))
    for name in FAILS:
        for loader in dicts(setup.cfg.get(name), name):
            count = loader.node.get('batch_size', 1)
            cropped = name == 'train_dataloader' and setup.crop  # and padded to it: wrong_padding
            if count == 1 or cropped or 'batch_sampler' in loader.node or 'collate_fn' in loader.node:
                continue
            samples = [sample for wrapped in setup.datasets(name) for sample in _samples(wrapped)]
            problem = _batch_problem(
                preprocessor, [packed for _, packed in samples], training=name == 'train_dataloader'
            )
            if problem:
                yield _different_sizes(loader, count, samples)


def _different_sizes(loader: Part, count: int, samples: list[tuple[str, dict]]) -> Finding:
    sizes = {by(packed['inputs'].shape[1:]): path for path, packed in samples}
    (one, first), (other, second) = [*sizes.items()][:2]
    training = loader.key == 'train_dataloader'
    return (warning if loader.key == 'test_dataloader' else error)(
        f'{loader.key}.batch_size',
        f'{count}, and pictures come to the model as {one} ({first}) and as {other} ({second})',
        why=f'a batch has pictures of one size: {FAILS[loader.key]}',
        fix='crop or pad them in the pipeline (RandomCrop; model.data_preprocessor.size pads up to it)'
        if training
        else f'{loader.key}.batch_size=1, or Resize or Pad to one size in its pipeline',
    )


def _batch_problem(preprocessor, packed: list[dict], *, training: bool) -> bool:
    """Tell whether samples of more than one size are refused as a batch."""
    if len({one['inputs'].shape[1:] for one in packed}) < 2:
        return False
    batch = {name: [one[name] for one in packed] for name in ('inputs', 'data_samples')}
    try:
        with quiet():
            preprocessor(batch, training=training)
    except Exception:  # an AssertionError of the host's, a RuntimeError of torch's
        return True
    return False


def _samples(wrapped: tuple[Part, ...]) -> Iterator[tuple[str, dict]]:
    """Yield some pictures of a data set as its pipeline gives them: the smallest, the largest, the first and the last."""
    if any('pipeline' in wrapper.node for wrapper in wrapped[1:]):
        return  # it makes pictures of several
    if not all(is_known(class_of(step.node, TRANSFORMS)) for step in wrapped[0].children('pipeline')):
        return  # a step that nobody here wrote may do anything, and is not run before the training
    try:
        with quiet():
            dataset = build_dataset(wrapped[0])
            indices = evenly_spaced(len(dataset), SAMPLE)
            paths = {index: str(dataset.get_data_info(index)['img_path']) for index in indices}
            sizes = {index: size for index, path in paths.items() if (size := _size(path))}
            by_size = [
                find(sizes, key=lambda index: rank(sizes[index])) for find in (min, max) for rank in RANKS if sizes
            ]
            found = [(paths[index], dataset[index]) for index in sorted({*by_size, *indices[:2], indices[-1]})]
    except Exception:  # no files, or damaged: for others to say
        return
    yield from found


def _size(path: str) -> tuple[int, int] | None:
    """Return a picture's size, (W, H), from the head of its file; None where that is not known."""
    try:
        with Image.open(path) as picture:
            return picture.size
    except OSError:
        return None
