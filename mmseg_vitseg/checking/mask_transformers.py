"""An EoMT's own mistakes: what it is made of, how many queries it has, when its masks are taken away."""

from collections.abc import Iterator

from mmseg.registry import HOOKS, MODELS

from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.probing import build_on_meta
from mmseg_vitseg.checking.training_setup import Setup
from mmseg_vitseg.checking.wrong_schedules import counted_length
from mmseg_vitseg.config.parts import Part, argument, class_of, dicts, is_a
from mmseg_vitseg.engine.hooks.mask_annealing import MaskAnnealingHook
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.models.eomt import EoMT
from mmseg_vitseg.models.heads.eomt import EoMTHead

ENOUGH = 100  # queries, which the authors give 150 classes, too: a picture has few of them
HOOK = 'mmseg_vitseg.MaskAnnealingHook'


def refused_by_eomt(setup: Setup) -> Iterator[Finding]:
    """What an EoMT cannot be built with: a frozen backbone, a neck, auxiliary heads; its head in another segmentor."""
    if not _is_eomt(setup):
        if _has_its_head(setup):
            yield error(
                'model.type',
                f'{setup.model.node.get("type")}, with an EoMTHead',
                why='its queries pass the blocks of a backbone, which an mmseg_vitseg.EoMT alone lets them',
                fix='model.type=mmseg_vitseg.EoMT',
            )
        return
    try:
        build_on_meta(setup.model)
    except ValueError as problem:  # in the house's words: what was seen; what is right
        what, _, fix = first_line(problem).partition('; ')
        yield error('model', what, why='it cannot be built', fix=fix)


def too_few_queries(setup: Setup) -> Iterator[Finding]:
    """Fewer queries than a picture may have classes."""
    head = setup.model.child('decode_head')
    if not _is_eomt(setup) or head is None:
        return
    queries = argument(head.node, 'num_queries', class_of(head.node, MODELS))
    classes = head.node.get('num_classes')
    if isinstance(queries, int) and isinstance(classes, int) and queries < min(classes, ENOUGH):
        yield warning(
            f'{head.key}.num_queries',
            f'{queries}, and num_classes is {classes}',
            why='a query is one class in a picture: the others of a picture cannot be predicted, nor learned',
            fix=f'{head.key}.num_queries={min(max(16, 2 * classes), ENOUGH)}',
        )


def wrong_mask_annealing(setup: Setup) -> Iterator[Finding]:
    """No hook that takes the masks away, several, or one whose phases are not the training's."""
    hooks = [part for part in _hooks(setup) if is_a(part.node, HOOKS, MaskAnnealingHook)]
    if not _is_eomt(setup):
        for hook in () if _has_its_head(setup) else hooks:
            yield error(
                f'{hook.key}.type',
                HOOK,
                why='it is for an mmseg_vitseg.EoMT: the training does not start',
                fix='take it out',
            )
        return
    if not setup.cfg.get('train_cfg'):
        return
    if not hooks:
        yield warning(
            'default_hooks.mask_annealing',
            'no MaskAnnealingHook',
            why='attention is masked to the end of the training, never in validation: another model is scored',
            fix=f'default_hooks.mask_annealing.type={HOOK}',
        )
    for hook in hooks[1:]:
        yield error(
            f'{hook.key}.type',
            f'a second {HOOK}',
            why='the last one to be called decides alone',
            fix='take one of them out',
        )
    length = counted_length(setup)
    for hook in hooks[:1]:
        ends = hook.node.get('ends')
        if length is not None and isinstance(ends, (list, tuple)) and ends and max(ends) > length:
            yield warning(
                f'{hook.key}.ends',
                f'{list(ends)}, and the training has {length} iterations',
                why='attention is still masked when it ends, never in validation: another model is scored',
                fix=f'{hook.key}.starts=None {hook.key}.ends=None, which divide the training',
            )


def _is_eomt(setup: Setup) -> bool:
    return is_a(setup.model.node, MODELS, EoMT)


def _has_its_head(setup: Setup) -> bool:
    return any(is_a(head.node, MODELS, EoMTHead) for head in setup.model.children('decode_head'))


def _hooks(setup: Setup) -> Iterator[Part]:
    for hooks in dicts(setup.cfg.get('default_hooks'), 'default_hooks'):
        for name in hooks.node:
            yield from hooks.children(name)
    yield from dicts(setup.cfg.get('custom_hooks'), 'custom_hooks')
