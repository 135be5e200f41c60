"""What the data preprocessor does with bands: as many means as bands, in the order that the loading step gives."""

from collections.abc import Iterator

from mmseg.models.data_preprocessor import SegDataPreProcessor
from mmseg.registry import MODELS, TRANSFORMS

from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.training_setup import Setup
from mmseg_vitseg.config.parts import argument, class_of, is_a, is_known, type_name
from mmseg_vitseg.datasets.load_image import LoadImage


def wrong_means(setup: Setup) -> Iterator[Finding]:
    """Means of another number of bands than the backbone takes, or than the host's data preprocessor takes."""
    part = setup.known_preprocessor
    if part is None or type_name(part.node) != 'SegDataPreProcessor':
        return
    cls = class_of(part.node, MODELS)
    given = {name: argument(part.node, name, cls) for name in ('mean', 'std')}
    backbone = setup.backbone
    bands = setup.argument('in_channels') if backbone and is_known(setup.backbone_class) else None
    counts = {
        name: len(values) for name, values in given.items() if isinstance(values, (list, tuple)) and len(values) > 1
    }
    if backbone and isinstance(bands, int) and (wrong := [name for name in counts if counts[name] != bands]):
        yield error(  # once for both, which are of one number most of the time
            f'{part.key}.{wrong[0]}',
            f'{" and ".join(wrong)} of {counts[wrong[0]]} bands; {backbone.key}.in_channels is {bands}',
            why='the first step fails',
            fix='one number a band that the loading step gives, or one for all; and in_channels of as many',
        )
    elif cls is SegDataPreProcessor and (wrong := [name for name in counts if counts[name] != 3]):
        yield error(
            f'{part.key}.type',
            f"the host's SegDataPreProcessor, with {wrong[0]} of {counts[wrong[0]]} bands",
            why='the model cannot be built: it takes one or three',
            fix=f'{part.key}.type=mmseg_vitseg.SegDataPreProcessor',
        )


def turned_bands(setup: Setup) -> Iterator[Finding]:
    """Three bands in their file's order, which the data preprocessor takes for BGR and turns."""
    part = setup.known_preprocessor
    if part is None or not part.node.get('bgr_to_rgb') or setup.argument('in_channels') != 3:
        return
    for step in setup.train_steps:
        if step.node.get('bands') is not None and is_a(step.node, TRANSFORMS, LoadImage):
            yield warning(
                f'{part.key}.bgr_to_rgb',
                f'True, and {step.key} reads bands={step.node["bands"]!r} in that order',
                why='the network gets the third band first, and so they are shown',
                fix=f'{part.key}.bgr_to_rgb=False',
            )
