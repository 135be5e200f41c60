"""What a CUDA device would be asked to do: calls one by one, then steps of models."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmseg_vitseg.benchmark.counting.counter import COPY, Counter
from mmseg_vitseg.benchmark.counting.stand_ins import StandIns
from mmseg_vitseg.benchmark.counting.steps import count_side_by_side, count_step
from mmseg_vitseg.benchmark.rows import KEYS
from mmseg_vitseg.benchmark.tables import to_markdown
from mmseg_vitseg.benchmark.variants import Settings, Variant


def draw(*size, dtype=torch.float32):
    return torch.empty(*(size or (2, 4, 8, 8)), dtype=dtype, device='meta')


def counted(call):
    with Counter() as counter, StandIns(counter):
        call()
    return counter.counts


X, LABELS, MASK, ON_HOST = draw(), draw(2, 8, 8, dtype=torch.int64), draw(8, 8, dtype=torch.bool), torch.zeros(3)
Q = draw(2, 3, 16, 8).requires_grad_()
CONV = nn.Conv2d(4, 6, 3, device='meta')
DEPTHWISE = nn.Conv2d(4, 4, 3, groups=4, device='meta')
NORM = nn.BatchNorm2d(4, device='meta')
LAST = draw(2, 8, 8, 4).permute(0, 3, 1, 2)
POINTWISE = nn.Conv2d(4, 6, 1, bias=False, device='meta')
SIZE = dict(size=(16, 16), mode='bilinear')


@pytest.mark.parametrize(
    ('call', 'launches', 'waits'),
    [
        (lambda: X.view(-1), 0, 0),
        (lambda: X.transpose(1, 2).reshape(2, 32, 8), 1, 0),  # a copy
        (lambda: X[:, 1:].unsqueeze(0).expand(3, -1, -1, -1, -1).detach(), 0, 0),
        (lambda: torch.empty_like(X).new_empty(3), 0, 0),
        (lambda: torch.zeros_like(X), 1, 0),
        (lambda: X + 1, 1, 0),
        (lambda: X.add_(X), 1, 0),
        (lambda: F.linear(X, draw(3, 8), draw(3)), 1, 0),  # the bias within the product
        (lambda: CONV(X), 2, 0),  # and the bias
        (lambda: DEPTHWISE(X), 1, 0),
        (lambda: CONV(LAST), 3, 0),  # the weight copied too
        (lambda: DEPTHWISE(LAST), 2, 0),  # cuDNN's; of this weight both layouts are the same
        (lambda: POINTWISE(LAST).permute(0, 2, 3, 1).contiguous(), 1, 0),
        (lambda: CONV(X).sum().backward(), 2 + 1 + 1 + 1 + 2, 0),  # weight and bias
        (lambda: NORM.train()(X), 3, 0),  # and the number of batches
        (lambda: NORM.eval()(X), 1, 0),
        (lambda: F.layer_norm(X, (8,)), 1, 0),
        (lambda: X.sum(), 1, 0),
        (lambda: X.half().sum(dtype=torch.float32), 2, 0),
        (lambda: MASK.sum(), 2, 0),  # as integers
        (lambda: F.scaled_dot_product_attention(Q, Q, Q), 1, 0),
        (lambda: F.scaled_dot_product_attention(Q, Q, Q).sum().backward(), 1 + 1 + 1 + 3 + 2 + 1, 0),  # three gradients
        (lambda: F.dropout(X, 0.1), 1, 0),
        (lambda: F.dropout(X, 0.1, training=False), 0, 0),
        (lambda: F.interpolate(X, **SIZE), 1, 0),
        (lambda: F.cross_entropy(X, LABELS), 2, 0),
        (lambda: X.argmax(1), 1, 0),
        (lambda: X.nonzero(), 4, 1),
        (lambda: X[:, :, MASK], 5, 1),
        (lambda: X[LABELS[0, 0]], 1, 0),
        (lambda: X.masked_fill(MASK, 0), 1, 0),
        (lambda: X.masked_fill_(MASK, 0), 1, 0),
        (lambda: X.sum().item(), 1, 1),
        (lambda: bool(MASK.any()), 1, 1),
        (lambda: X.cpu(), 0, 1),
        (lambda: LABELS.tolist(), 0, 1),
        (lambda: ON_HOST.to('meta'), 0, 1),
        (lambda: draw(3).copy_(ON_HOST), 0, 1),
        (lambda: ON_HOST.to('meta', non_blocking=True), 0, 0),
        (lambda: draw(3).copy_(ON_HOST, non_blocking=True), 0, 0),
        (lambda: ON_HOST.copy_(draw(3), non_blocking=False), 0, 1),
        (lambda: torch.tensor([1.0, 2.0], device='meta'), 0, 1),
        (lambda: X.new_tensor([1.0, 2.0]), 0, 1),
        (lambda: ON_HOST + ON_HOST[ON_HOST > 0].sum().item(), 0, 0),  # the host's own work
    ],
)
@pytest.mark.parametrize('context', [torch.enable_grad, torch.inference_mode])
def test_a_call(call, launches, waits, context):
    if context is torch.inference_mode and call.__code__.co_names[-1:] == ('backward',):
        return
    with context():
        counts = counted(call)
    assert (counts.launches.total(), counts.waits.total()) == (launches, waits), (counts.launches, counts.waits)


@pytest.mark.parametrize(
    ('call', 'elements'),
    [
        (lambda: X + 1, 2),
        (lambda: X.add_(1), 2),
        (lambda: X.zero_(), 1),
        (lambda: X.view(-1), 0),
        (lambda: draw(1, 1, 1, 8).expand(2, 4, 8, 8).contiguous(), 1 + 8 / 512),  # read once
        (lambda: X.gather(1, LABELS[:, None]), (3 * 4 * 128 + 8 * 128 - 4 * 128) / 2048),
    ],
)
def test_bytes(call, elements):
    assert counted(call).moved == elements * 2048


def test_names_of_what_waits():
    counts = counted(lambda: (ON_HOST.to('meta'), X[:, :, MASK], X.sum().item()))
    assert counts.waits == {COPY: 1, 'nonzero': 1, '_local_scalar_dense': 1}


@pytest.fixture
def counts(tiny, monkeypatch):
    """Count a step of a tiny model, with the kernels unless they are turned off."""

    def count(config, kind='config', mode='train', fused='1', batch=2, shape=(64, 64)):
        monkeypatch.setenv('MMSEG_VITSEG_FUSED', fused)
        return count_step(Variant(kind, tiny[config], kind), Settings(mode, shape, batch))

    return count


def test_training(counts):
    ours, host = counts('segformer'), counts('segformer', 'stock')
    # the losses, their gradient, a conversion and a sum; the logits' layout is channels last
    assert ours.launches['upsample_cross_entropy'] == ours.launches_loss['upsample_cross_entropy'] == 5
    assert ours.launches_loss.total() == 21  # and masks, mean, accuracy, the loss's weight; backward
    assert not ours.waits
    # its accuracy looks for what is not ignored, by a mask, twice
    assert host.waits == {'nonzero': 2}
    assert host.launches_loss.total() == 32
    assert host.launches_loss['topk'] == host.launches_loss['_log_softmax_backward_data'] == 1
    assert ours.launches.total() < host.launches.total()
    assert ours.moved < host.moved


def test_prediction(counts):
    ours, host = (counts('segformer', kind, 'predict') for kind in ('config', 'stock'))
    assert host.launches_loss == {'upsample_bilinear2d': 1, 'argmax': 2, 'select': 0}
    assert ours.launches_loss.total() == 4  # of each of two: a layout, labels
    assert not ours.waits
    assert not host.waits
    alone = counts('segformer', mode='forward')
    assert alone.launches.total() == (ours.launches - ours.launches_loss).total()
    assert not alone.launches_loss.total()


def test_without_the_kernels(counts):
    fused, strips = (counts('segformer', mode='predict', fused=fused, shape=(256, 256)) for fused in ('1', '0'))
    assert strips.launches - strips.launches_loss == fused.launches - fused.launches_loss
    assert strips.launches_loss.total() > fused.launches_loss.total()
    assert strips.launches_loss['mm']
    assert not strips.launches['upsample_argmax']


@pytest.mark.parametrize('kind', ['DiceLoss', 'TverskyLoss', 'FocalLoss', 'CrossEntropyLoss'])
def test_no_loss_waits(tiny, kind):
    """Of these, only cross-entropy has kernels of its own; a sigmoid's has none."""
    loss = dict(type=f'mmseg_vitseg.{kind}', **(dict(use_sigmoid=True) if kind == 'CrossEntropyLoss' else {}))
    variant = Variant('ours', tiny['segformer'], options={'model.decode_head.loss_decode': [loss]})
    counts = count_step(variant, Settings('train', (64, 64), 2))
    assert not counts.waits
    assert not counts.launches['upsample_cross_entropy']
    plain = count_step(Variant('ours', tiny['segformer']), Settings('train', (64, 64), 2))
    assert counts.launches - counts.launches_loss == plain.launches - plain.launches_loss


