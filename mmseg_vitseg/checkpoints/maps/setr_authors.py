"""SETR as its authors release it (fudan-zvg/SETR): a whole model on timm's ViT, or on DeiT's.

- Every head has the host's classifier, conv_seg, beside its own and without using it. The up head's own is its last
  convolution: conv_1 after one 3x3 or 1x1 convolution (Naive, auxiliary heads), conv_4 after four (PUP).
- Convolutions before a batch norm have a bias, ours none: it goes into the norm's running mean, where evaluation mode
  subtracts it again; in training mode it never had an effect.
- MLA: the levels are called p2 (shallowest) to p5, ours are counted from the deepest; norms and convolutions of the neck
  stand in their backbone, whose class token takes no part. Its classifier is 3x3.
"""

from dataclasses import replace

import torch
from torch import Tensor

from mmseg_vitseg.checkpoints.maps.source import Source
from mmseg_vitseg.checkpoints.maps.timm import MARKS, VISION_TRANSFORMER
from mmseg_vitseg.checkpoints.names import Table


def up_head(head: str, convolutions: int) -> Table:
    """Return an up head's names: ``convolutions`` of them with their norms, then the classifier."""
    table: Table = {f'{head}.norm.{{kind}}': f'{head}.norm.{{kind}}'}
    for index in range(convolutions):
        ours = f'{head}.up_convs.{index}.0'
        table[f'{head}.conv_{index}.{{kind}}'] = f'{ours}.conv.{{kind}}'
        table[f'{head}.syncbn_fc_{index}.{{norm}}'] = f'{ours}.bn.{{norm}}'
    return table | {f'{head}.conv_{convolutions}.{{kind}}': f'{head}.conv_seg.{{kind}}'}


def conv_norm(theirs: str, position: int, ours: str) -> Table:
    """Return the names of a convolution without bias and its norm, at ``position`` of a sequence of theirs."""
    return {
        f'{theirs}.{position}.weight': f'{ours}.conv.weight',
        f'{theirs}.{position + 1}.{{norm}}': f'{ours}.bn.{{norm}}',
    }


PUP: Table = up_head('decode_head', 4) | up_head('auxiliary_head.{h}', 1)
NAIVE: Table = up_head('decode_head', 1) | up_head('auxiliary_head.{h}', 1)
MLA: Table = {
    'backbone.norm_{s}.{kind}': 'neck.norm.{s}.{kind}',
    **conv_norm('backbone.mla.mla_p{s+2}_1x1', 0, 'neck.mla.channel_proj.{s}'),
    **conv_norm('backbone.mla.mla_p{5-s}', 0, 'neck.mla.feat_extract.{s}'),
    **conv_norm('decode_head.mlahead.head{5-s}', 0, 'decode_head.up_convs.{s}.0'),
    **conv_norm('decode_head.mlahead.head{5-s}', 3, 'decode_head.up_convs.{s}.1'),
    'decode_head.cls.weight': 'decode_head.conv_seg.weight',
    'decode_head.cls.bias': 'decode_head.conv_seg.bias',
    'auxiliary_head.{3-s}.aux.weight': 'auxiliary_head.{s}.conv_seg.weight',
}


def bias_into_norm(native: dict[str, Tensor]) -> None:
    """Take a convolution's bias b into the norm after it: norm(x + b) has the mean of norm(x) less b."""
    for name in [name for name in native if '.up_convs.' in name and name.endswith('.conv.bias')]:
        mean = name.removesuffix('conv.bias') + 'bn.running_mean'
        native[mean] = native[mean] - native.pop(name)


def turned_classifier(classifier: Tensor) -> Tensor:
    """Turn the order of the four levels in a classifier's columns, (K, 4 C, 3, 3): theirs shallowest first."""
    return torch.cat(classifier.chunk(4, dim=1)[::-1], dim=1)


RELEASE = Source(
    name='setr',
    what="the SETR authors'",
    encoder=VISION_TRANSFORMER,
    marks=MARKS,
    prefixes=('backbone.',),
    drop=('{head}.conv_seg.{rest}',),
)

SOURCES = (
    replace(
        RELEASE,
        what="the SETR authors' PUP",
        head=PUP,
        needs=('decode_head.conv_4.',),
        finish=bias_into_norm,
    ),
    replace(
        RELEASE,
        what="the SETR authors' Naive",
        head=NAIVE,
        needs=('decode_head.conv_0.',),
        absent=('decode_head.conv_4.',),
        finish=bias_into_norm,
    ),
    replace(
        RELEASE,
        what="the SETR authors' MLA",
        head=MLA,
        needs=('decode_head.mlahead.',),
        unused=('cls_token',),
        no_bias=('.conv_seg.weight',),  # of the auxiliary heads
        forms={'decode_head.cls.weight': (turned_classifier, turned_classifier)},
    ),
)
