"""Layer-wise learning-rate decay for the plain ViT."""

from collections.abc import Callable

from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from mmseg_vitseg.models.vit import VisionTransformer
from mmseg_vitseg.registry import OPTIM_WRAPPER_CONSTRUCTORS

ALLOWED = ('layer_decay_rate', 'rule', 'query_blocks_decay', 'num_layers', 'head_lr_mult', 'decay_all')
RULES = ('beit', 'eomt')
EMBEDDINGS = ('cls_token', 'reg_token', 'pos_embed', 'patch_embed', 'input_norm')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class ViTLayerDecayConstructor(DefaultOptimWrapperConstructor):
    """Lower learning rates for lower layers, for models on our VisionTransformer.

    Each parameter has the optimizer's ``lr`` times ``layer_decay_rate`` to a power, of n blocks, i from 0, by ``rule``:

    - ``beit`` (arXiv 2106.08254, section 3.2): block i to the power n - i; embeddings, tokens and positions n + 1; all else,
      the final norm included, 0;
    - ``eomt`` (arXiv 2503.19108, its authors' code): block i to n - 1 - i; embeddings, tokens and positions as block 0; the
      blocks that queries go through, unless ``query_blocks_decay``, and all else, 0.

    Norms, biases, tokens, positions and layer scales have no weight decay. Frozen parameters are left out. Each group says
    under ``part`` whether it is the ``backbone``'s or the ``head``'s.

    Used as ``optim_wrapper=dict(constructor='mmseg_vitseg.ViTLayerDecayConstructor', paramwise_cfg=dict(...))`` with

    - ``layer_decay_rate``: the factor from a layer to the one below, above 0 and at most 1.
    - ``rule``: ``beit``, the default, or ``eomt``, for an EoMT.
    - ``query_blocks_decay``: by ``eomt``, whether the blocks that queries go through have lower rates too, False by default;
      in the authors' code (``llrd_l2_enabled``) it is True unless a file of settings says otherwise.
    - ``decay_all``: whether what has no weight decay has the optimizer's too, as EoMT's authors do; False by default.
    - ``num_layers``: n, checked against the model; by default the model's.
    - ``head_lr_mult``: a factor on the learning rate of what is not the backbone, 1 by default.

    Raises:
        ValueError: another key, a rate out of range, no such rule, an optimizer without ``lr``, a model without our
            VisionTransformer, or by ``eomt`` without queries.
    """

    def _validate_cfg(self) -> None:
        unknown = [key for key in self.paramwise_cfg if key not in ALLOWED]
        if unknown or 'layer_decay_rate' not in self.paramwise_cfg:
            raise ValueError(
                f'ViTLayerDecayConstructor: paramwise_cfg={dict(self.paramwise_cfg)}; allowed: {", ".join(ALLOWED)}, '
                'of which layer_decay_rate must be given'
            )
        rate = self.paramwise_cfg['layer_decay_rate']
        if not 0 < rate <= 1:
            raise ValueError(f'ViTLayerDecayConstructor: layer_decay_rate={rate}; allowed: above 0 and at most 1')
        rule = self.paramwise_cfg.get('rule', 'beit')
        if rule not in RULES:
            raise ValueError(f'ViTLayerDecayConstructor: rule={rule!r}; allowed: {", ".join(RULES)}')
        if self.base_lr is None:
            raise ValueError('ViTLayerDecayConstructor: the optimizer needs an lr, from which the layers are scaled')

    def add_params(self, params: list[dict], module: nn.Module, **_) -> None:
        """Append the parameter groups of a whole model, one a layer and kind, lowest layer first."""
        num_layers = self._num_layers(module)
        power = self._power(module, num_layers)
        groups: dict[tuple[int, bool, bool], dict] = {}
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad:
                continue
            name = name.removeprefix('_orig_mod.')  # of a compiled model
            layer = layer_of(name, num_layers)
            is_backbone = name.startswith('backbone.')
            is_token = parameter.ndim == 3 and len(parameter) == 1  # class tokens, registers, positions, a head's too
            decays = self.paramwise_cfg.get('decay_all', False) or (parameter.ndim > 1 and not is_token)
            key = layer, is_backbone, decays
            if key not in groups:
                groups[key] = self._new_group(power(layer), is_backbone, decays)
            groups[key]['params'].append(parameter)
        params.extend(groups[key] for key in sorted(groups))

    def _power(self, model: nn.Module, num_layers: int) -> Callable[[int], int]:
        """Return what gives the power of a layer, 0 to n + 1, by the rule."""
        if self.paramwise_cfg.get('rule', 'beit') == 'beit':
            return lambda layer: num_layers + 1 - layer
        decayed = num_layers
        if not self.paramwise_cfg.get('query_blocks_decay', False):
            decayed -= query_blocks(model)
        return lambda layer: num_layers - max(layer, 1) if layer <= decayed else 0

    def _new_group(self, power: int, is_backbone: bool, decays: bool) -> dict:
        lr = self.base_lr * self.paramwise_cfg['layer_decay_rate'] ** power
        if not is_backbone:
            lr *= self.paramwise_cfg.get('head_lr_mult', 1.0)
        group = dict(params=[], lr=lr, part='backbone' if is_backbone else 'head')
        if not decays:
            group['weight_decay'] = 0.0
        elif self.base_wd is not None:
            group['weight_decay'] = self.base_wd
        return group

    def _num_layers(self, model: nn.Module) -> int:
        backbone = getattr(model, 'backbone', None)
        if not isinstance(backbone, VisionTransformer):
            raise ValueError(
                'ViTLayerDecayConstructor: the model needs a backbone of type mmseg_vitseg.VisionTransformer, '
                f'this one has {type(backbone).__name__}; leave out the constructor and its paramwise_cfg'
            )
        given = self.paramwise_cfg.get('num_layers')
        if given not in (None, len(backbone.blocks)):
            raise ValueError(
                f'ViTLayerDecayConstructor: num_layers={given}, the backbone has {len(backbone.blocks)}; leave it out'
            )
        return len(backbone.blocks)


def query_blocks(model: nn.Module) -> int:
    """Return L2, through how many blocks the queries of a model go."""
    blocks = getattr(getattr(model, 'decode_head', None), 'num_blocks', None)
    if blocks is None:
        raise ValueError(
            "ViTLayerDecayConstructor: rule='eomt', and the model is no mmseg_vitseg.EoMT; leave the rule out"
        )
    return blocks


def layer_of(name: str, num_layers: int) -> int:
    """Return the layer, 0 to n + 1, of a parameter of a segmentor with n blocks."""
    part, _, rest = name.partition('.')
    if part == 'backbone':
        part, _, rest = rest.partition('.')
        if part in EMBEDDINGS:
            return 0
        if part == 'blocks':
            return int(rest.partition('.')[0]) + 1
    return num_layers + 1
