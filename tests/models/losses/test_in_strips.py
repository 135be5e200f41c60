"""Losses in strips against the same losses of logits at full size, by the host's own method: values and gradients."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch.testing import assert_close

from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.models.heads.base import DecodeHead
from mmseg_vitseg.models.losses.head_loss import head_loss, losses_in_strips
from mmseg_vitseg.ops import resampling

pytestmark = [
    pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore``'),
    pytest.mark.filterwarnings('ignore:``build_pixel_sampler`` would be deprecated:UserWarning'),  # the host's own call
]
K = 4
WEIGHTS = [1.0, 3.0, 0.5, 2.0]
CE, DICE, TVERSKY = dict(type='mmseg.CrossEntropyLoss'), dict(type='mmseg.DiceLoss'), dict(type='mmseg.TverskyLoss')
OUR_CE, OUR_DICE = dict(type='mmseg_vitseg.CrossEntropyLoss'), dict(type='mmseg_vitseg.DiceLoss')
OUR_TVERSKY, FOCAL = dict(type='mmseg_vitseg.TverskyLoss'), dict(type='mmseg_vitseg.FocalLoss')
BCE = dict(CE, use_sigmoid=True)
THRESHOLD, HARDEST = (dict(type='OHEMPixelSampler', min_kept=30, **one) for one in (dict(thresh=0.3), dict()))

LOSSES = {
    'cross-entropy': CE,
    'cross-entropy, weighted': dict(CE, class_weight=WEIGHTS, loss_weight=0.4),
    'cross-entropy, of pixels that count': dict(OUR_CE, avg_non_ignore=True),
    'cross-entropy, summed': dict(CE, reduction='sum'),
    'binary': BCE,
    'binary, of pixels that count': dict(BCE, avg_non_ignore=True, loss_weight=2.0),
    'binary, summed': dict(BCE, reduction='sum'),
    'binary, weighted': dict(OUR_CE, use_sigmoid=True, class_weight=WEIGHTS),
    'dice': DICE,
    'dice, softmax': dict(DICE, use_sigmoid=False, loss_weight=3.0),
    'dice, naive': dict(DICE, naive_dice=True, use_sigmoid=False),
    'dice, of logits': dict(DICE, activate=False),
    'dice, without a class': dict(DICE, ignore_index=0),
    'dice, summed': dict(DICE, reduction='sum'),
    'dice, a picture each': dict(OUR_DICE, reduction='none'),
    'our dice': OUR_DICE,
    'our dice, naive': dict(OUR_DICE, naive_dice=True, use_sigmoid=False, ignore_index=1),
    'tversky': TVERSKY,
    'tversky, weighted': dict(TVERSKY, class_weight=WEIGHTS, alpha=0.5, beta=0.5, smooth=0.1),
    'tversky, without a class': dict(TVERSKY, ignore_index=2),
    'our tversky, of all classes': dict(OUR_TVERSKY, ignore_index=None),
    'our tversky': dict(OUR_TVERSKY, class_weight=WEIGHTS, loss_weight=2.0),
    'our tversky, without a class': dict(OUR_TVERSKY, ignore_index=2),
    'focal': FOCAL,
    'focal, weighted': dict(FOCAL, class_weight=WEIGHTS, alpha=[0.1, 0.2, 0.7, 0.5], gamma=1.5),
    'focal, summed': dict(FOCAL, reduction='sum', gamma=0.0, alpha=0.25),
    'cross-entropy and dice': [CE, dict(OUR_DICE, use_sigmoid=False, loss_weight=3.0)],
    'all at once': [dict(CE, class_weight=WEIGHTS), BCE, DICE, OUR_DICE, TVERSKY, FOCAL],
    'of one name': [CE, dict(DICE, loss_name='loss_ce')],
}
OF_ONE_LOGIT = {
    'binary': BCE,
    'binary, of pixels that count': dict(BCE, avg_non_ignore=True),
    'binary, weighted': dict(OUR_CE, use_sigmoid=True, class_weight=[3.0]),
    'our dice': OUR_DICE,
    'our dice, naive': dict(OUR_DICE, naive_dice=True),
    'our tversky': OUR_TVERSKY,
    'focal': dict(FOCAL, alpha=0.25),
    'all at once': [BCE, OUR_DICE, OUR_TVERSKY, FOCAL],
}
SAMPLED = {
    'threshold': (THRESHOLD, CE),
    'threshold and a list': (
        THRESHOLD,
        [dict(OUR_CE, class_weight=WEIGHTS), OUR_DICE, BCE, OUR_TVERSKY, TVERSKY, FOCAL],
    ),
    'threshold that few are below': (dict(THRESHOLD, thresh=0.001), CE),
    'threshold and too few pixels': (dict(THRESHOLD, min_kept=10**6), dict(CE, avg_non_ignore=True)),
    'hardest': (HARDEST, CE),
    'hardest of a list': (HARDEST, [dict(CE, class_weight=WEIGHTS, loss_weight=0.3), dict(FOCAL, loss_weight=5.0)]),
    'all are the hardest': (dict(HARDEST, min_kept=10**6), CE),
}


class OurHead(DecodeHead):
    def classify(self, inputs):
        return inputs[0]


class HostsHead(BaseDecodeHead):
    def forward(self, inputs):
        return inputs[0]


def build(losses, *, cls=HostsHead, logits=K, **arguments):
    classes = dict(num_classes=2, out_channels=1, threshold=0.4) if logits == 1 else dict(num_classes=logits)
    return cls(in_channels=1, channels=1, loss_decode=copy.deepcopy(losses), **classes, **copy.deepcopy(arguments))


def draw(logits=K, size=(5, 6), target=(17, 21), dtype=torch.float32, ignored=IGNORED):
    """Return logits, and labels of which some are ignored, of one picture all."""
    labels = torch.randint(0, max(logits, 2), (3, 1, *target))
    labels[0, :, :4], labels[1] = ignored, ignored
    return (3 * torch.randn(3, logits, *size, dtype=dtype)).requires_grad_(), labels


def losses_of(head, logits, labels, *, in_strips):
    """Return what a head returns, and the gradient of all losses, each times another number."""
    assert losses_in_strips(head) is not None
    samples = [SegDataSample(gt_sem_seg=PixelData(data=one)) for one in labels]

    def by_the_host(samples):
        assert not in_strips
        return type(head).loss_by_feat(head, logits, samples)

    found = head_loss(head, (logits,), samples, by_the_host) if in_strips else by_the_host(samples)
    total = sum(value.sum() * (1 + i) for i, (name, value) in enumerate(found.items()) if name != 'acc_seg')
    return {name: value.detach().reshape(-1) for name, value in found.items()}, torch.autograd.grad(total, logits)[0]


def compare(head, logits, labels, **tolerance):
    expected, gradient = losses_of(head, logits, labels, in_strips=False)
    found, gradient_in_strips = losses_of(head, logits, labels, in_strips=True)
    assert list(found) == list(expected)
    for name, value in expected.items():
        within = tolerance if name != 'acc_seg' else {}  # which is of float32
        assert_close(found[name], value, msg=lambda text, name=name: f'{name}: {text}', **within)
    assert_close(gradient_in_strips, gradient, **tolerance)
    assert gradient.any()


@pytest.fixture(params=[1, 2**21], ids=['a row at a time', 'one strip'])
def strip_bytes(request, monkeypatch):
    monkeypatch.setitem(resampling.STRIP_BYTES, 'cpu', request.param)


@pytest.mark.usefixtures('strip_bytes')
@pytest.mark.parametrize('losses', LOSSES.values(), ids=LOSSES.keys())
def test_equals_the_hosts_way(losses):
    compare(build(losses), *draw())


@pytest.mark.parametrize('name', [name for name in LOSSES if 'binary' not in name and name != 'all at once'])
def test_in_double_precision(name):
    """But for matrices, which are float32's, and the host's sums of Dice's masks; its binary ones are float32's alone."""
    logits, labels = draw(dtype=torch.float64, size=(6, 7), target=(6, 7))
    compare(build(LOSSES[name]), logits, labels, rtol=1e-8, atol=1e-9)


@pytest.mark.usefixtures('strip_bytes')
@pytest.mark.parametrize('cls', [OurHead, HostsHead])
@pytest.mark.parametrize('losses', OF_ONE_LOGIT.values(), ids=OF_ONE_LOGIT.keys())
def test_one_logit(losses, cls):
    compare(build(losses, cls=cls, logits=1), *draw(logits=1))


@pytest.mark.usefixtures('strip_bytes')
@pytest.mark.parametrize(('sampler', 'losses'), SAMPLED.values(), ids=SAMPLED.keys())
def test_sampled(sampler, losses):
    compare(build(losses, sampler=sampler), *draw())


class Together(resampling.Strips):
    """Strips of all images, as on a GPU."""

    def __init__(self, resampling, classes, like, images=1):
        super().__init__(resampling, classes, like, images)
        self.images = [slice(images)]


@pytest.mark.usefixtures('strip_bytes')
@pytest.mark.parametrize(
    ('losses', 'sampler'),
    [(CE, None), (BCE, None), (LOSSES['all at once'], None), (CE, HARDEST)],
    ids=['cross-entropy', 'one pass', 'two passes', 'sampled'],
)
def test_images_together(losses, sampler, monkeypatch):
    for module in ('upsample_sums', 'upsample_loss'):
        monkeypatch.setattr(f'mmseg_vitseg.ops.{module}.Strips', Together)
    compare(build(losses, sampler=sampler), *draw())


def test_the_hardest_of_one_logit():
    compare(build([BCE, FOCAL], logits=1, sampler=HARDEST), *draw(logits=1))


@pytest.mark.parametrize('losses', [LOSSES['all at once'], BCE, dict(OUR_DICE, use_sigmoid=False)], ids=str)
@pytest.mark.parametrize(
    ('arguments', 'drawn'),
    [
        (dict(align_corners=True), dict()),
        (dict(ignore_index=2), dict(ignored=2)),
        (dict(ignore_index=-1), dict(ignored=-1)),  # which the host's Dice takes for class 0
        (dict(), dict(size=(1, 1), target=(2, 3))),
        (dict(), dict(size=(9, 8), target=(4, 3))),
    ],
    ids=str,
)
def test_any_shape_and_ignored_label(losses, arguments, drawn):
    if isinstance(losses, list) and arguments.get('ignore_index') in (2, -1):
        losses = [
            one for one in losses if one['type'] != 'mmseg.TverskyLoss'
        ]  # it ignores 255, and torch.clamp is its rule
    compare(build(losses, **arguments), *draw(**drawn))


@pytest.mark.parametrize('losses', [BCE, LOSSES['all at once']], ids=['one pass', 'two passes'])
def test_half_precision_is_computed_in_float32(losses):
    logits, labels = draw()
    half = logits.detach().bfloat16().requires_grad_()
    head = build(losses)
    with torch.autocast('cpu', torch.bfloat16):
        found, gradient = losses_of(head, half, labels, in_strips=True)
    expected, reference = losses_of(head, half.detach().float().requires_grad_(), labels, in_strips=False)
    assert gradient.dtype == torch.bfloat16
    assert_close(gradient, reference.bfloat16(), rtol=2**-7, atol=1e-7)  # rounding may fall either way
    assert_close(found, expected)


@pytest.mark.parametrize('name', ['binary, of pixels that count', 'our dice', 'our tversky', 'focal'])
@pytest.mark.parametrize('logits', [1, K])
def test_nothing_to_learn_from(name, logits):
    x, labels = draw(logits=logits)
    head = build((OF_ONE_LOGIT if logits == 1 else LOSSES | {'our tversky': OUR_TVERSKY})[name], logits=logits)
    found, gradient = losses_of(head, x, torch.full_like(labels, IGNORED), in_strips=True)
    assert all(value.isfinite().all() for value in found.values())
    assert not gradient.any()


def test_class_weights_over_the_pixels_that_count_in_a_list():
    """The host crashes here; torch's own mean is the definition."""
    logits, labels = draw()
    head = build([dict(CE, class_weight=WEIGHTS, avg_non_ignore=True), DICE])
    x = F.interpolate(logits, size=labels.shape[-2:], mode='bilinear', align_corners=False)
    expected = F.cross_entropy(x, labels[:, 0], torch.tensor(WEIGHTS), ignore_index=IGNORED)
    assert_close(losses_of(head, logits, labels, in_strips=True)[0]['loss_ce'], expected.detach()[None])


