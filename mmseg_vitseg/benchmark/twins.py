"""The same model elsewhere: the host's, from our config, and Hugging Face's SegFormer, from our model."""

import inspect

from mmengine.config import ConfigDict
from torch import nn

from mmseg_vitseg.models import mit, vit
from mmseg_vitseg.models.heads.segformer import SegformerHead
from mmseg_vitseg.registry import SCOPE
from mmseg_vitseg.upgrading.counterparts import NAMES, classes, defaults

VARIANTS = {'VisionTransformer': vit.VARIANTS, 'MixVisionTransformer': mit.VARIANTS}

# Ours only, and without effect on what is measured: what a checkpoint must fill; norms' eps, which `share_eps` copies.
WITHOUT_EFFECT = ('from_scratch', 'reduction_norm_cfg')


def host_twin(node, notes: list[str]):
    """Return a model's config with the host's type wherever ours has a counterpart, and the arguments that the host takes.

    Args:
        node: the model's config, or a part of it.
        notes: gets a line for each thing in which the twin is another model.

    Raises:
        ValueError: a type, or an argument's value, that the host does not have.
    """
    if isinstance(node, (list, tuple)):
        return type(node)(host_twin(child, notes) for child in node)
    if not isinstance(node, dict):
        return node
    node = ConfigDict({key: host_twin(value, notes) for key, value in node.items()})
    scope, _, name = str(node.get('type')).rpartition('.')
    if scope != SCOPE:
        return node
    if name not in NAMES:
        raise ValueError(f'the host has no {name}')
    host, ours = map(defaults, classes(name))
    _spell_out_variant(name, node, ours)
    if name == 'SegformerHead' and node.pop('linear_projection', False):
        notes.append("the host's own decoder: a norm and a ReLU after each level's projection")
    for key, default in ours.items():
        if key in host:
            differs = default is not inspect.Parameter.empty and default != host[key]
            if differs and key not in node:
                node[key] = default
        elif key in node:
            value = node.pop(key)
            if value != default and key not in WITHOUT_EFFECT:
                raise ValueError(f"the host's {name} has no {key}={value!r}")
    node.type = f'mmseg.{name}'
    return node


def _spell_out_variant(name: str, node: ConfigDict, ours: dict) -> None:
    """Put the sizes that a variant stands for in its place."""
    if name in VARIANTS:
        sizes = VARIANTS[name][node.pop('variant', ours['variant'])]
        node.update({key: size if node.get(key) is None else node[key] for key, size in sizes.items()})


def huggingface_twin(ours: nn.Module, notes: list[str]) -> nn.Module:
    """Build Hugging Face's SegFormer with the sizes of our model.

    Args:
        ours: the built model.
        notes: gets a line for each thing in which the twin is another model.

    Raises:
        ValueError: it is not a SegFormer, or one that Hugging Face's class cannot be; transformers is not installed.
    """
    try:
        from transformers import SegformerConfig, SegformerForSemanticSegmentation
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise ValueError('transformers is not installed: pip install transformers') from error
    disable_progress_bar()  # of writing the weights to the file from which ours reads them
    backbone, head = ours.backbone, ours.decode_head
    if not isinstance(backbone, mit.MixVisionTransformer) or not isinstance(head, SegformerHead):
        raise ValueError('Hugging Face has this model only as MixVisionTransformer with SegformerHead')
    stages = backbone.stages
    blocks = [stage.blocks[0] for stage in stages]
    if blocks[0].attn.q.bias is None or not isinstance(blocks[0].mlp.act, nn.GELU):
        raise ValueError("Hugging Face's SegFormer has qkv_bias=True and GELU")
    if not head.linear_projection:
        notes.append("Hugging Face's decoder: a linear layer a level, without norm and ReLU")
    drop_path = stages[-1].blocks[-1].drop_path
    convolutions = [stage.patch_embed.proj for stage in stages]
    return SegformerForSemanticSegmentation(
        SegformerConfig(
            num_channels=convolutions[0].in_channels,
            num_encoder_blocks=len(stages),
            depths=[len(stage.blocks) for stage in stages],
            sr_ratios=[block.attn.sr_ratio for block in blocks],
            hidden_sizes=[conv.out_channels for conv in convolutions],
            patch_sizes=[conv.kernel_size[0] for conv in convolutions],
            strides=[conv.stride[0] for conv in convolutions],
            num_attention_heads=[block.attn.num_heads for block in blocks],
            mlp_ratios=[block.mlp.fc1.out_features // block.mlp.fc1.in_features for block in blocks],
            hidden_dropout_prob=blocks[0].attn.proj_drop.p,
            attention_probs_dropout_prob=blocks[0].attn.attn_drop_rate,
            classifier_dropout_prob=head.dropout_ratio,
            drop_path_rate=0.0 if isinstance(drop_path, nn.Identity) else drop_path.drop_prob,
            decoder_hidden_size=head.channels,
            num_labels=head.num_classes,
            semantic_loss_ignore_index=head.ignore_index,
        )
    )


def share_eps(theirs: nn.Module, ours: nn.Module) -> None:
    """Give the layer norms of a twin's MiT the eps of ours: neither the host's nor HF's can be configured as the authors'.

    Raises:
        ValueError: their norms do not stand in the order of ours.
    """
    if not isinstance(ours, mit.MixVisionTransformer):
        return
    norms, own = ([x for x in backbone.modules() if isinstance(x, nn.LayerNorm)] for backbone in (theirs, ours))
    if [norm.normalized_shape for norm in norms] != [norm.normalized_shape for norm in own]:
        raise ValueError('its layer norms stand in another order')
    for norm, one in zip(norms, own, strict=True):
        norm.eps = one.eps
