"""``out_indices``, ``in_index`` and ``in_channels`` of backbone, neck and heads against each other."""

import inspect
from collections.abc import Iterator, Sequence

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.probing import BATCH, as_declared, build_on_meta, run_on_meta, runs_on_meta
from mmseg_vitseg.checking.training_setup import Setup
from mmseg_vitseg.config.parts import Part, argument, class_of, is_known
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.models.heads.base import DecodeHead

FORWARD = 'the first forward pass fails'


def missing_levels(setup: Setup) -> Iterator[Finding]:
    """Levels that ``out_indices`` name and the backbone does not have."""
    backbone, indices, features = setup.backbone, setup.argument('out_indices'), setup.features
    if backbone is None or not isinstance(indices, (list, tuple)) or 'out_indices' not in backbone.node:
        return
    key, what = f'{backbone.key}.out_indices', f'{tuple(indices)}'
    if features.backbone is None and features.problem is not None:
        if _builds_without(backbone, 'out_indices'):
            reason = first_line(features.problem)
            yield error(
                key,
                f'{what} cannot be used ({reason})',
                why='the model cannot be built',
                fix='name only levels that the backbone has, each once, in rising order',
            )
    elif features.outputs is not None and len(features.outputs) < len(indices):
        yield error(
            key,
            f'{what} names {len(indices)} levels, the backbone returns {len(features.outputs)}',
            why='those that it does not have are left out, and heads take others than they are meant to',
            fix='name only levels that the backbone has, in rising order',
        )


def wrong_neck_widths(setup: Setup) -> Iterator[Finding]:
    """Widths of the neck that are not the backbone's."""
    neck, outputs = setup.model.child('neck'), setup.features.outputs
    if neck is None or outputs is None or setup.features.levels is not None:
        return
    cls = class_of(neck.node, MODELS)
    name = 'in_channels' if argument(neck.node, 'in_channels', cls) is not None else 'embed_dim'
    declared = argument(neck.node, name, cls)
    widths = [output.shape[1] for output in outputs]
    if not is_known(cls) or declared is None:
        return
    wanted = dict(enumerate(declared if isinstance(declared, (list, tuple)) else [declared] * len(widths)))
    if [*wanted.values()] == widths or not _takes(neck, as_declared(outputs, wanted)[: len(wanted)]):
        return
    right = widths if isinstance(declared, (list, tuple)) else widths[0]
    yield error(
        f'{neck.key}.{name}',
        f'{declared}, and the backbone returns {len(widths)} levels of widths {widths}',
        why=FORWARD,
        fix=f"{neck.key}.{name}={right}, or the backbone's out_indices",
    )


def wrong_head_levels(setup: Setup) -> Iterator[Finding]:
    """Levels or widths of a head that are not what backbone and neck hand on."""
    outputs, levels = setup.features.outputs, setup.features.levels
    indices = setup.argument('out_indices')
    if outputs is None or not levels or (isinstance(indices, (list, tuple)) and len(outputs) < len(indices)):
        return
    widths = [level.shape[1] for level in levels]
    for head in setup.heads:
        cls = class_of(head.node, MODELS)
        if not is_known(cls) or not issubclass(cls, BaseDecodeHead):
            continue
        index, width = (argument(head.node, name, cls) for name in ('in_index', 'in_channels'))
        declared = _declared(index, width)
        if not declared or all(_width(widths, one) == wide for one, wide in declared.items()):
            continue
        # a head may read its levels in a way of its own: one that takes these levels is right, whatever it declares
        if _takes(head, levels) or not _takes(head, as_declared(levels, declared)):
            continue
        yield _mismatch(widths, head.key, index, declared)


