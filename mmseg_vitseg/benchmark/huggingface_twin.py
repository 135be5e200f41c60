"""The same model with Hugging Face's modules, from our built model.

Its SegFormer, its EoMT; its ViT, DINOv2 or DINOv3 under a linear head in torch's own layers, or under our heads.
"""

from torch import Tensor, nn

from mmseg_vitseg.benchmark.huggingface_backbones import HuggingFaceEncoder, drop_path_rate, with_own_names
from mmseg_vitseg.benchmark.huggingface_eomt import HuggingFaceEoMT, eomt
from mmseg_vitseg.benchmark.huggingface_probe import HuggingFaceProbe, LinearProbe
from mmseg_vitseg.benchmark.segmentors import DenseSegmentor, Segmentor
from mmseg_vitseg.models.eomt import EoMT
from mmseg_vitseg.models.heads.linear import LinearHead
from mmseg_vitseg.models.heads.segformer import SegformerHead
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
        return HuggingFaceSegformer(segformer(ours, notes), channels, notes)
    if isinstance(backbone, VisionTransformer):
        if isinstance(ours.decode_head, LinearHead):
            return HuggingFaceProbe(LinearProbe(ours), channels)
        ours.backbone = HuggingFaceEncoder(backbone)
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
            drop_path_rate=drop_path_rate(stages[-1].blocks[-1]),
            decoder_hidden_size=head.channels,
            num_labels=head.num_classes,
            semantic_loss_ignore_index=head.ignore_index,
        )
    )


class HuggingFaceSegformer(DenseSegmentor):
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

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of (B, C, H, W) with labels (B, H, W)."""
        return self.model(images, labels=labels).loss


class HuggingFaceViT(Segmentor):
    """A segmentor of ours with a backbone of Hugging Face's in it."""

    def weights(self) -> dict[str, Tensor]:
        """Return the state dict with the backbone's names as Hugging Face's own models have them."""
        return with_own_names(self.model)