def test_a_mask_transformer(tiny):
    """It waits once, for the costs of all outputs; its loss launches as much for three outputs as for two."""
    counts = [
        count_step(
            Variant('ours', tiny['eomt dinov2_s_reg'], options={'model.decode_head.num_blocks': number}),
            Settings('train', (64, 64), 2),
        )
        for number in (1, 2)
    ]
    assert [one.waits for one in counts] == [{COPY: 1}] * 2
    assert counts[0].launches_loss == counts[1].launches_loss
    assert counts[0].launches_loss['grid_sampler_2d'] == 3


def test_windows_and_auxiliary_heads(counts):
    assert (
        counts('setr').launches['upsample_cross_entropy'] == 2 * counts('segformer').launches['upsample_cross_entropy']
    )
    assert counts('setr', mode='predict').launches['upsample_argmax'] == 2
    assert counts('setr', 'stock', 'predict').launches_loss['argmax'] == 2


def test_a_step_is_counted_after_the_first(counts):
    """Positions are resized to another grid at each step; what strips keep is made at the first alone."""
    again = [counts('linear', mode='predict', fused='0', shape=(96, 96)) for _ in range(2)]
    assert again[0] == again[1]
    assert not again[0].waits


def test_rows(tiny):
    pytest.importorskip('transformers', reason='transformers is not installed')
    variants = [Variant('ours', tiny['linear']), *(Variant(kind, tiny['linear'], kind) for kind in ('hf', 'stock'))]
    rows = count_side_by_side('linear', variants, Settings('train', (64, 64), 2))
    ours, hf, stock = (row.to_json() for row in rows)
    assert tuple(ours) == KEYS
    assert ours['launches'] > ours['launches_loss'] > 0
    assert hf['launches'] > hf['launches_loss'] > 0
    assert (ours['waits'], ours['latency_ms'], ours['peak_memory_mb']) == (0, None, None)
    assert ours['moved_gb'] == pytest.approx(count_step(variants[0], Settings('train', (64, 64), 2)).moved / 1e9)
    assert stock['variant'] == 'stock: ValueError: the host has no LinearPatchHead'
    assert stock['launches'] is None
    table = to_markdown(rows, 'meta', 'python tool').splitlines()
    assert table[0].startswith('device meta, torch')
    assert table[4].endswith('| launches | of loss or labels | waits | GB moved |')
    assert {line.count('|') for line in table[4:9]} == {table[4].count('|')}


def test_torch_s_functions_of_two_kinds_are_no_trap():
    """Of which torch makes one, by a flag."""
    assert counted(lambda: F.max_pool2d(X, 2)).launches.total() == 1
