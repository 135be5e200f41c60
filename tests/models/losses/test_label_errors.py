"""Labels that are no class, and losses that are wrong for one logit, met by any head of ours or in our segmentor."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.models.decode_heads import FCNHead, STDCHead
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch.testing import assert_close

from mmseg_vitseg import labels
from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.models.losses.label_errors import usable_masks

HEADS = {
    'linear': dict(type='mmseg_vitseg.LinearPatchHead', in_channels=8, patch_size=8),
    'segformer': dict(type='mmseg_vitseg.SegformerHead', in_channels=[8, 8], in_index=[0, 1], channels=8),
    "the host's": dict(type='mmseg.FCNHead', in_channels=8, channels=8, num_convs=0, concat_input=False),
}
LOSSES = {
    'cross-entropy': dict(type='CrossEntropyLoss'),
    'sigmoid': dict(type='CrossEntropyLoss', use_sigmoid=True),
    'dice': dict(type='DiceLoss'),
    'a list': [dict(type='LovaszLoss', reduction='none'), dict(type='mmseg_vitseg.FocalLoss')],
}
OHEM = dict(type='OHEMPixelSampler', thresh=0.7, min_kept=50)
pytestmark = [
    pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore``'),
    pytest.mark.filterwarnings('ignore:``build_pixel_sampler`` would be deprecated:UserWarning'),
    pytest.mark.filterwarnings('ignore:For binary segmentation'),
]


def build(head: dict, scope: str = 'mmseg_vitseg', **settings):
    backbone = dict(
        type='mmseg_vitseg.VisionTransformer', img_size=16, patch_size=8, embed_dims=8, num_layers=2, num_heads=2
    )
    backbone['out_indices'] = (0, 1)
    parts = {name: {**head, 'num_classes': 3, **one} for name, one in settings.items()}
    return MODELS.build(
        ConfigDict(type=f'{scope}.EncoderDecoder', backbone=backbone, test_cfg=dict(mode='whole'), **parts)
    )


def train(model, *wrong: int, named: bool = True) -> dict:
    """Run a step on two pictures, the second with some pixels of each label."""
    masks = torch.randint(0, 2, (2, 1, 16, 16))
    for row, label in enumerate(wrong):
        masks[1, 0, row, :5] = label
    names = [dict(seg_map_path=f'{one}.png') if named else {} for one in 'ab']
    samples = [
        SegDataSample(gt_sem_seg=PixelData(data=mask), metainfo=name) for mask, name in zip(masks, names, strict=True)
    ]
    return model.loss(torch.randn(2, 3, 16, 16), samples)


@pytest.mark.parametrize('sampler', [None, OHEM], ids=['all', 'sampled'])
@pytest.mark.parametrize('loss', LOSSES)
@pytest.mark.parametrize('head', HEADS)
def test_a_label_that_is_no_class_is_an_error_with_the_masks_name(head, loss, sampler):
    model = build(HEADS[head], decode_head=dict(loss_decode=LOSSES[loss], sampler=sampler, ignore_index=7))
    with pytest.raises(ValueError) as info:
        train(model, 3, 7, 255)
    line = 'b.png: labels 3, 255 with num_classes=3; allowed: 0 to 2 and ignore_index=7; 10 pixels have others. Check '
    assert str(info.value).startswith(line)


@pytest.mark.parametrize(('loss', 'sampler'), [*((loss, None) for loss in LOSSES), ('cross-entropy', OHEM)])
@pytest.mark.parametrize('head', HEADS)
def test_on_cuda_it_makes_the_loss_nan(head, loss, sampler, monkeypatch):
    """There nothing waits; here a CPU does as on CUDA. What is right stays the same number."""
    settings = dict(loss_decode=LOSSES[loss], sampler=sampler, ignore_index=7, dropout_ratio=0)
    model = build(HEADS[head], decode_head=settings, auxiliary_head=dict(settings, num_classes=4))
    torch.manual_seed(0)
    expected = train(model, 1, 7)
    monkeypatch.setattr(labels, 'as_on_cuda', lambda device: True)
    torch.manual_seed(0)
    assert_close(train(model, 1, 7), expected, rtol=0, atol=0)
    for wrong in ((3, 7), (-1,), (255, 2)):
        losses = train(model, *wrong)
        found = {name: bool(one.isnan()) for name, one in losses.items() if 'loss' in name}
        assert found == {name: name.startswith('decode') or wrong != (3, 7) for name in found}
        assert all(one.isfinite() for name, one in losses.items() if 'acc' in name)
        model.parse_losses(losses)[0].backward()
        assert all(one.grad.isfinite().all() for one in model.parameters() if one.grad is not None)


@pytest.mark.parametrize('classes', [3, 1])
def test_on_cuda_nothing_waits(classes):
    """The meta device cannot: it has no values."""
    head = build(HEADS['linear'], decode_head=ONE if classes == 1 else {}).decode_head
    mask = torch.zeros(1, 4, 5, dtype=torch.int64, device='meta')
    sample = SegDataSample(gt_sem_seg=PixelData(data=mask), metainfo=dict(img_path='a.png'))
    (usable,), wrong = usable_masks(head, [sample], 9)
    assert (usable.img_path, usable.gt_sem_seg.shape, wrong.shape) == ('a.png', (4, 5), ())
    assert sample.gt_sem_seg.data is mask


def test_an_auxiliary_head_with_fewer_classes():
    dice = dict(loss_decode=LOSSES['dice'])
    with pytest.raises(ValueError, match='num_classes=2; allowed: 0 to 1'):
        train(build(HEADS["the host's"], decode_head=dice, auxiliary_head=dict(num_classes=2, **dice)), 2)


@pytest.mark.parametrize('written', ['by the host', 'by a user'])
def test_a_head_that_makes_labels_of_its_own_is_left_alone(written):
    """STDC's tells edges from what is none, two classes, of masks of any number of them."""
    own = dict(num_classes=2, loss_decode=[LOSSES['cross-entropy'], LOSSES['dice']])
    if written == 'by the host':
        own |= dict(type=STDCHead, boundary_threshold=0.1, num_convs=1, concat_input=True, norm_cfg=dict(type='BN'))
    else:
        own['type'] = type(
            'Own', (FCNHead,), dict(loss_by_feat=lambda head, logits, samples: dict(loss_own=logits.mean()))
        )
    losses = train(build(HEADS["the host's"], decode_head={}, auxiliary_head=own), 2)
    assert all(one.isfinite() for one in losses.values())


