"""FLOPs against totals worked out by hand: two operations for each weight and position, attention included."""

import pytest
import torch

from mmseg_vitseg.benchmark.flops import count_gflops
from mmseg_vitseg.benchmark.variants import Variant


def test_vision_transformer(tiny):
    """Width 16, 2 blocks, 4 x 4 patches of 16 pixels and a class token, 5 classes."""
    tokens, width = 4 * 4 + 1, 16
    patches = 16 * (3 * 16 * 16) * width
    block = tokens * (4 * width**2 + 2 * 4 * width**2) + 2 * tokens**2 * width  # qkv, proj, mlp; scores and their use
    head = 16 * width * 5 * 16 * 16
    expected = 2 * (patches + 2 * block + head)
    assert count_gflops(Variant('ours', tiny['linear']).build(), (64, 64)) * 1e9 == pytest.approx(expected)


def test_mix_vision_transformer(tiny):
    """Widths 8, 16, 24, 32 at 16, 8, 4, 2 pixels a side; keys and values reduced to 2 x 2; 5 classes."""
    channels, total = 3, 0
    for width, side, patch, reduction in zip((8, 16, 24, 32), (16, 8, 4, 2), (7, 3, 3, 3), (8, 4, 2, 1), strict=True):
        tokens, keys = side**2, (side // reduction) ** 2
        total += tokens * channels * patch**2 * width
        total += keys * width**2 * reduction**2 if reduction > 1 else 0
        total += 2 * tokens * width**2 + keys * 2 * width**2 + 2 * tokens * keys * width  # q, proj; kv; attention
        total += 2 * tokens * width * 4 * width + tokens * 4 * width * 9  # fc1, fc2; depthwise
        channels = width
    segmentor = Variant('ours', tiny['segformer']).build()
    for stage in segmentor.model.decode_head.convs:  # each level's two matrices are made one: C x C x D
        total += 16 * 16 * stage.conv.in_channels
    total += sum(side**2 * width * 16 for width, side in zip((8, 16, 24, 32), (16, 8, 4, 2), strict=True))
    total += 16 * 16 * 16 * 5
    assert count_gflops(segmentor, (64, 64)) * 1e9 == pytest.approx(2 * total, rel=2e-3)  # and the merged biases


def test_attention_of_the_host_is_counted_too(tiny):
    ours, host = (Variant(kind, tiny['setr'], kind).build() for kind in ('config', 'stock'))
    small, large = (2 * 2 * (n**2) * 16 * 2 for n in (17, 65))  # scores and their use, two blocks
    for segmentor in (ours, host):
        growth = count_gflops(segmentor, (128, 128)) - 4 * count_gflops(segmentor, (64, 64))
        assert growth * 1e9 > 0.9 * (large - 4 * small) > 0
        assert segmentor.model.training
        assert not any(parameter.is_meta for parameter in segmentor.model.parameters())


def test_the_order_of_work_is_the_device_s(tiny):
    """3x3 convolutions after upsampling come before it on a CPU, and where TF32 is not allowed."""
    options = {
        f'model.decode_head.{key}': value
        for key, value in dict(kernel_size=3, num_convs=2, up_scale=2, channels=64).items()
    }
    segmentor = Variant('ours', tiny['setr'], options=options).build()
    assert count_gflops(segmentor, (64, 64)) < count_gflops(segmentor, (64, 64), 'cuda')
    with torch.backends.cudnn.flags(allow_tf32=False):
        assert count_gflops(segmentor, (64, 64)) == count_gflops(segmentor, (64, 64), 'cuda')