@pytest.mark.parametrize('losses', [DICE, OUR_DICE, TVERSKY, OUR_TVERSKY, FOCAL, [DICE, FOCAL]], ids=str)
def test_a_head_that_ignores_nothing(losses):
    logits, labels = draw()
    compare(build(losses, ignore_index=None), logits, labels.where(labels < K, 0))


@pytest.mark.parametrize(
    ('losses', 'name'),
    [
        (dict(CE, class_weight=WEIGHTS[:3]), 'class_weight'),
        ([dict(CE, class_weight=[*WEIGHTS, 1.0]), DICE], 'class_weight'),  # the last one would be read of no pixel
        (dict(OUR_CE, use_sigmoid=True, class_weight=WEIGHTS[:3]), 'class_weight'),
        (dict(TVERSKY, class_weight=WEIGHTS[:1]), 'class_weight'),
        (dict(FOCAL, class_weight=WEIGHTS[:3]), 'class_weight'),
        (dict(FOCAL, alpha=[*WEIGHTS, 1.0]), 'alpha'),
    ],
    ids=str,
)
def test_a_number_for_each_logit(losses, name):
    with pytest.raises(ValueError, match=f'Loss: {name} has [135] numbers, and its head {K} logits'):
        losses_in_strips(build(losses))


@pytest.mark.parametrize('logits', [1, K])
@pytest.mark.parametrize('cls', [OurHead, HostsHead])
def test_a_label_that_a_loss_alone_ignores_is_no_class_predicted_right(cls, logits):
    head = build(OUR_TVERSKY, cls=cls, logits=logits, ignore_index=100)
    x, labels = draw(logits=logits)  # of which some are 255
    with torch.no_grad():
        x[:, 0] += 9 if logits > 1 else -9  # class 0 is predicted
    compare(head, x, labels)


