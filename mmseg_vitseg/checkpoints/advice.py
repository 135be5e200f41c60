"""What to do about a checkpoint that does not fit its model."""

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor, nn

from mmseg_vitseg.architectures import Resizable
from mmseg_vitseg.checkpoints.fitting import Fitted
from mmseg_vitseg.checkpoints.maps.source import SEGMENTOR
from mmseg_vitseg.checkpoints.which_model import QUERIES, model_of

HEADS = ('decode_head.', 'auxiliary_head.')
QUERY_CLASSES = 'decode_head.class_head.'  # of a mask transformer: "no object" stands after the classes


def advice_on_model(fitted: Fitted, own: dict[str, Tensor], module: nn.Module) -> str:
    """Say what the file and the model are, where they differ, and what can be done.

    Args:
        fitted: the file's weights.
        own: the module's.
        module: what the file is meant for.
    """
    prefix = fitted.prefix
    if prefix and fitted.weights and all(name.startswith(prefix) for name in fitted.weights):
        rest = ', '.join(dict.fromkeys(f"'{name.split('.')[0]}'" for name in own if not name.startswith(prefix)))
        return (
            f'It is a backbone only: name it in model.backbone.init_cfg, or start the rest with from_scratch=[{rest}]'
        )
    if prefix and fitted.weights and all(name.startswith(SEGMENTOR) for name in fitted.weights):
        return 'It is a head only: name it in model.decode_head.init_cfg, and the backbone in model.backbone.init_cfg'
    backbone = module.get_submodule(prefix.rstrip('.'))
    sizes = (backbone.first_kernel_size, backbone.grid) if isinstance(backbone, Resizable) else ()
    wanted = model_of(own, prefix, *sizes)
    if fitted.model and wanted and fitted.model != wanted:
        return f'This file is a {fitted.model}; your config says {wanted}'
    return 'Use the config that the checkpoint was trained with'


def advice_on_linear_head(given: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str | None:
    """Say which linear heads a file and a model have; None where that is not the matter, or the backbones differ too.

    A linear head norms all channels that it takes and classifies; the published ones take one level of a backbone, or four.
    """
    backbone = {name: value.shape for name, value in own.items() if name.startswith('backbone.')}
    if any(name not in given or given[name].shape != shape for name, shape in backbone.items()):
        return None
    for prefix in ('', 'decode_head.'):
        norm, classifier = f'{prefix}bn.weight', f'{prefix}conv_seg.weight'
        if any(name not in weights for name in (norm, classifier) for weights in (given, own)):
            continue
        theirs, ours = len(given[norm]), len(own[norm])
        if theirs != ours:
            four = f', or four of {theirs // 4}' if theirs % 4 == 0 else ''
            return (
                f'This file has a linear head on {theirs} channels (one level of that width{four}), your config one on '
                f"{ours}: out_indices of the backbone, in_index and in_channels of the head must be the file's"
            )
        if prefix == '' and len(given[classifier]) != len(own[classifier]):
            return f'This file has {len(given[classifier])} classes, your config {len(own[classifier])}'
    return None


def advice_on_another_head(
    given: Mapping[str, Tensor], own: Mapping[str, Tensor], module: nn.Module, left: Sequence[str]
) -> str | None:
    """Say how to keep a backbone and train heads of another kind; None unless no name of the file's heads is the model's."""
    theirs, ours = ({name for name in names if name.startswith(HEADS)} for names in ({*given, *left}, own))
    unlike = {*left, *(given.keys() ^ own.keys())}
    unlike |= {name for name in given.keys() & own.keys() if given[name].shape != own[name].shape}
    parts, anew = (sorted({name.partition('.')[0] for name in names}) for names in (theirs, ours))
    if not theirs or theirs & ours or unlike != theirs | ours or parts != anew or not hasattr(module, 'from_scratch'):
        return None
    return (
        "This file has your config's backbone under another head: use the config that it was trained with; to keep the "
        f'backbone and train the head anew, --cfg-options "model.from_scratch={anew}"'
    )


def advice_on_classes(
    given: dict[str, Tensor], own: dict[str, Tensor], module: nn.Module, left: Sequence[str]
) -> str | None:
    """Say how to train classifiers anew; None unless they alone do not fit, and that in their number of classes.

    These are the last layers of heads: of nothing else a first dimension differs without a later one.
    """
    if left or given.keys() != own.keys() or not hasattr(module, 'from_scratch'):
        return None
    names = [name for name, value in own.items() if given[name].shape != value.shape]
    if QUERIES in names:
        return None
    for name in names:
        theirs, ours = given[name], own[name]
        if not name.startswith(HEADS) or not (theirs.ndim and ours.ndim) or theirs[0].numel() != ours[0].numel():
            return None
    count = module.decode_head.out_channels
    ratios = set()
    for name in names:
        if name.startswith('decode_head.'):
            theirs, ours = (len(one[name]) - name.startswith(QUERY_CLASSES) for one in (given, own))
            ratios.add(theirs * count / ours)
    classes = f'{min(ratios):.0f} classes' if len(ratios) == 1 and min(ratios) % 1 == 0 else 'other classes'
    return (
        f'This file has {classes}, your config {count}: use the config that it was trained with; to train the classifier '
        f'anew, --cfg-options "model.from_scratch={_heads_of(names, own)}"'
    )


def _heads_of(names: Sequence[str], own: Iterable[str]) -> list[str]:
    """Return the shortest names of modules inside heads that have these names and no others."""
    found = []
    for name in names:
        parts = name.split('.')
        least = 3 if parts[1].isdigit() else 2  # auxiliary_head.0.conv_seg, decode_head.conv_seg
        prefixes = ('.'.join(parts[:count]) for count in range(least, len(parts) + 1))
        found.append(next(one for one in prefixes if all(other in names for other in own if other.startswith(one))))
    return list(dict.fromkeys(found))
