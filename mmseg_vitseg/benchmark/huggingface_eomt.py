"""Hugging Face's EoMT with the sizes of one of ours.

B batch, Q queries, K classes, H W size of the input, h w size of the masks.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_vitseg.benchmark.huggingface_backbones import dino_sizes, refuse, sizes
from mmseg_vitseg.benchmark.segmentors import DenseSegmentor
from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.models.eomt import EoMT
from mmseg_vitseg.models.heads.eomt import class_scores
from mmseg_vitseg.models.layers import Mlp

SETTINGS = ('attn_mask_probs', 'criterion.empty_weight')  # buffers of theirs that are no weights


def eomt(ours: EoMT) -> nn.Module:
    """Build Hugging Face's, on DINOv2 or on DINOv3, which takes pictures of one size, ``img_size``.

    Raises:
        ValueError: ours has what Hugging Face's has not.
    """
    import transformers

    backbone, head, block = ours.backbone, ours.decode_head, ours.backbone.blocks[0]
    refuse(
        'EoMT',
        dict(
            input_norm=backbone.input_norm is not None,
            with_cls_token=backbone.cls_token is None,
            layer_scale=isinstance(block.ls1, nn.Identity),
            variant=not isinstance(block.mlp, Mlp),
            img_size=backbone.grid[0] != backbone.grid[1],
        ),
    )
    kind = 'Eomt' if backbone.rope is None else 'EomtDinov3'
    config = getattr(transformers, f'{kind}Config')(
        **sizes(backbone),
        **dino_sizes(backbone),
        image_size=backbone.grid[0] * backbone.patch_size,
        num_blocks=head.num_blocks,
        num_queries=head.num_queries,
        num_upscale_blocks=len(head.upscale),
        num_labels=head.num_classes,
    )
    model = getattr(transformers, f'{kind}ForUniversalSegmentation')(config)
    for name in SETTINGS:  # which no file of weights must have
        owner, _, last = name.rpartition('.')
        owner = model.get_submodule(owner)
        owner.register_buffer(last, getattr(owner, last), persistent=False)
    return model


class HuggingFaceEoMT(DenseSegmentor):
    """Hugging Face's EomtForUniversalSegmentation, or EomtDinov3's."""

    draws_its_loss = 'losses are of points that each draws in its own order'

    @property
    def backbone(self) -> nn.Module:
        """The encoder, which is the whole."""
        return self.model

    @property
    def classes(self) -> int:
        """K."""
        return self.model.config.num_labels

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, C, H, W) to the classes' scores at the masks' size, (B, K, h, w)."""
        found = self._outputs(images)
        return class_scores(found.class_queries_logits, found.masks_queries_logits)

    def predict(self, images: Tensor) -> Any:
        """Map (B, C, H, W) to scores and labels at that size: what its image processor does for a user."""
        found = self._outputs(images)
        masks = F.interpolate(found.masks_queries_logits, images.shape[-2:], mode='bilinear')
        classes = found.class_queries_logits.softmax(dim=-1)[..., :-1]
        scores = torch.einsum('bqc, bqhw -> bchw', classes, masks.sigmoid())
        return scores, scores.argmax(1)

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of (B, C, H, W) with labels (B, H, W), all attention masked."""
        present = [one[one != IGNORED].unique() for one in labels]
        masks = [(one == classes[:, None, None]).float() for one, classes in zip(labels, present, strict=True)]
        self.model.attn_mask_probs.fill_(1)
        self._check_size(images)
        return self.model(images, mask_labels=masks, class_labels=present).loss

    def _outputs(self, images: Tensor) -> Any:
        self.model.attn_mask_probs.zero_()  # else it masks in evaluation too
        self._check_size(images)
        return self.model(images)

    def _check_size(self, images: Tensor) -> None:
        """Check that images are of the one size that it takes.

        Raises:
            ValueError: they are not.
        """
        side = self.model.config.image_size
        if images.shape[-2:] != (side, side):
            raise ValueError(f'the EoMT of Hugging Face takes pictures of {side}x{side} alone: --shape {side} {side}')