def test_class_weights_may_change():
    logits, labels = draw()
    for losses in (CE, [CE, TVERSKY]):
        head = build(losses)
        criteria = list(head.loss_decode) if isinstance(losses, list) else [head.loss_decode]
        for weights in (WEIGHTS, WEIGHTS[::-1], None):
            for criterion in criteria:
                criterion.class_weight = weights
            compare(copy.deepcopy(head), logits, labels)
        assert not head.loss_decode.state_dict()


@pytest.mark.parametrize(
    ('losses', 'arguments'),
    [
        (dict(type='mmseg.LovaszLoss', reduction='none'), dict()),
        ([CE, dict(type='mmseg_vitseg.LovaszLoss')], dict()),
        (dict(CE, reduction='none'), dict()),
        (dict(BCE, class_weight=WEIGHTS), dict()),
        (dict(type='mmseg.FocalLoss'), dict()),
        (dict(FOCAL, reduction='none'), dict()),
        (DICE, dict(sampler=THRESHOLD)),
        (OUR_DICE, dict(sampler=HARDEST)),
        (BCE, dict(sampler=HARDEST)),
        (DICE, dict(logits=1)),
        (TVERSKY, dict(logits=1)),
        (dict(TVERSKY, ignore_index=None), dict()),
        (dict(OUR_DICE, use_sigmoid=False), dict(logits=1)),
        (BCE, dict(logits=1, sampler=THRESHOLD)),
        (CE, dict(ignore_index=None)),
        (FOCAL, dict(ignore_index=None, sampler=HARDEST)),
    ],
    ids=str,
)
def test_others_keep_the_hosts_way(losses, arguments):
    assert losses_in_strips(build(losses, **arguments)) is None


