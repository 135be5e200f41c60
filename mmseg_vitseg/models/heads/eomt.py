"""EoMT's head: a class and a mask for each query, and what the queries may look at while masks are learned.

B batch, Q queries, T class and register tokens, N = Q + T + h w tokens, D width, K classes, h w patch grid, h' w' size of
masks, L blocks that queries pass, p patch size.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.models.argument_checks import check_rates, check_sizes
from mmseg_vitseg.models.heads.base import input_size
from mmseg_vitseg.models.heads.pretrained import PretrainedHead
from mmseg_vitseg.models.layers import Linear
from mmseg_vitseg.models.losses.label_errors import check_masks
from mmseg_vitseg.models.losses.mask_loss import MaskLoss
from mmseg_vitseg.models.query_prediction import QueryPrediction
from mmseg_vitseg.models.small_masks import SmallMasks, small_masks
from mmseg_vitseg.models.upscaling import Upscale
from mmseg_vitseg.models.vit_layers import feature_map
from mmseg_vitseg.ops.resampling import resizings, unchanged
from mmseg_vitseg.registry import MODELS


@MODELS.register_module()
class EoMTHead(PretrainedHead):
    """What EoMT (arXiv 2503.19108) adds to a plain ViT: queries, a class head, a mask head, and the patches' upscaling.

    Its parameters have the authors' names. Weights are drawn as the authors draw them, by torch's defaults: queries from a
    normal distribution, the rest uniformly.

    Args:
        in_channels: D.
        num_classes: K; two-class data have 2, the background is one of them.
        patch_size: p, which says how often the patches are upscaled: masks have a quarter of the image's size at 16.
        num_queries: Q.
        num_blocks: L, the backbone's last blocks, which queries pass.
        ignore_index: label of pixels that no loss sees.
        loss: settings of :class:`~mmseg_vitseg.models.losses.mask_loss.MaskLoss`, the others than these two.
        init_cfg: see :class:`~mmseg_vitseg.models.heads.pretrained.PretrainedHead`.

    Raises:
        ValueError: sizes that make no head.
    """

    align_corners = False
    threshold = None  # there is no single logit
    mask_probs: Tensor

    def __init__(
        self,
        *,
        in_channels: int,
        num_classes: int,
        patch_size: int,
        num_queries: int = 100,
        num_blocks: int = 3,
        ignore_index: int = IGNORED,
        loss: dict = {},
        init_cfg: dict | None = None,
    ):
        super().__init__(init_cfg=init_cfg)
        check_sizes('EoMTHead', in_channels=in_channels, num_classes=num_classes, patch_size=patch_size)
        check_sizes('EoMTHead', num_queries=num_queries, num_blocks=num_blocks)
        if num_classes < 2:
            raise ValueError(f'EoMTHead: num_classes={num_classes}; at least 2: the background is a class too')
        self.in_channels = in_channels
        self.num_classes = self.out_channels = num_classes
        self.patch_size = patch_size
        self.num_queries = num_queries
        self.num_blocks = num_blocks
        self.ignore_index = ignore_index
        self.q = nn.Embedding(num_queries, in_channels)
        self.class_head = Linear(in_channels, num_classes + 1)
        self.mask_head = nn.Sequential(
            Linear(in_channels, in_channels),
            nn.GELU(),
            Linear(in_channels, in_channels),
            nn.GELU(),
            Linear(in_channels, in_channels),
        )
        self.upscale = nn.Sequential(*(Upscale(in_channels) for _ in range(max(1, int(math.log2(patch_size)) - 2))))
        self.criterion = MaskLoss(num_classes=num_classes, ignore_index=ignore_index, **loss)
        self.register_buffer('mask_probs', torch.ones(num_blocks), persistent=False)
        self.masked = (True,) * num_blocks

    def set_mask_probs(self, values: Sequence[float]) -> None:
        """Set with what probability a query is masked before each of the L blocks; at 0 the block runs without a mask.

        Raises:
            ValueError: not one probability a block.
        """
        if len(values) != self.num_blocks:
            raise ValueError(f'EoMTHead: {len(values)} probabilities of masks; num_blocks={self.num_blocks} are needed')
        for index, value in enumerate(values):
            check_rates('EoMTHead', **{f'mask_probs[{index}]': value})
            self.mask_probs[index].fill_(value)  # no copy, so that nothing waits for a GPU
        self.masked = tuple(value > 0 for value in values)

    def prepend(self, tokens: Tensor) -> Tensor:
        """Put the queries before tokens (B, T + h w, D): (B, N, D)."""
        return torch.cat([self.q.weight.expand(tokens.shape[0], -1, -1), tokens], dim=1)

    def predict_queries(self, tokens: Tensor, grid: tuple[int, int]) -> QueryPrediction:
        """Predict a class and a mask for each query.

        Args:
            tokens: queries first, patches last, normed, (B, N, D).
            grid: (h, w).
        """
        queries = tokens[:, : self.num_queries]  # (B, Q, D)
        pixels = self.upscale(feature_map(tokens, grid))  # (B, D, h', w')
        masks = self.mask_head(queries) @ pixels.flatten(2)  # (B, Q, h' w')
        return QueryPrediction(self.class_head(queries), masks.unflatten(2, pixels.shape[2:]))

    @torch.no_grad()
    def attention_mask(
        self, prediction: QueryPrediction, grid: tuple[int, int], block: int, prefix: int
    ) -> Tensor | None:
        """Return which tokens each query may look at: all but the patches outside its mask (section 3.3).

        Some queries, drawn anew each time, are left free where the block's probability is below 1.

        Args:
            prediction: what the queries predict before the block.
            grid: (h, w).
            block: which of the L blocks.
            prefix: T.

        Returns:
            (B, Q, N), bool; None where the block has no mask any more.
        """
        if not self.masked[block]:
            return None
        masks = F.interpolate(prediction.masks, size=grid, mode='bilinear').flatten(2)  # (B, Q, h w)
        free = torch.rand(masks.shape[:2], device=masks.device) > self.mask_probs[block]  # (B, Q)
        return F.pad((masks > 0) | free[..., None], (self.num_queries + prefix, 0), value=True)

    def covered(self, size: Sequence[int]) -> tuple[int, int]:
        """Return the size (H, W) that masks of a size (h', w') cover: whole patches, so it may be beyond the image's."""
        scale = 2 ** len(self.upscale)
        return size[0] // scale * self.patch_size, size[1] // scale * self.patch_size

    def loss(
        self, predictions: Sequence[QueryPrediction], batch_data_samples: list[SegDataSample], train_cfg: dict
    ) -> dict[str, Tensor]:
        """Return the losses of all predictions; what they cover beyond the image is ignored.

        A compiler's graph ends before the labels, which are laid out anew in each batch: flipped ones, say.

        Raises:
            ValueError: labels that are no class, with the mask's name.
        """
        compute = torch.compiler.disable(self._loss) if torch.compiler.is_compiling() else self._loss
        return compute(predictions, batch_data_samples)

    def _loss(self, predictions: Sequence[QueryPrediction], samples: list[SegDataSample]) -> dict[str, Tensor]:
        labels = torch.stack([sample.gt_sem_seg.data for sample in samples]).squeeze(1)  # (B, H, W)
        height, width = self.covered(predictions[-1].masks.shape[2:])
        beyond = (0, width - labels.shape[2], 0, height - labels.shape[1])
        try:
            return self.criterion(predictions, F.pad(labels, beyond, value=self.ignore_index))
        except ValueError:
            check_masks(self, samples)  # which names the mask
            raise

    def small_masks(self, prediction: QueryPrediction, size: tuple[int, int]) -> SmallMasks:
        """Return what the queries predict, and its way to scores of the ``size`` (H, W) of the network's input."""
        own = (prediction.masks.shape[2], prediction.masks.shape[3])
        inner = resizings(own, (self.covered(own),), self.align_corners).cropped(0, size[0], 0, size[1])
        return small_masks(prediction, inner, unchanged(size))

    def forward(self, predictions: Sequence[QueryPrediction]) -> Tensor:
        """Return the classes' scores at the masks' size, (B, K, h', w')."""
        return class_scores(*predictions[-1])

    def predict(self, predictions: Sequence[QueryPrediction], batch_img_metas: list[dict], test_cfg: dict) -> Tensor:
        """Return the classes' scores at the size (H, W) of the network's input: (B, K, H, W).

        The plain way, for exported graphs and ``test_cfg=dict(keep_logits=True)``; it holds all masks at that size.
        """
        classes, masks = predictions[-1]
        masks = F.interpolate(masks, self.covered(masks.shape[2:]), mode='bilinear')
        height, width = input_size(batch_img_metas)
        return class_scores(classes, masks[..., :height, :width])


def class_scores(classes: Tensor, masks: Tensor) -> Tensor:
    """Return what the queries say of each pixel, sum over q of P_q(class) P_q(pixel) (MaskFormer, arXiv 2107.06278, 3.4).

    Args:
        classes: logits, (B, Q, K + 1).
        masks: logits, (B, Q, H, W).

    Returns:
        (B, K, H, W).
    """
    weights = classes.softmax(-1)[..., :-1].transpose(1, 2)  # (B, K, Q)
    return (weights @ masks.sigmoid().flatten(2)).unflatten(2, masks.shape[2:])
