"""Sizes against each other: crops, patches, position grids, padding, sliding windows."""

from collections.abc import Iterator

from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import nn

from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.probing import meta_images, runs_on_meta
from mmseg_vitseg.checking.starting_weights import starts_pretrained
from mmseg_vitseg.checking.training_setup import Setup
from mmseg_vitseg.config.parts import by, class_of, is_known, pair
from mmseg_vitseg.models.segmentor import EncoderDecoder as OurEncoderDecoder


def partial_patches(setup: Setup) -> Iterator[Finding]:
    """A crop that is not whole patches of the backbone, a vision transformer."""
    backbone, patch, crop = setup.backbone, setup.argument('patch_size'), setup.crop
    if backbone is None or not is_known(setup.backbone_class) or not crop:
        return
    if not isinstance(patch, int) or not setup.argument('img_size'):
        return
    whole = tuple(-(-pixels // patch) * patch for pixels in crop.size)
    if whole != crop.size:
        yield warning(
            crop.key,
            f'{by(crop.size)} is not whole patches of {backbone.key}.patch_size={patch}',
            why='each picture is padded at the bottom and the right, and the model learns from the padding',
            fix=f'pictures of {by(whole)}, or {by(tuple(side - patch if side > patch else side for side in whole))}',
        )


def other_position_grid(setup: Setup) -> Iterator[Finding]:
    """Positions that are learned on another grid than the crop's."""
    backbone, crop, features = setup.backbone, setup.crop, setup.features
    made_for, patch = pair(setup.argument('img_size')), setup.argument('patch_size')
    if backbone is None or features.backbone is None or not crop or not made_for or made_for == crop.size:
        return
    key, what = f'{backbone.key}.img_size', f'{by(made_for)}, and pictures in training are {by(crop.size)}'
    fix = f'{key}={crop.size}'.replace(' ', '')
    if features.problem is not None:
        if runs_on_meta(features.backbone, meta_images(backbone, made_for)):
            yield error(key, what, why='this backbone takes no other size: the first step of training fails', fix=fix)
    elif _is_resized(features.backbone, patch, made_for, crop.size) and not starts_pretrained(setup):
        yield warning(
            key,
            what,
            why='positions that start from nothing are learned on another grid than they are used on, resized in each step',
            fix=fix,
        )


def wrong_padding(setup: Setup) -> Iterator[Finding]:
    """A data preprocessor that pads to nothing, to two things, or to another size than the crop's."""
    preprocessor, crop = setup.known_preprocessor, setup.crop
    if preprocessor is None or not setup.cfg.get('train_dataloader'):
        return
    key, node = preprocessor
    size, divisor = node.get('size'), node.get('size_divisor')
    wanted = str(crop.size).replace(' ', '') if crop else '(HEIGHT,WIDTH)'
    if (size is None) == (divisor is None):
        yield error(
            f'{key}.size',
            'neither size nor size_divisor' if size is None else f'{size}, besides size_divisor={divisor}',
            why='the host needs one of them: the first step of training fails',
            fix=f'{key}.size={wanted}' + ('' if size is None else f' {key}.size_divisor=None'),
        )
    elif crop and (padded := pair(size)) and padded != crop.size:
        smaller = any(side < cropped for side, cropped in zip(padded, crop.size, strict=True))
        yield warning(
            f'{key}.size',
            f'{by(padded)}, and {crop.key} is {by(crop.size)}',
            why='pictures smaller than the crop are then not of one size, which cannot be a batch'
            if smaller
            else 'each crop is padded to it, which takes time and memory and teaches nothing',
            fix=f'{key}.size={wanted}',
        )


def wrong_windows(setup: Setup) -> Iterator[Finding]:
    """Sliding windows of no size, or that do not cover the picture."""
    test, cls = setup.model.child('test_cfg'), class_of(setup.model.node, MODELS)
    if test is None or cls is None or not _predicts_as(cls, OurEncoderDecoder, EncoderDecoder):
        return
    mode = test.node.get('mode', 'whole')
    if mode not in ('slide', 'whole'):
        yield error(
            'model.test_cfg.mode',
            f'{mode!r}; allowed: whole, slide',
            why='the first validation fails',
            fix='model.test_cfg.mode=whole',
        )
    if mode != 'slide':
        return
    given = [test.node.get(name) for name in ('crop_size', 'stride')]
    crop, stride = (None if isinstance(size, int) else pair(size) for size in given)
    for name, value in (('crop_size', crop), ('stride', stride)):
        evenly = name == 'stride' and test.node.get(name) is None and issubclass(cls, OurEncoderDecoder)
        if value is None and not evenly:
            yield error(
                f'{test.key}.{name}',
                f"{test.node.get(name)}; mode='slide' needs it, as (HEIGHT, WIDTH)",
                why='the first validation fails',
                fix=f'{test.key}.{name}=' + ('(512,512)' if name == 'crop_size' else '(341,341)'),
            )
    if crop and stride and any(step > side for step, side in zip(stride, crop, strict=True)):
        yield error(
            f'{test.key}.stride',
            f'{by(stride)} is more than {test.key}.crop_size={by(crop)}',
            why='pixels between the windows are in none: the first validation fails, or scores what nobody predicted',
            fix=f'{test.key}.stride={tuple(-(-2 * side // 3) for side in crop)}'.replace(' ', ''),
        )


def _predicts_as(segmentor: type, *bases: type) -> bool:
    """Tell whether a segmentor is one of these, and predicts as it does: whole or in windows."""
    return any(
        issubclass(segmentor, base)
        and all(getattr(segmentor, name) is getattr(base, name) for name in ('inference', 'slide_inference'))
        for base in bases
    )


def _is_resized(backbone: nn.Module, patch, made_for: tuple[int, int], size: tuple[int, int]) -> bool:
    """Tell whether a backbone learns positions, one a patch, on another grid than that of a size."""
    learned = any(name == 'pos_embed' for name, _ in backbone.named_parameters())
    if not learned or not isinstance(patch, int):
        return False
    return [side // patch for side in made_for] != [-(-side // patch) for side in size]
