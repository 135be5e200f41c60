import pytest
import torch
from mmseg.registry import MODELS
from safetensors.torch import load_file
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.checkpoints.loading import load_pretrained_backbone, load_weights, load_whole_model
from mmseg_vitseg.models import VisionTransformer
from mmseg_vitseg.ops.position import resize_position_grid
from vitseg_tests.published import SIZES, segmentor


def make(**kwargs) -> VisionTransformer:
    model = VisionTransformer(**{**SIZES, **kwargs})
    model.init_weights()
    return model


def as_published(model: VisionTransformer) -> dict[str, torch.Tensor]:
    """The state dict in the form of timm's files: a convolution's kernel, a classifier."""
    state = model.state_dict()
    kernel = state['patch_embed.proj.weight'].unflatten(1, (3, 8, 8))
    return {**state, 'patch_embed.proj.weight': kernel, 'head.weight': torch.ones(5, 24), 'head.bias': torch.ones(5)}


def test_nothing_is_loaded_unless_all_fits():
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    wrong = {name: value + 1 for name, value in before.items()}
    del wrong['1.bias']
    wrong['0.weight'] = torch.ones(3, 4)
    wrong['other'] = torch.ones(1)
    with pytest.raises(ValueError) as info:
        load_weights(model, wrong, 'some.pth')
    for words in (
        'some.pth',
        '1 missing (1.bias)',
        '1 not in the model (other)',
        '0.weight (3, 4), the model has (3, 2)',
    ):
        assert words in str(info.value)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_model_reads_its_own_checkpoint(tmp_path):
    model = make(input_norm='batch', num_registers=2)
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'x.pth')
    again = make(input_norm='batch', num_registers=2)
    load_whole_model(again, tmp_path / 'x.pth')
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize('prefix', ['', 'backbone.'])
def test_pretrained_through_init_cfg(prefix, tmp_path):
    source = make()
    state = {prefix + name: value for name, value in as_published(source).items()}
    torch.save({**state, 'decode_head.conv.weight': torch.ones(1)} if prefix else state, tmp_path / 'x.pth')
    model = make(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth')))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), source.parameters(), strict=True))


def test_pretrained_positions_of_another_grid_are_resized(tmp_path):
    source = make(img_size=64)
    torch.save(source.state_dict(), tmp_path / 'x.pth')
    model = make()
    load_pretrained_backbone(model, tmp_path / 'x.pth')
    assert torch.equal(model.pos_embed, resize_position_grid(source.pos_embed, (8, 8), (4, 4)))


@pytest.mark.parametrize(
    ('name', 'arguments'),
    [
        ('VisionTransformer', dict(img_size=32, patch_size=8, embed_dims=24, num_layers=1, num_heads=4)),
        ('MixVisionTransformer', dict(embed_dims=8, num_layers=[1] * 4)),
    ],
)
def test_the_hosts_own_backbone_keeps_its_names(name, arguments, tmp_path):
    """A model that mixes the host's backbone with our segmentor reads its own checkpoint."""
    head = dict(type='mmseg.FCNHead', in_channels=24, channels=4, num_classes=3)
    model = dict(type='mmseg_vitseg.EncoderDecoder', backbone=dict(type=f'mmseg.{name}', **arguments), decode_head=head)
    trained, fresh = MODELS.build(model), MODELS.build(model)
    torch.save(trained.state_dict(), tmp_path / 'model.pth')
    load_whole_model(fresh, tmp_path / 'model.pth')
    assert_close(fresh.state_dict(), trained.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize('img_size', [32, 64])
def test_what_the_backbone_does_not_have_is_dropped(img_size, tmp_path):
    """SETR has no final norm, SETR-MLA no class token either; timm's files have both."""
    source = make(img_size=img_size, final_norm=True)
    torch.save(as_published(source), tmp_path / 'x.pth')
    model = make(with_cls_token=False)
    load_pretrained_backbone(model, tmp_path / 'x.pth')
    assert torch.equal(model.blocks[0].norm1.weight, source.blocks[0].norm1.weight)
    patches = resize_position_grid(source.pos_embed[:, 1:], (img_size // 8,) * 2, (4, 4))
    assert torch.equal(model.pos_embed, patches)


@pytest.mark.parametrize('img_size', [32, 64])
def test_positions_without_one_for_the_class_token(img_size, tmp_path):
    """timm's no_embed_class, of the models with registers: what is missing amounts to zero."""
    source = make(img_size=img_size, num_registers=4)
    state = source.state_dict()
    state['pos_embed'] = state['pos_embed'][:, 1:]
    torch.save(state, tmp_path / 'x.pth')
    model = make(num_registers=4)
    load_pretrained_backbone(model, tmp_path / 'x.pth')
    assert not model.pos_embed[:, 0].any()
    patches = resize_position_grid(state['pos_embed'], (img_size // 8,) * 2, (4, 4))
    assert torch.equal(model.pos_embed[:, 1:], patches)


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (dict(embed_dims=32), 'of another shape'),
        (dict(num_layers=3), 'missing'),
        (dict(num_layers=1), 'not in the model'),
    ],
)
def test_pretrained_of_another_model_is_refused(arguments, words, tmp_path):
    torch.save(as_published(make()), tmp_path / 'x.pth')
    with pytest.raises(ValueError, match=words):
        make(**arguments, pretrained=str(tmp_path / 'x.pth'))


def test_missing_pretrained_file_says_how_to_go_on():
    with pytest.raises(FileNotFoundError, match=r'PRETRAINED=.*init_cfg=None'):
        make(pretrained='nowhere.pth')


def test_real_pretrained_vit_loads_whole(pretrained_vit):
    norm = dict(type='LN', eps=1e-6)
    sizes = dict(variant='small', img_size=518, patch_size=14, layer_scale=1e-5)
    model = VisionTransformer(**sizes, final_norm=True, norm_cfg=norm)
    load_pretrained_backbone(model, pretrained_vit)
    published = load_file(pretrained_vit)
    assert set(published) - set(model.state_dict()) == set()
    assert torch.equal(model.pos_embed, published['pos_embed'].float())
    assert torch.equal(model.patch_embed.proj.weight, published['patch_embed.proj.weight'].flatten(1).float())
    assert all(torch.isfinite(x).all() for x in model(torch.randn(1, 3, 56, 70)))


def test_a_class_token_that_was_used_is_not_dropped():
    """Of a whole model of ours; the host's models keep one that they do not use, and a pretrained backbone may lose it."""
    with_token, without = (MODELS.build(segmentor(with_cls_token=token)) for token in (True, False))
    with pytest.raises(ValueError, match=r'1 not in the model \(backbone\.cls_token\)'):
        load_weights(without, with_token.state_dict(), 'x.pth')
    with pytest.raises(ValueError, match=r'1 missing \(backbone\.cls_token\)'):
        load_weights(with_token, without.state_dict(), 'x.pth')


def test_a_segmentor_s_positions_are_resized():
    """A model trained at one size, tested at another."""
    trained, tested = (MODELS.build(segmentor(img_size=size)) for size in (32, (48, 64)))
    torch.nn.init.normal_(trained.backbone.pos_embed)
    load_weights(tested, trained.state_dict(), 'x.pth')
    expected = resize_position_grid(trained.backbone.pos_embed, (4, 4), (6, 8))
    assert torch.equal(tested.backbone.pos_embed, expected)