def test_our_head_in_the_hosts_segmentor():
    with pytest.raises(ValueError, match=r'b\.png: labels 3'):
        train(build(HEADS['segformer'], 'mmseg', decode_head=dict(loss_decode=LOSSES['dice'])), 3)


def test_masks_without_names_are_counted():
    model = build(HEADS['linear'], decode_head=dict(loss_decode=LOSSES['dice']))
    with pytest.raises(ValueError, match=r'^picture 1 of the batch: labels -1, 3 '):
        train(model, 3, -1, named=False)


def test_a_label_that_every_loss_ignores_is_allowed():
    tversky = dict(type='TverskyLoss', ignore_index=254)
    assert train(build(HEADS['linear'], decode_head=dict(loss_decode=tversky)), 254)['decode.loss_tversky'] > 0
    with pytest.raises(ValueError, match='labels 254'):
        train(build(HEADS['linear'], decode_head=dict(loss_decode=[tversky, LOSSES['dice'], LOSSES['sigmoid']])), 254)


ONE = dict(num_classes=2, out_channels=1, threshold=0.5)


@pytest.mark.parametrize('head', HEADS)
def test_one_logit_tells_two_labels_apart(head):
    model = build(HEADS[head], decode_head=dict(ONE, loss_decode=LOSSES['sigmoid']))
    train(model, 1, IGNORED)
    with pytest.raises(ValueError, match='labels 2 with num_classes=2; allowed: 0 to 1 and ignore_index=255; 5 pixels'):
        train(model, 2)


@pytest.mark.parametrize('head', ['linear', 'segformer'])
@pytest.mark.parametrize('threshold', [0.5, 0.9])
def test_accuracy_of_one_logit(head, threshold):
    model = build(
        HEADS[head], decode_head=dict(ONE, threshold=threshold, dropout_ratio=0.0, loss_decode=LOSSES['sigmoid'])
    )
    torch.nn.init.constant_(list(model.decode_head.parameters())[-1], 1.0)
    masks = torch.randint(0, 2, (1, 1, 16, 16))
    masks[0, 0, 0] = IGNORED
    sample = SegDataSample(gt_sem_seg=PixelData(data=masks[0]))
    image = torch.randn(1, 3, 16, 16)
    accuracy = model.loss(image, [sample])['decode.acc_seg']
    predicted = model.decode_head.predict_by_feat(model(image), [dict(img_shape=(16, 16))]).sigmoid() > threshold
    assert_close(accuracy, 100 * (predicted == masks)[masks != IGNORED].float().mean()[None])


@pytest.mark.parametrize('head', HEADS)
@pytest.mark.parametrize(('name', 'learns'), [('DiceLoss', 'the inverse'), ('TverskyLoss', 'nothing')])
def test_a_loss_that_is_wrong_for_one_logit_is_refused_in_training(head, name, learns):
    arguments = dict(ONE, loss_decode=[LOSSES['sigmoid'], dict(type=name)])
    with pytest.raises(ValueError, match=f"{name} of one logit learns {learns}; type='mmseg_vitseg.{name}' is right"):
        train(build(HEADS[head], decode_head=arguments))
    arguments['loss_decode'][1]['type'] = f'mmseg_vitseg.{name}'
    assert len(train(build(HEADS[head], decode_head=arguments))) == 3
