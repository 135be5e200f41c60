"""What ops/ computes in another order or in strips equals the plain form, whatever the sizes, labels and dtypes."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.ops import resampling
from mmseg_vitseg.ops.folding import fold_batch_norm, fold_batch_norm_before
from mmseg_vitseg.ops.patch_kernel import change_input_channels, resize_patch_kernel
from mmseg_vitseg.ops.patches import images_to_patches, pad_to_patches, patches_to_images
from mmseg_vitseg.ops.position import resize_position_grid
from mmseg_vitseg.ops.reorder import (
    conv_of_upsampled,
    merge_pointwise,
    pointwise_of_upsampled_levels,
    upsample,
)
from mmseg_vitseg.ops.resampling import resizings
from mmseg_vitseg.ops.upsample_argmax import argmax_of
from mmseg_vitseg.ops.upsample_loss import upsample_cross_entropy

# the same examples each time, so that CI says the same each time
quick = settings(derandomize=True, deadline=None, max_examples=100, database=None)
few, side, channels, seeds = st.integers(1, 3), st.integers(1, 9), st.integers(1, 5), st.integers(0, 2**16)
flags = st.booleans()


pytestmark = pytest.mark.usefixtures('short_strips')


def draw(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@quick
@given(few, channels, side, side, side, side, flags, flags, flags, st.sampled_from(['none', 'some', 'all']), seeds,
       st.sampled_from([torch.float64, torch.float32, torch.bfloat16]))  # fmt: skip
def test_upsample_cross_entropy(b, k, h, w, height, width, align, weighted, average, ignored, seed, dtype):
    logits = draw(seed, b, k, h, w, dtype=dtype).requires_grad_()
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, k, (b, height, width), generator=generator)
    if ignored != 'none':
        some = torch.rand(labels.shape, generator=generator) < 0.4
        labels[some if ignored == 'some' else ...] = IGNORED
    weight = torch.linspace(0.5, 2, k) if weighted else None
    numbers = weight.tolist() if weighted else None
    found = upsample_cross_entropy(
        logits, labels, align_corners=align, class_weight=numbers, avg_non_ignore=average, reduction='mean'
    )
    (gradient,) = torch.autograd.grad(found.loss, logits)
    plain = logits.detach().to(torch.promote_types(dtype, torch.float32)).requires_grad_()
    full = F.interpolate(plain, size=(height, width), mode='bilinear', align_corners=align)
    typed = None if weight is None else weight.to(full)
    total = F.cross_entropy(full, labels, typed, ignore_index=IGNORED, reduction='sum')
    valid = labels != IGNORED
    counted = weight[labels[valid]].sum() if weighted else valid.sum() if average else labels.numel()
    expected = total / (counted + torch.finfo(torch.float32).eps)
    assert_close(found.loss, expected, rtol=1e-5, atol=1e-6)  # matrices in float32 against torch's own loop
    tolerance = dict(rtol=2e-2, atol=1e-3) if dtype == torch.bfloat16 else dict(rtol=1e-4, atol=1e-6)
    assert_close(gradient.to(plain), torch.autograd.grad(expected, plain)[0], **tolerance)
    assert gradient.dtype == dtype


@quick
@given(few, channels, side, side, side, side, side, side, flags, flags, seeds)
def test_argmax_of(b, k, h, w, middle_h, middle_w, height, width, through, align, seed):
    logits = draw(seed, b, k, h, w)
    way = [(middle_h, middle_w)] if through else []
    chain = resizings((h, w), (*way, (height, width)), align)
    found = [argmax_of(one, chain, confidence=True) for one in logits]
    labels, probabilities = map(torch.stack, zip(*found, strict=True))
    full = logits
    for size in (*way, (height, width)):
        full = F.interpolate(full, size=size, mode='bilinear', align_corners=align)
    best = full.softmax(1)
    # equal but for rounding: what is chosen is as large as the largest
    assert_close(best.gather(1, labels[:, None])[:, 0], best.amax(1), rtol=1e-5, atol=1e-6)
    assert_close(probabilities, best.amax(1).float(), rtol=1e-5, atol=1e-6)


@quick
@given(channels, channels, side, side, seeds)
def test_argmax_of_equals_is_the_first(k, repeats, h, w, seed):
    logits = draw(seed, k, h, w, dtype=torch.float32)
    labels, _ = argmax_of(logits.repeat(repeats, 1, 1), resampling.unchanged((h, w)))
    assert torch.equal(labels, logits.argmax(0))


@quick
@given(few, st.lists(st.tuples(channels, side, side), min_size=1, max_size=4), channels, side, side, flags,
       st.sampled_from(['bilinear', 'nearest', 'bicubic', 'area']), flags, seeds)  # fmt: skip
def test_pointwise_of_upsampled_levels(b, levels, k, height, width, with_bias, mode, align, seed):
    maps = [draw(seed + i, b, *shape) for i, shape in enumerate(levels)]
    weight = draw(seed, k, sum(shape[0] for shape in levels), 1, 1)
    bias = draw(seed, k) if with_bias else None
    found = pointwise_of_upsampled_levels(
        maps, weight.split([shape[0] for shape in levels], 1), bias, (height, width), mode, align
    )
    options = dict(align_corners=align) if mode in ('bilinear', 'bicubic') else {}
    joined = torch.cat([F.interpolate(x, size=(height, width), mode=mode, **options) for x in maps], 1)
    assert_close(found, F.conv2d(joined, weight, bias))


@quick
@given(
    few,
    channels,
    channels,
    side,
    side,
    st.sampled_from([1, 1.5, 2, 3, 4]),
    st.sampled_from([1, 3]),
    flags,
    flags,
    seeds,
)
def test_conv_of_upsampled(b, c, k, h, w, scale, kernel, align, with_bias, seed):
    x, weight = draw(seed, b, c, h, w), draw(seed + 1, k, c, kernel, kernel)
    bias = draw(seed, k) if with_bias else None
    expected = F.conv2d(upsample(x, scale, align), weight, bias, padding=kernel // 2)
    assert_close(conv_of_upsampled(x, weight, bias, scale, align), expected)


@quick
@given(st.lists(channels, min_size=1, max_size=3), channels, channels, flags, flags, seeds)
def test_merge_pointwise(widths, c, k, inner_bias, outer_bias, seed):
    first = [(draw(seed + i, c, width, 1, 1), draw(seed, c) if inner_bias else None) for i, width in enumerate(widths)]
    second = (
        [draw(seed - i, k, c, 1, 1) for i in range(len(widths))] if seed > 3 else [draw(9, k, c, 1, 1)] * len(widths)
    )
    bias = draw(seed, k) if outer_bias else None
    maps = [draw(seed + 7 + i, 1, width, 2, 3) for i, width in enumerate(widths)]
    weights, merged = merge_pointwise(first, second, bias)
    expected = sum(F.conv2d(F.conv2d(x, *inner), outer) for x, inner, outer in zip(maps, first, second, strict=True))
    expected = expected if bias is None else expected + bias[:, None, None]
    found = sum(F.conv2d(x, weight) for x, weight in zip(maps, weights, strict=True))
    assert_close(found if merged is None else found + merged[:, None, None], expected)


@quick
@given(few, channels, channels, st.sampled_from([1, 3]), flags, flags, seeds)
def test_fold_batch_norm(b, c, k, kernel, with_bias, affine, seed):
    weight, bias = draw(seed, k, c, kernel, kernel), draw(seed, k) if with_bias else None
    mean, var = draw(seed + 1, k), draw(seed + 2, k).abs()
    gamma, beta = (draw(seed + 3, k), draw(seed + 4, k)) if affine else (None, None)
    x = draw(seed + 5, b, c, 4, 5)
    expected = F.batch_norm(F.conv2d(x, weight, bias), mean, var, gamma, beta, eps=1e-5)
    folded = fold_batch_norm(weight, bias, mean=mean, var=var, eps=1e-5, gamma=gamma, beta=beta)
    assert_close(F.conv2d(x, *folded), expected)


@quick
@given(few, channels, channels, flags, flags, seeds)
def test_fold_batch_norm_before(b, c, k, with_bias, affine, seed):
    weight, bias = draw(seed, k, c, 1, 1), draw(seed, k) if with_bias else None
    mean, var = draw(seed + 1, c), draw(seed + 2, c).abs()
    gamma, beta = (draw(seed + 3, c), draw(seed + 4, c)) if affine else (None, None)
    x = draw(seed + 5, b, c, 4, 5)
    expected = F.conv2d(F.batch_norm(x, mean, var, gamma, beta, eps=1e-5), weight, bias)
    folded = fold_batch_norm_before(weight, bias, mean=mean, var=var, eps=1e-5, gamma=gamma, beta=beta)
    assert_close(F.conv2d(x, *folded), expected)


@quick
@given(few, channels, side, side, st.integers(1, 5), seeds)
def test_patches_go_there_and_back(b, c, h, w, size, seed):
    images = draw(seed, b, c, h, w)
    padded = pad_to_patches(images, size)
    grid = tuple(length // size for length in padded.shape[-2:])
    assert torch.equal(padded[..., :h, :w], images)
    assert not padded[..., h:, :].any()
    assert not padded[..., w:].any()
    assert torch.equal(patches_to_images(images_to_patches(padded, size), grid, size), padded)
    kernel = draw(seed + 1, 4, c, size, size)
    expected = F.conv2d(padded, kernel, stride=size).flatten(2).transpose(1, 2)
    assert_close(images_to_patches(padded, size) @ kernel.flatten(1).T, expected)


@quick
@given(st.integers(0, 2), side, side, side, side, st.sampled_from(['bicubic', 'bilinear']), flags, seeds)
def test_resize_position_grid(tokens, h, w, height, width, mode, antialias, seed):
    positions = draw(seed, 1, tokens + h * w, 3, dtype=torch.float32)
    found = resize_position_grid(positions, (h, w), (height, width), mode=mode, antialias=antialias)
    assert found.shape == (1, tokens + height * width, 3)
    assert torch.equal(found[:, :tokens], positions[:, :tokens])
    if (h, w) == (height, width):
        assert torch.equal(found, positions)
    constant = torch.cat([positions[:, :tokens], torch.ones(1, h * w, 3)], 1)
    kept = resize_position_grid(constant, (h, w), (height, width), mode=mode, antialias=antialias)[:, tokens:]
    assert_close(kept, torch.ones_like(kept))  # a resizing's weights sum to one


@quick
@given(channels, channels, st.integers(1, 6), st.integers(0, 6), seeds)
def test_patch_kernels(c, new, size, more, seed):
    kernel = draw(seed, 3, c, size, size)
    larger = resize_patch_kernel(kernel, size + more)
    patch = draw(seed + 1, 1, c, size, size)
    grown = F.interpolate(patch, size=(size + more,) * 2, mode='bilinear')
    assert_close(F.conv2d(grown, larger), F.conv2d(patch, kernel))  # of patches that grow, the token stays
    changed = change_input_channels(kernel, new)
    assert changed.shape == (3, new, size, size)
    if new % c == 0 or new == 1:
        grey = draw(seed + 2, 1, 1, size, size)
        same = F.conv2d(grey.expand(-1, new, -1, -1), changed)
        assert_close(same, F.conv2d(grey.expand(-1, c, -1, -1), kernel))


@quick
@given(channels, side, side, side, side, flags, st.data())
def test_resampling(k, h, w, height, width, align, data):
    """Resized, cropped, flipped: the matrices do what the steps do one by one."""
    x = draw(k, 1, k, h, w, dtype=torch.float64)
    way = resampling.unchanged((h, w)).resized((height, width), align)
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    direction = data.draw(st.sampled_from(['horizontal', 'vertical']))
    way = way.cropped(top, height, left, width).flipped(direction)
    plain = F.interpolate(x, size=(height, width), mode='bilinear', align_corners=align)[..., top:, left:]
    plain = plain.flip(-1 if direction == 'horizontal' else -2)
    assert way.size == tuple(plain.shape[-2:])
    assert_close(way.rows.double() @ x @ way.columns.double().T, plain, rtol=1e-5, atol=1e-6)
