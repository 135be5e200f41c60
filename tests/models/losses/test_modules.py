"""Our losses against formulas, torch's own and the host's, and by what they teach: signs of gradients, ignored pixels."""

import pytest
import torch
import torch.nn.functional as F
from mmseg.models.losses import focal_loss
from mmseg.registry import MODELS
from torch.testing import assert_close

from mmseg_vitseg.labels import IGNORED

WEIGHTS = [1.0, 3.0, 0.5, 2.0]


def build(name: str, **arguments):
    return MODELS.build(dict(type=f'mmseg_vitseg.{name}', **arguments))


def make(classes: int, ignored: bool = True):
    """Return logits (2, K, 6, 7) that ask for gradients, and labels (2, 6, 7)."""
    logits = torch.randn(2, classes, 6, 7, requires_grad=True)
    labels = torch.randint(0, max(classes, 2), (2, 6, 7))
    if ignored:
        labels[:, :2] = IGNORED
    return logits, labels


def losses(classes: int) -> dict:
    return {
        'cross-entropy': build('CrossEntropyLoss', use_sigmoid=classes == 1, class_weight=WEIGHTS[:classes]),
        'sigmoid': build('CrossEntropyLoss', use_sigmoid=True, class_weight=WEIGHTS[:classes]),
        'averaged': build(
            'CrossEntropyLoss', use_sigmoid=classes == 1, class_weight=WEIGHTS[:classes], avg_non_ignore=True
        ),
        'dice': build('DiceLoss'),
        'dice, naive': build('DiceLoss', naive_dice=True, use_sigmoid=classes == 1),
        'tversky': build('TverskyLoss'),
        'tversky of no label': build('TverskyLoss', ignore_index=None),
        'lovasz': build('LovaszLoss', loss_type='binary' if classes == 1 else 'multi_class'),
        'focal': build('FocalLoss', class_weight=WEIGHTS[:classes]),
        'focal, balanced': build('FocalLoss', alpha=[0.4] * classes),
    }


@pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore``')
@pytest.mark.parametrize('name', losses(1))
@pytest.mark.parametrize('classes', [1, 2, 4])
def test_every_loss_teaches_each_class_at_its_pixels_and_nothing_elsewhere(name, classes):
    logits, labels = make(classes)
    logits = (logits * 0.1).detach().requires_grad_()
    sampled = torch.rand(labels.shape).round() * (labels != IGNORED)  # as a sampler weighs
    losses(classes)[name](logits, labels, weight=sampled, ignore_index=IGNORED).backward()
    gradient = logits.grad.movedim(1, -1)
    assert not gradient[sampled == 0].any()
    for channel in range(classes):
        own = labels == (1 if classes == 1 else channel)
        assert gradient[..., channel][own & (sampled > 0)].max() < gradient[..., channel][~own & (sampled > 0)].min()


@pytest.mark.parametrize('name', ['dice', 'dice, naive', 'tversky', 'focal', 'sigmoid'])
@pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore``')
def test_one_logit_learns_its_masks(name):
    logits, labels = make(1)
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(40):
        optimizer.zero_grad()
        losses(1)[name](logits, labels, ignore_index=IGNORED).backward()
        optimizer.step()
    counted = labels != IGNORED
    assert torch.equal((logits.sigmoid()[:, 0] > 0.5)[counted], labels[counted] == 1)


def test_dice_of_one_logit():
    logits, labels = make(1)
    probability, truth = (x[labels[0] != IGNORED] for x in (logits[0, 0].sigmoid(), (labels[0] == 1).float()))
    expected = 1 - 2 * (probability * truth).sum() / (probability.square().sum() + truth.sum() + 2e-3)
    assert_close(
        build('DiceLoss', reduction='none', loss_weight=3.0)(logits, labels, ignore_index=IGNORED)[0], 3 * expected
    )


def test_tversky_of_one_logit():
    logits, labels = make(1)
    counted = labels[0] != IGNORED
    probability, truth = logits[0, 0].sigmoid()[counted], (labels[0] == 1).float()[counted]
    hits, misses = (probability * truth).sum(), ((1 - probability) * truth).sum()
    expected = 1 - (hits + 1) / (hits + 0.3 * (probability * (1 - truth)).sum() + 0.7 * misses + 1)
    assert_close(build('TverskyLoss')(logits[:1], labels[:1], ignore_index=IGNORED), expected)


