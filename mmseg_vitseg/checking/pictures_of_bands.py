"""Steps of the host's that are made for pictures of three channels and 8 bits, where a config's pictures are others."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import cv2
from mmcv.transforms import LoadImageFromFile
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from mmseg_vitseg.checking.findings import Finding, warning
from mmseg_vitseg.checking.loaders import fails, severity
from mmseg_vitseg.checking.training_setup import LOADERS, Setup
from mmseg_vitseg.config.parts import Part, argument, class_of, is_a, is_known, nested, type_name
from mmseg_vitseg.config.pipelines import reads
from mmseg_vitseg.datasets.bands import WHITE
from mmseg_vitseg.datasets.load_image import LoadImage
from mmseg_vitseg.datasets.load_mask import LoadMask

OPENCVS_MOST = 128 if int(cv2.__version__.partition('.')[0]) > 4 else 512  # channels
RESIZING = ('Resize', 'RandomResize', 'RandomChoiceResize', 'ResizeShortestEdge', 'ResizeToMultiple')
WITHOUT = 'leave it out: RandomFlip, RandomResize, RandomCrop and RandomRotate take any bands'
OF_LIGHT = 'mmseg_vitseg.RandomBrightnessContrast, which takes any bands'


class Pictures(NamedTuple):
    """What a pipeline's reading step gives.

    Args:
        channels: how many; None where that is not known.
        deep: values may go beyond 255.
    """

    channels: int | None
    deep: bool


class Limit(NamedTuple):
    """What steps of the host's do not take.

    Args:
        steps: their names.
        broken: tells, of a step's settings and the pictures, whether it is so.
        why: what comes of it; None: the step fails.
        fix: what to write instead.
    """

    steps: tuple[str, ...]
    broken: Callable[[dict, Pictures], bool]
    why: str | None
    fix: str


def _not_three(node: dict, pictures: Pictures) -> bool:
    return pictures.channels not in (3, None)


LIMITS = (
    Limit(('PhotoMetricDistortion',), _not_three, None, OF_LIGHT),
    Limit(('RGB2Gray', 'RandomGrayscale'), _not_three, None, WITHOUT),
    Limit(
        ('RandomCutOut',),
        lambda node, pictures: pictures.channels not in (len(node.get('fill_in', (0, 0, 0))), None),
        None,
        'fill_in=(0, 0, ...), a value a band',
    ),
    Limit(
        ('Normalize',),
        lambda node, pictures: _not_three(node, pictures) and node.get('to_rgb', True),
        None,
        'to_rgb=False; or without it: mmseg_vitseg.SegDataPreProcessor has mean and std of any bands',
    ),
    Limit(
        ('Pad',),
        lambda node, pictures: (pictures.channels or 0) > 4 and not isinstance(_pad_value(node), float),
        None,
        'pad_val=dict(img=0.0, seg=255), which the host hands on; or without it: model.data_preprocessor.size pads',
    ),
    Limit(('CLAHE',), lambda node, pictures: pictures.channels == 1, None, WITHOUT),
    Limit(
        ('BioMedicalGaussianBlur', 'BioMedicalGaussianNoise', 'BioMedicalRandomGamma'),
        lambda node, pictures: True,
        'it is for volumes (C, Z, Y, X): of a picture (H, W, C) it takes each line for one, and mixes bands',
        WITHOUT,
    ),
    Limit(
        ('PhotoMetricDistortion', 'CLAHE', 'AdjustGamma'),
        lambda node, pictures: pictures.deep,
        'it makes 8 bits of whatever comes: larger values are cut off, or wrap around',
        f'LoadImage(scale=(LOW, HIGH)), which gives 0 to 255; or {OF_LIGHT}',
    ),
    Limit(
        RESIZING,
        lambda node, pictures: (pictures.channels or 0) > 4 and node.get('interpolation') == 'area',
        None,
        "interpolation='bilinear', as the host has it by default",
    ),
    Limit(
        (*RESIZING, 'RandomRotate', 'RandomRotFlip', 'Pad'),
        lambda node, pictures: (pictures.channels or 0) > OPENCVS_MOST,
        None,
        f'OpenCV {cv2.__version__} takes up to {OPENCVS_MOST} channels: fewer bands, or another step',
    ),
)


def _pad_value(node: dict):
    value = node.get('pad_val', 0)
    return value.get('img', 0) if isinstance(value, dict) else value


def steps_for_colours(setup: Setup) -> Iterator[Finding]:
    """Steps that fail on pictures that are not of three channels and 8 bits, or spoil them."""
    for loader, steps in _pipelines(setup):
        pictures = _read_pictures(setup, steps)
        for step in steps if pictures else ():
            name = type_name(step.node)
            for limit in LIMITS:
                known = name in limit.steps and is_known(class_of(step.node, TRANSFORMS))
                if known and pictures and limit.broken(step.node, pictures):
                    depth = ', as deep as their files,' if limit.why and pictures.deep else ''
                    count = '' if pictures.channels is None else f' of {pictures.channels} channels'
                    yield (warning if limit.why else severity(loader))(
                        f'{step.key}.type',
                        f'{name}, on pictures{depth}{count}',
                        why=limit.why or f'it does not take them: {fails(loader)}',
                        fix=limit.fix,
                    )
                    break


def labels_of_no_data(setup: Setup) -> Iterator[Finding]:
    """Masks that are read by a step that does not know where a picture has no data: the host's, or one before LoadImage."""
    for loader, steps in _pipelines(setup):
        of_bands = next((step for step in steps if _bands(step.node)), None)
        if loader == 'test_dataloader' or of_bands is None or of_bands.node.get('nodata', 'file') is None:
            continue
        for index, step in enumerate(steps):
            cls = class_of(step.node, TRANSFORMS)
            if cls is None or not is_known(cls) or not issubclass(cls, LoadAnnotations):
                continue
            if not issubclass(cls, LoadMask) or index < steps.index(of_bands):
                yield warning(
                    f'{step.key}.type',
                    f'{type_name(step.node)}, with {of_bands.key} whose nodata={of_bands.node.get("nodata", "file")!r}',
                    why='pixels without data keep the labels of their mask, and count in the loss and in scores',
                    fix='mmseg_vitseg.LoadMask, after LoadImage, ignores them; or LoadImage(nodata=None), where every pixel '
                    'has data',
                )


