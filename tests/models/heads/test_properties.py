"""Heads equal the host's, with the same weights: whatever the batch, classes, sizes, labels, ignored pixels and dtype."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.structures import PixelData
from mmseg.models.decode_heads import FCNHead
from mmseg.structures import SegDataSample
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.models import LinearPatchHead
from vitseg_tests.against_host import pair

pytestmark = [
    pytest.mark.usefixtures('short_strips'),
    pytest.mark.filterwarnings('ignore:When align_corners=True:UserWarning'),  # the host's advice about sizes
    pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore``:UserWarning'),
]

# the same examples each time, so that CI says the same each time
quick = settings(derandomize=True, deadline=None, max_examples=60, database=None)
few, side, pixels, classes, seeds = (st.integers(*ends) for ends in ((1, 3), (1, 7), (1, 40), (2, 6), (0, 2**16)))
ignored, dtypes = st.sampled_from(['none', 'some', 'all']), st.sampled_from([torch.float64, torch.float32])
NORM = dict(type='BN')


@st.composite
def setr_up(draw) -> tuple[str, dict, list[tuple[int, int]]]:
    form = dict(num_convs=draw(few), kernel_size=draw(st.sampled_from([1, 3])), up_scale=draw(st.integers(1, 4)))
    return 'SETRUPHead', dict(in_channels=6, channels=4, **form), [(draw(side), draw(side))]


@st.composite
def setr_mla(draw) -> tuple[str, dict, list[tuple[int, int]]]:
    levels = draw(few)
    widths = dict(in_channels=[6] * levels, in_index=list(range(levels)), channels=4 * levels, mla_channels=4)
    return 'SETRMLAHead', {**widths, 'up_scale': draw(st.integers(1, 4))}, [(draw(side), draw(side))] * levels


@st.composite
def segformer(draw) -> tuple[str, dict, list[tuple[int, int]]]:
    sizes = draw(st.lists(st.tuples(side, side), min_size=1, max_size=4))
    widths = dict(in_channels=[6] * len(sizes), in_index=list(range(len(sizes))), channels=4)
    return 'SegformerHead', widths, sizes


forms = st.one_of(setr_up(), setr_mla(), segformer())


@st.composite
def losses(draw, num_classes: int) -> dict:
    """A loss of the host's; not averaged over what counts where classes have weights: it fails then."""
    weight = draw(st.none() | st.lists(st.floats(0.25, 4), min_size=num_classes, max_size=num_classes))
    return dict(
        type='CrossEntropyLoss',
        class_weight=weight,
        avg_non_ignore=weight is None and draw(st.booleans()),
        loss_weight=draw(st.sampled_from([1.0, 0.4])),
    )


def samples(batch: int, num_classes: int, size: tuple[int, int], ignore: str) -> list[SegDataSample]:
    labels = torch.randint(0, num_classes, (batch, 1, *size))
    if ignore != 'none':
        share = 1.0 if ignore == 'all' else 0.3
        labels[torch.rand(labels.shape) < share] = IGNORED
    return [SegDataSample(gt_sem_seg=PixelData(data=label)) for label in labels]


def found(head: nn.Module, features: list[torch.Tensor], data: list[SegDataSample]) -> list:
    """Return losses, gradients of the features, and full-size logits."""
    leaves = [x.clone().requires_grad_() for x in features]
    values = head.loss(leaves, data, {})
    values['loss_ce'].backward()
    values['acc_seg'] = values['acc_seg'].float()  # which the host's is, of whatever logits
    with torch.no_grad():
        size = data[0].gt_sem_seg.shape
        logits = head.predict(features, [dict(img_shape=size, pad_shape=size)] * len(features[0]), {})
    return [values, [x.grad for x in leaves], logits]


@quick
@given(st.data(), forms, few, classes, pixels, pixels, st.booleans(), ignored, dtypes, seeds)
def test_equal_the_hosts(data, form, b, k, height, width, align, ignore, dtype, seed):
    name, arguments, sizes = form
    torch.manual_seed(seed)
    loss = data.draw(losses(k))
    host, ours = pair(
        name, **arguments, num_classes=k, out_channels=k, norm_cfg=NORM, align_corners=align, loss_decode=loss
    )
    labelled = samples(b, k, (height, width), ignore)
    features = [torch.randn(b, 6, *size, dtype=dtype) for size in sizes]
    expected, given_ = (found(head.eval().to(dtype), features, labelled) for head in (host, ours))
    assert_close(given_, expected, equal_nan=True)


@quick
@given(st.data(), few, classes, pixels, pixels, st.integers(1, 6), st.integers(1, 2), ignored, dtypes, seeds)
def test_linear_patch_head_equals_the_host_on_cut_logits(data, b, k, height, width, patch, depth, ignore, dtype, seed):
    torch.manual_seed(seed)
    loss = data.draw(losses(k))
    head = LinearPatchHead(
        in_channels=6, num_classes=k, out_channels=k, patch_size=patch, depth=depth, loss_decode=loss
    ).to(dtype)
    host = FCNHead(
        in_channels=6, channels=6, num_classes=k, out_channels=k, num_convs=0, concat_input=False, loss_decode=loss
    )
    features = [torch.randn(b, 6, -(-height // patch), -(-width // patch), dtype=dtype)]
    labelled = samples(b, k, (height, width), ignore)
    losses_, (gradient,), logits = found(head, features, labelled)
    leaf = features[0].clone().requires_grad_()
    cut = head((leaf,))[..., :height, :width]
    expected = host.loss_by_feat(cut, labelled)
    expected['loss_ce'].backward()
    assert_close([losses_, gradient, logits], [expected, leaf.grad, cut.detach()], equal_nan=True)


@quick
@given(forms, few, classes, st.booleans(), seeds)
def test_bfloat16_is_the_hosts_up_to_its_digits(form, b, k, align, seed):
    name, arguments, sizes = form
    torch.manual_seed(seed)
    host, ours = pair(name, **arguments, num_classes=k, out_channels=k, norm_cfg=NORM, align_corners=align)
    features = [torch.randn(b, 6, *size) for size in sizes]
    with torch.no_grad():
        exact = host.eval()(features)
        reduced = ours.eval().to(torch.bfloat16)([x.to(torch.bfloat16) for x in features])
    assert reduced.dtype == torch.bfloat16
    assert_close(reduced.float(), exact, rtol=0, atol=0.04 * float(exact.abs().max()))  # 8 bits, a dozen roundings
