"""From a built model of the host's to ours, weights and all."""

from collections.abc import Callable, Iterable

import torch
from mmcv.cnn.bricks.drop import DropPath
from mmengine.logging import print_log
from mmengine.model import BaseModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import nn

from mmseg_vitseg.upgrading.counterparts import NAMES, both_classes


def upgrade(model: nn.Module) -> nn.Module:
    """Return our counterpart of a built model of the host's, or of a backbone, neck or head, with its weights.

    In a segmentor each part is upgraded that has a counterpart; the others are the given model's own, not copies. A part
    whose settings we do not support stays too, and the log says why. Weights, which of them are trained, device and dtype
    are kept.

    Args:
        model: of one of the classes in ``counterparts.NAMES``, not a subclass. It is not changed.

    Raises:
        ValueError: it is of another class, or has settings that ours does not support.
    """
    cls = type(model)
    name = cls.__name__
    if name not in NAMES or cls is not both_classes(name)[0]:
        raise ValueError(f'{cls.__module__}.{name} has no counterpart here; those that have: {", ".join(NAMES)}')
    _, ours = both_classes(name)
    if name == 'EncoderDecoder':
        upgraded = ours(**_segmentor(model))
    else:
        upgraded = ours(**READERS[name](model))
        _keep_loss(model, upgraded)
        _keep_trained(model, upgraded)
        upgraded.load_state_dict(model.state_dict())
    if isinstance(upgraded, BaseModule):
        upgraded.is_init = model.is_init
    tensor = next(model.parameters())
    return upgraded.to(tensor.device, tensor.dtype).train(model.training)


def _segmentor(model: nn.Module) -> dict:
    auxiliary: dict | list[dict] | None = None
    if model.with_auxiliary_head:
        heads = model.auxiliary_head
        auxiliary = [*map(_built, heads)] if isinstance(heads, nn.ModuleList) else _built(heads)
    return dict(
        backbone=_built(model.backbone),
        neck=_built(model.neck) if model.with_neck else None,
        decode_head=_built(model.decode_head),
        auxiliary_head=auxiliary,
        train_cfg=model.train_cfg,
        test_cfg=model.test_cfg,
        data_preprocessor=model.data_preprocessor,
        init_cfg=model.init_cfg,
    )


def _built(part: nn.Module) -> dict:
    """Return a config of which the host builds a part that is built already: a type may be any callable."""
    try:
        part = upgrade(part)
    except ValueError as error:
        print_log(f'upgrade: {type(part).__name__} stays as it is: {error}', logger='current')
    return dict(type=lambda: part)


def _keep_loss(host: nn.Module, ours: nn.Module) -> None:
    if isinstance(host, BaseDecodeHead):
        ours.loss_decode, ours.sampler = host.loss_decode, host.sampler


def _keep_trained(host: nn.Module, ours: nn.Module) -> None:
    """Freeze what is frozen in the host's: the flags go where the weights go, through the same maps."""
    flags = {name: torch.full_like(value, value.requires_grad) for name, value in host.named_parameters()}
    ours.load_state_dict({**host.state_dict(), **flags})
    for parameter in ours.parameters():
        parameter.requires_grad_(bool(parameter.min() > 0))


def _vision_transformer(host: nn.Module) -> dict:
    first, projection = host.layers[0], host.patch_embed.projection
    names = ['img_size', 'patch_size', 'out_origin', 'out_indices', 'output_cls_token', 'with_cls_token', 'pre_norm']
    names += ['final_norm', 'interpolate_mode', 'norm_eval', 'init_cfg']
    return dict(
        patch_pad='corner' if host.patch_embed.adap_padding else 'none of its own',
        patch_norm=host.patch_embed.norm is not None,
        patch_bias=projection.bias is not None,
        in_channels=projection.in_channels,
        embed_dims=first.attn.attn.embed_dim,
        num_layers=len(host.layers),
        num_heads=first.attn.attn.num_heads,
        num_fcs=first.ffn.num_fcs,
        drop_rate=host.drop_after_pos.p,
        act_cfg=_activation(first.ffn.layers[0][1]),
        with_cp=first.with_cp,
        **_blocks(first, host.layers[-1]),
        **_named(host, names),
    )