@pytest.mark.parametrize(
    ('losses', 'sampler', 'words'),
    [([CE, dict(type='mmseg_vitseg.LovaszLoss')], None, 'for LovaszLoss;'), (BCE, HARDEST, 'for OHEMPixelSampler;')],
    ids=['a loss', 'a sampler'],
)
def test_what_needs_the_full_size_is_said_once(losses, sampler, words, monkeypatch):
    said = []
    monkeypatch.setattr('mmseg_vitseg.models.heads.base.print_log', lambda text, logger: said.append(text))
    monkeypatch.setattr(BaseDecodeHead, 'loss', lambda *_: {})  # the host's, which refuses this sampler
    head = build(losses, cls=OurHead, sampler=sampler)
    logits, labels = draw()
    for _ in range(2):
        head.loss((logits,), [SegDataSample(gt_sem_seg=PixelData(data=one)) for one in labels], {})
    assert len(said) == 1
    assert words in said[0]


def test_a_loss_that_is_derived_from_another_keeps_the_hosts_way():
    head = build(CE)
    head.loss_decode = type('Own', (type(head.loss_decode),), {})()
    assert losses_in_strips(head) is None


def test_nothing_of_the_full_size_is_saved():
    logits, labels = draw(size=(8, 8), target=(64, 96))
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: sizes.append(x.numel()) or x, lambda x: x):
        losses_of(build(LOSSES['all at once']), logits, labels, in_strips=True)
    assert max(sizes) == labels.numel()


