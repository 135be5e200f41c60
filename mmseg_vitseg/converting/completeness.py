"""Does a file have all of a backbone, where no config says what that is? Its numbers of blocks and its last norm tell."""

from collections.abc import Collection, Mapping

from torch import Tensor

from mmseg_vitseg.checkpoints.which_model import depth_of, usual_depths

STAGES = 4  # of every MiT that is published
LISTED = 3


def refuse_incomplete(weights: Mapping[str, Tensor], dropped: Collection[str] = (), *, whole: bool) -> None:
    """Refuse weights that are only a part of a ViT or a MiT.

    Args:
        weights: our name, of a backbone, -> tensor.
        dropped: the file's other names, among which a norm before the classifier stands for the last one.
        whole: the file is a segmentor's, whose backbone may end without a norm, and may be of any depth.

    Raises:
        ValueError: blocks or stages are missing, or one lacks what others have; or depth and norm are those of no model
            that is published.
    """
    stages = _numbered(weights, 'stages.')
    _refuse_gaps('block', _numbered(weights, 'blocks.'))
    _refuse_gaps('stage', {number: {_kind(name) for name in names} for number, names in stages.items()})
    for stage, names in stages.items():
        _refuse_gaps(f'stage {stage}, block', _numbered(names, 'blocks.'))
    if whole or not weights:
        return
    depth, usual = depth_of(weights), usual_depths(weights)
    if stages and len(stages) < STAGES:
        raise ValueError(_part(f'it has {len(stages)} stages, a MiT has {STAGES}'))
    if usual and depth not in usual:
        known = ' or '.join(map(_shown, sorted(usual)))
        raise ValueError(_part(f'it has {_shown(depth)} blocks, models of its width have {known}'))
    normed = 'norm.weight' in weights or any(name.endswith('fc_norm.weight') for name in dropped)
    if not stages and not usual and not normed:
        raise ValueError(_part(f'it ends after block {depth[0] - 1}, without a norm'))


def _refuse_gaps(what: str, group: Mapping[int, set[str]]) -> None:
    """Check that numbers go from 0 on, and that all have the same names."""
    missing = [str(number) for number in range(max(group, default=-1) + 1) if number not in group]
    if missing:
        raise ValueError(_part(f'{what} {", ".join(missing[:LISTED])} of {max(group) + 1} is not there'))
    everything = set().union(*group.values())
    for number, names in group.items():
        if lacking := sorted(everything - names):
            raise ValueError(_part(f'{what} {number} lacks {", ".join(lacking[:LISTED])}, which others have'))


def _part(why: str) -> str:
    return f'a part of a checkpoint, it seems: {why}. If it is all, name its config: --config'


def _numbered(names: Collection[str], prefix: str) -> dict[int, set[str]]:
    """Return the names after a prefix and a number, by the number."""
    group: dict[int, set[str]] = {}
    for name in names:
        number, _, rest = name.removeprefix(prefix).partition('.')
        if name.startswith(prefix) and number.isdigit():
            group.setdefault(int(number), set()).add(rest)
    return group


def _shown(depth: tuple[int, ...]) -> str:
    return '-'.join(map(str, depth))


def _kind(name: str) -> str:
    """Return what a stage has to have: its blocks as one, whose numbers differ."""
    return 'blocks' if name.startswith('blocks.') else name