def _mix_vision_transformer(host: nn.Module) -> dict:
    (embedding, (first, *_), _), last = host.layers[0], host.layers[-1][1][-1]
    names = ['embed_dims', 'num_stages', 'num_layers', 'num_heads', 'patch_sizes', 'strides', 'sr_ratios']
    names += ['out_indices', 'with_cp', 'init_cfg']
    return dict(
        in_channels=embedding.projection.in_channels,
        drop_rate=first.attn.proj_drop.p,
        act_cfg=first.ffn.act_cfg,
        **_blocks(first, last),
        **_named(host, names),
    )


def _blocks(first: nn.Module, last: nn.Module) -> dict:
    """What the first and the last block of a backbone say of all."""
    attention, ffn = first.attn.attn, first.ffn
    return dict(
        mlp_ratio=ffn.feedforward_channels / ffn.embed_dims,
        qkv_bias=attention.in_proj_bias is not None,
        attn_drop_rate=attention.dropout,
        drop_path_rate=_drop_path_rate(last.ffn),
        norm_cfg=_layer_norm(first.norm1),
    )


def _neck(host: nn.Module) -> dict:
    convolution = host.mla.channel_proj[0]
    settings = {**_named(host, ['in_channels', 'out_channels']), **_named(convolution, ['norm_cfg', 'act_cfg'])}
    return dict(norm_layer=_layer_norm(host.norm[0]), **settings)


def _head(host: nn.Module) -> dict:
    """What the heads share; the loss and the sampler are handed over as they are."""
    if host.input_transform == 'resize_concat':
        raise ValueError("input_transform='resize_concat': the widths of its inputs are not known any more")
    names = ['in_channels', 'channels', 'num_classes', 'out_channels', 'threshold', 'dropout_ratio', 'conv_cfg']
    names += ['norm_cfg', 'act_cfg', 'in_index', 'ignore_index', 'align_corners', 'init_cfg']
    return _named(host, names)


def _named(module: nn.Module, names: Iterable[str]) -> dict:
    """Return what a module keeps under its arguments' names."""
    return {name: getattr(module, name) for name in names}


def _progressive_head(host: nn.Module) -> dict:
    convolution, upsampling = host.up_convs[0]
    return dict(
        norm_layer=_layer_norm(host.norm),
        num_convs=len(host.up_convs),
        up_scale=upsampling.scale_factor,
        kernel_size=convolution.conv.kernel_size[0],
        **_head(host),
    )


def _aggregation_head(host: nn.Module) -> dict:
    return dict(mla_channels=host.mla_channels, up_scale=host.up_convs[0][-1].scale_factor, **_head(host))


def _segformer_head(host: nn.Module) -> dict:
    return dict(interpolate_mode=host.interpolate_mode, **_head(host))


# The arguments with which ours is the given module.
READERS: dict[str, Callable[[nn.Module], dict]] = {
    'VisionTransformer': _vision_transformer,
    'MixVisionTransformer': _mix_vision_transformer,
    'MLANeck': _neck,
    'SETRUPHead': _progressive_head,
    'SETRMLAHead': _aggregation_head,
    'SegformerHead': _segformer_head,
}


def _layer_norm(norm: nn.Module) -> dict:
    if not isinstance(norm, nn.LayerNorm):
        raise ValueError(f'its norm is a {type(norm).__name__}; only LayerNorm is read from a built model')
    return dict(type='LN', eps=norm.eps)


def _activation(module: nn.Module) -> dict:
    if not isinstance(module, (nn.GELU, nn.ReLU)):
        raise ValueError(f'its activation is a {type(module).__name__}; only GELU and ReLU are read from a built model')
    return dict(type='GELU' if isinstance(module, nn.GELU) else 'ReLU')


def _drop_path_rate(ffn: nn.Module) -> float:
    return ffn.dropout_layer.drop_prob if isinstance(ffn.dropout_layer, DropPath) else 0.0