@pytest.mark.parametrize(
    ('losses', 'sampler'),
    [(DICE, None), (LOSSES['all at once'], None), (CE, HARDEST)],
    ids=['dice', 'a list', 'sampled'],
)
class TestWrongLabels:
    def make(self, losses, sampler):
        logits, labels = draw()
        labels[2, 0, 9, 9] = K
        return build(losses, sampler=sampler), logits, labels

    def test_the_mask_is_named(self, losses, sampler):
        head, logits, labels = self.make(losses, sampler)
        with pytest.raises(ValueError, match=f'picture 2 of the batch: labels {K} with num_classes={K}'):
            losses_of(head, logits, labels, in_strips=True)

    def test_on_cuda_the_losses_are_nan(self, losses, sampler, monkeypatch):
        """As there, where nothing waits to look for them."""
        monkeypatch.setattr('mmseg_vitseg.labels.as_on_cuda', lambda device: True)
        head, logits, labels = self.make(losses, sampler)
        found, gradient = losses_of(head, logits, labels, in_strips=True)
        assert all(value.isnan() for name, value in found.items() if name != 'acc_seg')
        assert gradient.isfinite().all()


@pytest.mark.filterwarnings('ignore')  # torch's own, while it compiles
@pytest.mark.parametrize('sampler', [None, THRESHOLD], ids=['a list', 'sampled'])
def test_a_head_is_one_graph(sampler):
    head = build([dict(CE, class_weight=WEIGHTS), dict(TVERSKY, class_weight=WEIGHTS), OUR_DICE], sampler=sampler)
    logits, labels = draw()
    samples = [SegDataSample(gt_sem_seg=PixelData(data=one)) for one in labels]
    compiled = torch.compile(lambda x: head_loss(head, (x,), samples, None), backend='aot_eager', fullgraph=True)
    found, expected = compiled(logits), head_loss(head, (logits,), samples, None)
    assert_close(found, expected)
    gradients = [torch.autograd.grad(one['loss_tversky'] + one['loss_ce'], logits)[0] for one in (found, expected)]
    assert_close(*gradients)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
@pytest.mark.parametrize('sampler', [None, THRESHOLD, HARDEST])
def test_gpu_equals_cpu_and_does_not_wait(sampler):
    head = build(CE if sampler else LOSSES['all at once'], sampler=sampler)
    logits, labels = draw()
    expected = losses_of(head, logits, labels, in_strips=False)
    there = logits.detach().cuda().requires_grad_(), labels.cuda()
    losses_of(head, *there, in_strips=True)  # tables and weights are copied
    torch.cuda.set_sync_debug_mode('error')
    try:
        found, gradient = losses_of(head, *there, in_strips=True)
    finally:
        torch.cuda.set_sync_debug_mode('default')
    assert_close(({name: value.cpu() for name, value in found.items()}, gradient.cpu()), expected)
