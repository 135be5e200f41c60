"""EoMT: the plain vision transformer as a mask transformer, without a decoder.

B batch, C channels, H W image size, T class and register tokens, h w patch grid, Q queries, D width, K classes, L blocks
that queries pass.
"""

from mmseg.structures import SegDataSample
from mmseg.utils import add_prefix
from torch import Tensor

from mmseg_vitseg.config.parts import class_of
from mmseg_vitseg.models.argument_checks import check_sizes
from mmseg_vitseg.models.heads.eomt import EoMTHead
from mmseg_vitseg.models.query_prediction import QueryPrediction
from mmseg_vitseg.models.segmentor import EncoderDecoder
from mmseg_vitseg.models.small_masks import SmallMasks
from mmseg_vitseg.models.vit import VisionTransformer
from mmseg_vitseg.registry import MODELS


@MODELS.register_module()
class EoMT(EncoderDecoder):
    """Encoder-only mask transformer (arXiv 2503.19108): queries join a ViT's tokens before its last L blocks.

    In training, queries predict before each of these blocks too, and look at the patches of their own mask only; the head's
    ``set_mask_probs`` takes these masks away step by step. In evaluation there is the last prediction alone, and no mask.

    Args:
        backbone: a ``mmseg_vitseg.VisionTransformer`` of any variant; its final norm stands before each prediction.
        decode_head: a ``mmseg_vitseg.EoMTHead``; ``in_channels`` and ``patch_size`` are the backbone's, ``num_blocks`` goes
            by its depth (3 to 12 blocks, 4 to 24, else 5).
        arguments: :class:`EncoderDecoder`'s.

    Raises:
        ValueError: a backbone or a head that queries cannot pass, a neck, an auxiliary head.
    """

    gives_probabilities = True  # its scores are sums of them, and no logits

    def __init__(self, *, neck: dict | None = None, auxiliary_head: dict | None = None, **arguments):
        for name, value in dict(neck=neck, auxiliary_head=auxiliary_head).items():
            if value is not None:
                raise ValueError(f'EoMT: {name}={value}; there is none between tokens and queries: leave it out')
        super().__init__(**arguments)

    def _init_decode_head(self, decode_head: dict) -> None:
        """Build the head, for the backbone's width, patches and depth."""
        _check_backbone(self.backbone)
        kind = class_of(decode_head, MODELS)
        if kind is not None and not issubclass(kind, EoMTHead):
            raise ValueError(f'EoMT: the decode_head is a {kind.__name__}; allowed: mmseg_vitseg.EoMTHead')
        depth, width, patch_size = len(self.backbone.blocks), self.backbone.embed_dims, self.backbone.patch_size
        num_blocks = decode_head.get('num_blocks')
        if num_blocks is None:
            num_blocks = min(depth, 3 if depth <= 12 else 4 if depth <= 24 else 5)
        check_sizes('EoMTHead', num_blocks=num_blocks)
        sizes = dict(in_channels=width, patch_size=patch_size)
        for name, value in sizes.items():
            if decode_head.get(name, value) != value:
                raise ValueError(f'EoMT: decode_head.{name}={decode_head[name]}, but the backbone has {value}')
        if num_blocks > depth:
            raise ValueError(f'EoMT: decode_head.num_blocks={num_blocks}, but the backbone has {depth} blocks')
        super()._init_decode_head({**decode_head, **sizes, 'num_blocks': num_blocks})

    def extract_feat(self, inputs: Tensor) -> tuple[QueryPrediction, ...]:
        """Map images (B, C, H, W) to what the queries predict, the last one last (figure 2).

        In training L + 1 predictions, before each of the last L blocks and after them; in evaluation one.
        """
        encoder, head = self.backbone, self.decode_head
        encoder.check_channels(inputs)
        tokens, grid = encoder.embed(inputs)  # (B, T + h w, D)
        prefix = tokens.shape[1] - grid[0] * grid[1]
        rotary = encoder.rotary(grid)
        first = len(encoder.blocks) - head.num_blocks
        for index in range(first):
            tokens = encoder.run(index, tokens, rotary)
        tokens = head.prepend(tokens)  # (B, Q + T + h w, D)
        predictions, mask = [], None
        for block in range(head.num_blocks):
            if self.training:
                predictions.append(head.predict_queries(encoder.norm(tokens), grid))
                mask = head.attention_mask(predictions[-1], grid, block, prefix)
            tokens = encoder.run(first + block, tokens, rotary, mask)
        return *predictions, head.predict_queries(encoder.norm(tokens), grid)

    def predicts_small(self) -> bool:
        """Return True: masks of queries are small."""
        return True

    def classify(self, images: Tensor, size: tuple[int, int]) -> SmallMasks:
        """Return what the queries predict of images (B, C, H, W), and its way to scores of ``size``."""
        return self.decode_head.small_masks(self._logits(images), size)

    def _logits(self, images: Tensor) -> QueryPrediction:
        return self.extract_feat(images)[-1]

    def _losses(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        return add_prefix(self.decode_head.loss(self.extract_feat(inputs), data_samples, self.train_cfg), 'decode')


def _check_backbone(backbone: object) -> None:
    """Check that queries can pass a backbone.

    Raises:
        ValueError: they cannot.
    """
    if not isinstance(backbone, VisionTransformer):
        raise ValueError(f'EoMT: the backbone is a {type(backbone).__name__}; allowed: mmseg_vitseg.VisionTransformer')
    if backbone.frozen:
        raise ValueError('EoMT: backbone.frozen=True, but queries learn through its blocks; allowed: frozen_stages')
    if backbone.norm is None:
        raise ValueError('EoMT: backbone.final_norm=False, but predictions are made of normed tokens; set it to True')
