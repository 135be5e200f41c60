"""The same model with Hugging Face's modules, from our built model: its SegFormer, its EoMT, or its ViT under our heads."""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_vitseg.benchmark.huggingface_eomt import HuggingFaceEoMT, eomt
from mmseg_vitseg.benchmark.segmentors import Segmentor
from mmseg_vitseg.models.eomt import EoMT
from mmseg_vitseg.models.heads.segformer import SegformerHead
from mmseg_vitseg.models.layers import Mlp
from mmseg_vitseg.models.mit import MixVisionTransformer
from mmseg_vitseg.models.vit import VisionTransformer


def huggingface_twin(ours: nn.Module, channels: int) -> Segmentor:
    """Build the twin of a segmentor of ours, of which ``channels`` is how many its input has; ours may become a part of it.

    Raises:
        ValueError: it is a model that Hugging Face's classes cannot be; transformers is not installed.
    """
    try:
        import transformers  # noqa: F401
    except ImportError as error:
        raise ValueError('transformers is not installed: pip install transformers') from error
    backbone = getattr(ours, 'backbone', None)
    if isinstance(ours, EoMT):
        return HuggingFaceEoMT(eomt(ours), channels)
    if isinstance(backbone, MixVisionTransformer) and isinstance(ours.decode_head, SegformerHead):
        notes: list[str] = []
        return HuggingFaceSegmentor(segformer(ours, notes), channels, notes)
    if isinstance(backbone, VisionTransformer):
        ours.backbone = VisionTransformerEncoder(backbone)
        return HuggingFaceViT(ours, channels)
    raise ValueError(
        'Hugging Face has VisionTransformer, under any head, EoMT, and MixVisionTransformer with SegformerHead; '
        f'this is {type(backbone).__name__} with {type(ours.decode_head).__name__}'
    )


def segformer(ours: nn.Module, notes: list[str]) -> nn.Module:
    """Build its SegFormer; ``notes`` gets a line for each thing in which it is another model."""
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    stages, head = ours.backbone.stages, ours.decode_head
    blocks = [stage.blocks[0] for stage in stages]
    if blocks[0].attn.q.bias is None or not isinstance(blocks[0].mlp.act, nn.GELU):
        raise ValueError("Hugging Face's SegFormer has qkv_bias=True and GELU")
    if not head.linear_projection:
        notes.append("Hugging Face's decoder: a linear layer a level, without norm and ReLU")
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
            drop_path_rate=_drop_path_rate(stages[-1].blocks[-1]),
            decoder_hidden_size=head.channels,
            num_labels=head.num_classes,
            semantic_loss_ignore_index=head.ignore_index,
        )
    )


class VisionTransformerEncoder(nn.Module):
    """Hugging Face's ViTModel with the sizes of a backbone of ours, and its outputs: maps (B, D, h, w).

    Args:
        ours: the backbone.

    Raises:
        ValueError: it has what Hugging Face's has not.
    """

    def __init__(self, ours: VisionTransformer):
        super().__init__()
        from transformers import ViTConfig, ViTModel

        block, embedding = ours.blocks[0], ours.patch_embed.proj
        unlike = dict(
            input_norm=ours.input_norm is not None,
            with_cls_token=ours.cls_token is None,
            position=ours.pos_embed is None,
            num_registers=ours.reg_token is not None,
            layer_scale=not isinstance(block.ls1, nn.Identity),
            patch_bias=embedding.bias is None,
            drop_path_rate=_drop_path_rate(ours.blocks[-1]) > 0,
            variant=not isinstance(block.mlp, Mlp) or block.attn.q_bias is not None,
            final_norm=ours.norm is not None and ours.normed_indices != (len(ours.blocks) - 1,),
            act_cfg=isinstance(block.mlp, Mlp) and not isinstance(block.mlp.act, nn.GELU),
        )
        if any(unlike.values()):
            names = ', '.join(name for name, differs in unlike.items() if differs)
            raise ValueError(f'the ViT of Hugging Face is another one than with these settings: {names}')
        size = ours.patch_size
        self.out_indices, self.patch_size = ours.out_indices, size
        self.vit = ViTModel(
            ViTConfig(
                hidden_size=ours.embed_dims,
                num_hidden_layers=len(ours.blocks),
                num_attention_heads=block.attn.num_heads,
                intermediate_size=block.mlp.fc1.out_features,
                hidden_dropout_prob=ours.pos_drop.p,
                attention_probs_dropout_prob=block.attn.attn_drop_rate,
                layer_norm_eps=block.norm1.eps,
                image_size=tuple(side * size for side in ours.grid),
                patch_size=size,
                num_channels=embedding.in_features // size**2,
                qkv_bias=block.attn.qkv.bias is not None,
            ),
            add_pooling_layer=False,
        )
        if ours.norm is None:
            self.vit.layernorm = nn.Identity()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Map (B, C, H, W), H and W multiples of the patch size, to one (B, D, h, w) for each of the outputs."""
        grid = [side // self.patch_size for side in images.shape[-2:]]
        last = self.vit.config.num_hidden_layers - 1
        found = self.vit(images, interpolate_pos_encoding=True, output_hidden_states=min(self.out_indices) < last)
        outputs = []
        for index in self.out_indices:
            tokens = found.last_hidden_state if index == last else found.hidden_states[index + 1]
            outputs.append(tokens[:, 1:].transpose(1, 2).unflatten(2, grid))
        return tuple(outputs)


def _drop_path_rate(block: nn.Module) -> float:
    return 0.0 if isinstance(block.drop_path, nn.Identity) else block.drop_path.drop_prob


class HuggingFaceSegmentor(Segmentor):
    """Hugging Face's SegformerForSemanticSegmentation."""

    @property
    def backbone(self) -> nn.Module:
        """The encoder."""
        return self.model.segformer

    @property
    def classes(self) -> int:
        """K."""
        return self.model.config.num_labels

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, C, H, W) to the head's logits, (B, K, h, w)."""
        return self.model(images).logits

    def predict(self, images: Tensor) -> Any:
        """Map (B, C, H, W) to logits and labels at that size: what its image processor does for a user."""
        return self.labels(self.forward(images), images.shape[-2:])

    @staticmethod
    def labels(logits: Tensor, size: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Map (B, K, h, w) to logits and labels of ``size`` (H, W)."""
        logits = F.interpolate(logits, size, mode='bilinear', align_corners=False)
        return logits, logits.argmax(1)

    def read(self, prediction: Any) -> tuple[Tensor, Tensor]:
        """Return logits (B, K, H, W) and labels (B, H, W) of a prediction."""
        return prediction

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of (B, C, H, W) with labels (B, H, W)."""
        return self.model(images, labels=labels).loss


class HuggingFaceViT(Segmentor):
    """A segmentor of ours with Hugging Face's ViT in it."""

    def weights(self) -> dict[str, Tensor]:
        """Return the state dict with the encoder's names as Hugging Face's own models have them."""
        return {name.removeprefix('backbone.'): value for name, value in self.model.state_dict().items()}
