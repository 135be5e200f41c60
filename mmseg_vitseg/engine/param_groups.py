"""The host's settings of an optimizer by parameter, with few groups: on a GPU an optimizer's kernels are called for each."""

from collections.abc import Sequence

from mmengine.optim import DefaultOptimWrapperConstructor as HostConstructor
from torch import nn

from mmseg_vitseg.registry import OPTIM_WRAPPER_CONSTRUCTORS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class DefaultOptimWrapperConstructor(HostConstructor):
    """The host's, where parameters of the same settings are in one group; with ``paramwise_cfg`` the host makes one of each.

    Learning rates, decays and what an optimizer makes of them are the host's; parameters stand in the order of the groups,
    so that the norm by which gradients are clipped can differ in its last bit. A training that began with the host's groups
    is resumed with these, and the other way round, by :class:`~mmseg_vitseg.engine.resuming.hook.ResumingHook`.

    Used as ``optim_wrapper=dict(constructor='mmseg_vitseg.DefaultOptimWrapperConstructor', paramwise_cfg=dict(...))``.
    """

    def add_params(self, params: list[dict], module: nn.Module, prefix: str = '', **host_arguments) -> None:
        """Append the groups of a whole model, in the order of their first parameters; or of a part, as the host does."""
        super().add_params(params, module, prefix=prefix, **host_arguments)
        if not prefix:
            params[:] = merged(params)


def merged(groups: Sequence[dict]) -> list[dict]:
    """Return one group for all of the same settings, in the order of the first ones."""
    found: dict[int, dict] = {}
    for group, first in zip(groups, first_alike(groups), strict=True):
        one = found.setdefault(first, {**group, 'params': []})
        one['params'] += group['params']
    return list(found.values())


def first_alike(groups: Sequence[dict]) -> list[int]:
    """Return for each group the first one that has the same settings."""
    seen: dict[str, int] = {}
    settings = (repr(sorted((name, value) for name, value in group.items() if name != 'params')) for group in groups)
    return [seen.setdefault(one, index) for index, one in enumerate(settings)]