def means_before_scale(setup: Setup) -> Iterator[Finding]:
    """Means of values as files have them, where LoadImage makes 0 to 255 of them."""
    part = setup.known_preprocessor
    scaled = next(
        (step for step in setup.train_steps if _bands(step.node) and step.node.get('scale') is not None), None
    )
    means = part.node.get('mean') if part else None
    if part is None or scaled is None or not means:
        return
    beyond = [mean for mean in means if isinstance(mean, (int, float)) and not 0 <= mean <= WHITE]
    if beyond:
        yield warning(
            f'{part.key}.mean',
            f'{beyond[0]:g}, and {scaled.key}.scale makes 0 to 255 of what is in the files',
            why='what comes to the model is far from 0',
            fix='mean and std of the values after the scale: tools/check_config.py CONFIG --data proposes them',
        )


def _pipelines(setup: Setup) -> Iterator[tuple[str, list[Part]]]:
    """Yield the steps that each data set of each loader goes through, those inside of others too."""
    for loader in LOADERS:
        for wrapped in setup.datasets(loader):
            steps = [part for one in wrapped for part in nested(one.node.get('pipeline'), f'{one.key}.pipeline')]
            yield loader, [step for step in steps if 'type' in step.node]


def _read_pictures(setup: Setup, steps: list[Part]) -> Pictures | None:
    """Tell what the first step that reads pictures gives; None where nothing is known of it."""
    node = next((step.node for step in steps if reads(step.node) == 'picture'), None)
    cls = None if node is None else class_of(node, TRANSFORMS)
    if node is None or not is_known(cls):
        return None
    taken = setup.argument('in_channels')
    taken = taken if isinstance(taken, int) else None
    if bands := _bands(node):
        return Pictures(taken if bands == 'all' else len(bands), node.get('scale') is None)
    decodes = getattr(cls, 'transform', None) in (LoadImageFromFile.transform, LoadImage.transform)
    kind = argument(node, 'color_type', cls)
    if not decodes or kind == 'unchanged':
        return Pictures(taken, False)
    return Pictures(1 if str(kind).startswith('grayscale') else 3, False)


def _bands(node: dict):
    """Return the bands of a LoadImage step, None where it is another, or has none."""
    return node.get('bands') if is_a(node, TRANSFORMS, LoadImage) else None