def unread_levels(setup: Setup) -> Iterator[Finding]:
    """A last level of the backbone that no head reads: what leads to it alone gets no gradient."""
    backbone, levels, indices = setup.backbone, setup.features.levels, setup.argument('out_indices')
    if backbone is None or levels is None or setup.model.child('neck') or not isinstance(indices, (list, tuple)):
        return
    classes = [class_of(head.node, MODELS) for head in setup.heads]
    if len(indices) != len(levels) or not all(is_known(cls) and issubclass(cls, BaseDecodeHead) for cls in classes):
        return
    read = [argument(head.node, 'in_index', cls) for head, cls in zip(setup.heads, classes, strict=True)]
    used = {one for index in read for one in (index if isinstance(index, (list, tuple)) else [index])}
    if not all(isinstance(one, int) and -len(levels) <= one < len(levels) for one in used):
        return  # wrong_head_levels says so
    last = max((one % len(levels) for one in used), default=len(levels) - 1)
    if last < len(levels) - 1:
        key, fewer, frozen = backbone.key, f'{tuple(indices[: last + 1])}'.replace(' ', ''), setup.argument('frozen')
        deep = isinstance(setup.argument('num_layers'), int) and indices[last] >= 0
        yield warning(
            f'{key}.out_indices',
            f'{tuple(indices)}, and no head reads the last (in_index is {", ".join(map(str, read))})',
            why='what leads to it alone is computed '
            + ('for nothing' if frozen else 'but never trained, and several processes fail on it'),
            fix=(f'{key}.num_layers={indices[last] + 1} {key}.out_indices={fewer}' if deep else 'a head that reads it')
            + ('' if frozen else ', or find_unused_parameters=True for several processes'),
        )


def refused_by_heads(setup: Setup) -> Iterator[Finding]:
    """What our heads say against a picture of the crop's size, whose levels they take: patches that do not cover it, say."""
    levels, crop = setup.features.levels, setup.crop
    if not levels or crop is None:
        return
    for head in setup.heads:
        cls = class_of(head.node, MODELS)
        if cls is None or not issubclass(cls, DecodeHead) or not _takes(head, levels):
            continue
        try:
            run_on_meta(build_on_meta(head).predict, levels, [dict(img_shape=crop.size)] * BATCH, {})
        except ValueError as problem:  # in the house's words: what was seen; what is right
            what, _, fix = first_line(problem).partition('; ')
            yield error(head.key, what, why=FORWARD, fix=fix)
        except Exception:  # on the meta device, in their own ways
            continue


def _mismatch(widths: list[int], key: str, index, declared: dict[int, int]) -> Finding:
    outside = [one for one in declared if not -len(widths) <= one < len(widths)]
    if outside:
        return error(
            f'{key}.in_index',
            f'{index}, and there are {len(widths)} levels, of widths {widths}',
            why=FORWARD,
            fix=f"{key}.in_index: {-len(widths)} to {len(widths) - 1}, or more levels in the backbone's out_indices",
        )
    said, there = [*declared.values()], [widths[one] for one in declared]
    shown, right = (said, there) if isinstance(index, (list, tuple)) else (said[0], there[0])
    return error(
        f'{key}.in_channels',
        f'{shown}, and the levels of in_index={index} have widths {right} (all levels: {widths})',
        why=FORWARD,
        fix=f'{key}.in_channels={right}',
    )


def _declared(index, width) -> dict[int, int] | None:
    """Return level -> width as a head declares them, None where it declares them otherwise."""
    if isinstance(index, int) and isinstance(width, int):
        return {index: width}
    listed = isinstance(index, (list, tuple)) and isinstance(width, (list, tuple)) and len(index) == len(width)
    return dict(zip(index, width, strict=True)) if listed else None


def _width(widths: list[int], index: int) -> int | None:
    return widths[index] if -len(widths) <= index < len(widths) else None


def _takes(part: Part, levels: Sequence[Tensor]) -> bool:
    """Tell whether a head, or a neck, runs on levels; a head of a cascade gets another's logits besides."""
    try:
        module = build_on_meta(part)
    except Exception:  # in their own ways
        return False
    more: tuple[Tensor, ...] = ()
    if 'prev_output' in inspect.signature(module.forward).parameters:
        batch, _, height, width = levels[0].shape
        more = (torch.empty(batch, module.out_channels, height, width, device='meta'),)
    return runs_on_meta(module, levels, *more)


def _builds_without(part: Part, name: str) -> bool:
    """Tell whether a part can be built without one of its arguments, which then is to blame."""
    try:
        build_on_meta(Part(part.key, {key: value for key, value in part.node.items() if key != name}))
    except Exception:  # in their own ways
        return False
    return True
