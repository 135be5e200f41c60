"""Layer-wise learning-rate decay for the plain ViT."""

from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from mmseg_vitseg.models.vit import VisionTransformer
from mmseg_vitseg.registry import OPTIM_WRAPPER_CONSTRUCTORS

ALLOWED = ('layer_decay_rate', 'num_layers', 'head_lr_mult')
EMBEDDINGS = ('cls_token', 'reg_token', 'pos_embed', 'patch_embed', 'input_norm')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class ViTLayerDecayConstructor(DefaultOptimWrapperConstructor):
    """Lower learning rates for lower layers (BEiT, arXiv 2106.08254, section 3.2), for models on our VisionTransformer.

    With n blocks, the embeddings, tokens and positions are layer 0, block i (from 0) is layer i + 1, and all else, the final
    norm included, is layer n + 1; layer k has the optimizer's ``lr`` times ``layer_decay_rate ** (n + 1 - k)``. Norms,
    biases, tokens, positions and layer scales have no weight decay. Frozen parameters are left out.

    Used as ``optim_wrapper=dict(constructor='mmseg_vitseg.ViTLayerDecayConstructor', paramwise_cfg=dict(...))`` with

    - ``layer_decay_rate``: the factor from a layer to the one below, above 0 and at most 1.
    - ``num_layers``: n, checked against the model; by default the model's.
    - ``head_lr_mult``: a factor on the learning rate of what is not the backbone, 1 by default.

    Raises:
        ValueError: another key, a rate out of range, an optimizer without ``lr``, or a model without our VisionTransformer.
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
        if self.base_lr is None:
            raise ValueError('ViTLayerDecayConstructor: the optimizer needs an lr, from which the layers are scaled')

    def add_params(self, params: list[dict], module: nn.Module, **_) -> None:
        """Append the parameter groups of a whole model, one a layer and kind, lowest layer first."""
        num_layers = self._num_layers(module)
        groups: dict[tuple[int, bool, bool], dict] = {}
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad:
                continue
            name = name.removeprefix('_orig_mod.')  # of a compiled model
            layer = layer_of(name, num_layers)
            is_backbone = name.startswith('backbone.')
            is_token = parameter.ndim == 3 and len(parameter) == 1  # class tokens, registers, positions, a head's too
            decays = parameter.ndim > 1 and not is_token
            key = layer, is_backbone, decays
            if key not in groups:
                groups[key] = self._new_group(num_layers + 1 - layer, *key)
            groups[key]['params'].append(parameter)
        params.extend(groups[key] for key in sorted(groups))

    def _new_group(self, steps_down: int, layer: int, is_backbone: bool, decays: bool) -> dict:
        lr = self.base_lr * self.paramwise_cfg['layer_decay_rate'] ** steps_down
        if not is_backbone:
            lr *= self.paramwise_cfg.get('head_lr_mult', 1.0)
        group = dict(params=[], lr=lr)
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