@pytest.mark.parametrize('classes', [1, 4])
def test_focal_is_its_formula(classes):
    logits, labels = make(classes)
    indices = torch.arange(classes) if classes > 1 else torch.ones(1)
    truth = labels[:, None] == indices[:, None, None]
    right = torch.where(truth, logits.sigmoid(), 1 - logits.sigmoid())
    expected = torch.where(truth, 0.25, 0.75) * (1 - right) ** 2 * -right.log() * (labels != IGNORED)[:, None]
    for reduction, value in (('mean', expected.mean()), ('sum', expected.sum()), ('none', expected.mean(1))):
        assert_close(build('FocalLoss', alpha=0.25, reduction=reduction)(logits, labels, ignore_index=IGNORED), value)


def test_focal_needs_no_operator_of_mmcvs_on_a_gpu(monkeypatch):
    """A light mmcv has none, and the host's constructor, also ours then, asks for it where a GPU is."""
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(focal_loss, '_sigmoid_focal_loss', None)
    with pytest.raises(RuntimeError, match='sigmoid_focal_loss'):
        focal_loss.FocalLoss()
    assert build('FocalLoss', alpha=0.25).alpha == 0.25
    assert focal_loss._sigmoid_focal_loss is None


@pytest.mark.parametrize('avg_non_ignore', [True, False])
def test_weighted_cross_entropy_is_torchs(avg_non_ignore):
    logits, labels = make(4)
    expected = F.cross_entropy(logits, labels, torch.tensor(WEIGHTS), ignore_index=IGNORED)
    loss = build('CrossEntropyLoss', class_weight=WEIGHTS, avg_non_ignore=avg_non_ignore, reduction='sum')
    assert_close(loss(logits, labels, ignore_index=IGNORED, reduction_override='mean'), expected)


def test_weighted_sigmoid_is_torchs():
    logits, labels = make(4, ignored=False)
    truth = F.one_hot(labels, 4).movedim(-1, 1).float()
    expected = F.binary_cross_entropy_with_logits(logits, truth, pos_weight=torch.tensor(WEIGHTS)[:, None, None])
    loss = build('CrossEntropyLoss', class_weight=WEIGHTS, use_sigmoid=True, avg_non_ignore=True)
    assert_close(loss(logits, labels), expected)


@pytest.mark.parametrize(
    ('name', 'arguments'),
    [
        ('CrossEntropyLoss', dict(avg_non_ignore=True)),
        ('CrossEntropyLoss', dict(avg_non_ignore=True, use_sigmoid=True)),
        ('DiceLoss', dict()),
        ('DiceLoss', dict(use_sigmoid=False, naive_dice=True, ignore_index=0)),
        ('TverskyLoss', dict(class_weight=WEIGHTS)),
        ('TverskyLoss', dict(ignore_index=1)),
    ],
)
def test_equals_the_hosts_where_that_is_right(name, arguments):
    logits, labels = make(4, ignored=False)
    host = MODELS.build(dict(type=f'mmseg.{name}', **arguments))(logits, labels, ignore_index=IGNORED)
    assert_close(build(name, **arguments)(logits, labels, ignore_index=IGNORED), host)


@pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore``')
@pytest.mark.parametrize(
    ('name', 'classes', 'arguments'),
    [
        ('CrossEntropyLoss', 1, dict(use_sigmoid=True)),
        ('CrossEntropyLoss', 4, dict(class_weight=WEIGHTS)),
        ('DiceLoss', 1, dict()),
        ('TverskyLoss', 4, dict()),
        ('FocalLoss', 4, dict()),
        ('LovaszLoss', 4, dict()),
        ('LovaszLoss', 4, dict(per_image=True)),
        ('LovaszLoss', 1, dict(loss_type='binary')),
    ],
)
def test_a_batch_of_ignored_pixels_teaches_nothing(name, classes, arguments):
    logits, labels = make(classes)
    loss = build(name, **arguments)(logits, torch.full_like(labels, IGNORED), ignore_index=IGNORED)
    assert loss.isfinite()
    loss.backward()
    assert not logits.grad.any()


@pytest.mark.parametrize('per_image', [True, False])
def test_lovasz_leaves_out_pictures_of_ignored_pixels(per_image):
    logits, labels = make(4)
    labels[1] = IGNORED
    ours = build('LovaszLoss', per_image=per_image)(logits, labels, ignore_index=IGNORED)
    host = MODELS.build(dict(type='mmseg.LovaszLoss', per_image=False, reduction='none'))
    assert_close(ours, host(logits[:1], labels[:1], ignore_index=IGNORED))
    assert_close(
        build('LovaszLoss', loss_weight=2.0)(logits, labels.clamp(max=3)), 2 * host(logits, labels.clamp(max=3))
    )


def test_softmax_of_one_logit_is_refused():
    with pytest.raises(ValueError, match=r'DiceLoss: use_sigmoid=False with one logit.*use_sigmoid=True'):
        build('DiceLoss', use_sigmoid=False)(*make(1))
