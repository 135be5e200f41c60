"""Whole models of the host's load into ours, through every entrance, every key accounted for."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.runner.checkpoint import load_state_dict
from mmseg.registry import MODELS
from torch.testing import assert_close

from mmseg_vitseg.checkpoints.loading import load_whole_model
from vitseg_tests.weights import randomise


def build(scope: str, num_classes: int = 4, **kwargs):
    backbone = dict(img_size=32, patch_size=8, embed_dims=24, num_layers=2, num_heads=4, out_indices=(0, 1))
    head = dict(in_channels=24, channels=8, num_convs=1, num_classes=num_classes, norm_cfg=dict(type='BN'))
    return MODELS.build(
        dict(
            type=f'{scope}.EncoderDecoder',
            backbone=dict(type=f'{scope}.VisionTransformer', **backbone),
            decode_head=dict(type='mmseg.FCNHead', in_index=1, **head),
            auxiliary_head=[dict(type='mmseg.FCNHead', in_index=0, **head)],
            test_cfg=dict(mode='whole'),
            **kwargs,
        )
    )


@pytest.fixture
def host():
    model = build('mmseg')
    randomise(model)
    model.backbone.eval()
    return model


def by_torch(model, state, tmp_path):
    model.load_state_dict(state)


def by_the_runner(model, state, tmp_path):
    """What load_from does: mmengine's own function, not strict."""
    load_state_dict(model, state, strict=False)


def by_the_test_tool(model, state, tmp_path):
    torch.save({'state_dict': state}, tmp_path / 'x.pth')
    load_whole_model(model, tmp_path / 'x.pth')


ENTRANCES = [by_torch, by_the_runner, by_the_test_tool]


@pytest.mark.parametrize('load', ENTRANCES)
def test_a_host_checkpoint_gives_the_hosts_logits(load, host, tmp_path):
    ours = build('mmseg_vitseg')
    load(ours, host.state_dict(), tmp_path)
    images = torch.randn(2, 3, 40, 32)
    with torch.no_grad():
        assert_close(ours.eval()(images), host(images))
    assert not ours.backbone.patch_embed.proj.bias.any()  # the host had none


@pytest.mark.parametrize('load', ENTRANCES)
@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda state: state.pop('decode_head.conv_seg.bias'), r'1 missing \(decode_head\.conv_seg\.bias\)'),
        (lambda state: state.pop('backbone.layers.1.ln2.weight'), r'missing \(backbone\.blocks\.1\.norm2\.weight\)'),
        (lambda state: state.update(extra=torch.ones(1)), r'not in the model \(extra\)'),
        (lambda state: state.update({'backbone.layers.2.ln1.bias': torch.ones(1)}), r'not in the model \(backbone'),
    ],
)
def test_anything_else_is_refused_and_nothing_loaded(load, change, words, host, tmp_path):
    state, ours = host.state_dict(), build('mmseg_vitseg')
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    change(state)
    with pytest.raises(ValueError, match=words):
        load(ours, state, tmp_path)
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())


def test_other_classes_start_from_scratch_on_purpose(host):
    state = host.state_dict()
    with pytest.raises(ValueError, match='of another shape'):
        build('mmseg_vitseg', num_classes=7).load_state_dict(state)
    ours = build('mmseg_vitseg', num_classes=7, from_scratch=['decode_head.conv_seg', 'auxiliary_head.0.conv_seg'])
    classifier = ours.decode_head.conv_seg.weight.clone()
    ours.load_state_dict(state)
    assert torch.equal(ours.decode_head.conv_seg.weight, classifier)
    assert torch.equal(ours.decode_head.convs[0].conv.weight, host.decode_head.convs[0].conv.weight)


@pytest.mark.parametrize('load', ENTRANCES)
def test_what_was_fine_tuned_from_scratch_loads_whole(load, tmp_path):
    """Resuming and testing the fine-tuned model take its own classifier."""
    settings = dict(num_classes=7, from_scratch=['decode_head.conv_seg'])
    trained, fresh = build('mmseg_vitseg', **settings), build('mmseg_vitseg', **settings)
    torch.nn.init.constant_(trained.decode_head.conv_seg.weight, 7)
    load(fresh, trained.state_dict(), tmp_path)
    assert_close(fresh.state_dict(), trained.state_dict(), rtol=0, atol=0)


def test_a_misspelt_prefix_is_refused(host):
    with pytest.raises(ValueError, match="no key that starts with 'decode_head"):
        build('mmseg_vitseg', from_scratch=['decode_head.konv']).load_state_dict(host.state_dict())


def test_a_backbone_alone_by_init_cfg(host, tmp_path):
    torch.save(host.state_dict(), tmp_path / 'x.pth')
    ours = build('mmseg_vitseg')
    ours.backbone.init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth'))
    ours.backbone.init_weights()
    images = torch.randn(1, 3, 32, 32)
    assert_close(ours.backbone(images), host.backbone(images))


def setr(scope: str, kind: str):
    """SETR as the host's configs have it, small: encoder, neck, head and auxiliary heads all of one scope."""
    norm = dict(norm_cfg=dict(type='BN'))
    up = dict(type=f'{scope}.SETRUPHead', in_channels=24, channels=8, num_classes=4, dropout_ratio=0, **norm)
    parts = {
        'naive': dict(decode_head=dict(up, in_index=3, num_convs=1, up_scale=4, kernel_size=1)),
        'pup': dict(decode_head=dict(up, in_index=3, num_convs=4, up_scale=2, kernel_size=3)),
        'mla': dict(
            neck=dict(type=f'{scope}.MLANeck', in_channels=[24] * 4, out_channels=8, act_cfg=dict(type='ReLU'), **norm),
            decode_head=dict(
                type=f'{scope}.SETRMLAHead',
                in_channels=(8,) * 4,
                in_index=(0, 1, 2, 3),
                mla_channels=8,
                channels=32,
                num_classes=4,
                **norm,
            ),
        ),
    }[kind]
    auxiliary = [dict(up, in_index=index, num_convs=2, up_scale=4, kernel_size=3) for index in range(3)]
    backbone = dict(img_size=32, patch_size=8, embed_dims=24, num_layers=4, num_heads=4, out_indices=(0, 1, 2, 3))
    return MODELS.build(
        ConfigDict(
            type=f'{scope}.EncoderDecoder',
            backbone=dict(type=f'{scope}.VisionTransformer', with_cls_token=kind != 'mla', **backbone),
            auxiliary_head=None if kind == 'mla' else auxiliary,
            test_cfg=dict(mode='whole'),
            **parts,
        )
    )


@pytest.mark.parametrize('load', ENTRANCES)
@pytest.mark.parametrize('kind', ['naive', 'pup', 'mla'])
def test_a_whole_setr_checkpoint_of_the_hosts(kind, load, tmp_path):
    host, ours = setr('mmseg', kind), setr('mmseg_vitseg', kind)
    randomise(host)
    host.backbone.eval()
    load(ours, host.state_dict(), tmp_path)
    images = torch.randn(1, 3, 40, 32)
    with torch.no_grad():
        assert_close(ours.eval()(images), host(images))
        (mine,), (theirs,) = ours(images, mode='predict'), host(images, mode='predict')
    assert torch.equal(mine.pred_sem_seg.data, theirs.pred_sem_seg.data)
