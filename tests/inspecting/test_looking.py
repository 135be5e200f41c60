"""A picture through a backbone; tools/attention.py."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmseg_vitseg.inference.model import load_model
from mmseg_vitseg.inspecting.attention import attention_weights, rollout
from mmseg_vitseg.inspecting.features import colours_of
from mmseg_vitseg.inspecting.figure import figure, heat
from mmseg_vitseg.inspecting.looking import look, over_picture
from vitseg_tests.paths import config_path
from vitseg_tests.user_errors import check_user_error

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
BACKBONES = dict(
    vit=dict(
        type='mmseg_vitseg.VisionTransformer', img_size=32, patch_size=8, embed_dims=16, num_layers=3, num_heads=2
    ),
    mit=dict(type='mmseg_vitseg.MixVisionTransformer', variant='b0', out_indices=(3,)),
    host=dict(type='mmseg.ResNetV1c', depth=18, norm_cfg=dict(type='BN')),
)


def make(name: str, steps=(), model=None, **arguments):
    """A model whose data are not needed, with weights that tell tokens apart."""
    parts = dict(
        type='mmseg_vitseg.EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor', mean=[120.0] * 3, std=[60.0] * 3, size_divisor=1),
        backbone={**BACKBONES[name], **arguments},
        decode_head=dict(
            type='FCNHead', in_channels=16, channels=8, num_classes=3, norm_cfg=dict(type='BN'), in_index=0
        ),
        test_cfg=dict(mode='whole'),
    )
    dataset = dict(
        type='BaseSegDataset', metainfo=dict(classes=('a', 'b', 'c')), pipeline=[*steps, dict(type='PackSegInputs')]
    )
    cfg = Config(dict(model=parts | (model or {}), test_dataloader=dict(dataset=dataset)))
    model = load_model(cfg, device='cpu')
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=1.5 * parameter[0].numel() ** -0.5)
    return model


def inputs_of(model) -> tuple[list[torch.Tensor], tuple[torch.Tensor, ...]]:
    """What each attention layer of a ViT is given for the picture, and the positions that they all are."""
    found = []
    handles = [
        block.attn.register_forward_pre_hook(lambda module, given: found.append(given))
        for block in model.backbone.blocks
    ]
    image = torch.from_numpy(PICTURE[..., ::-1].copy()).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        model.backbone((image - 120) / 60)
    for handle in handles:
        handle.remove()
    return [x for x, *_ in found], found[0][1:]


@torch.no_grad()
def test_maps_of_an_eomt_have_its_queries():
    """Three queries before the last layer: the features are the patches that its head is given; of the rollout, a part."""
    eomt = dict(decode_head=dict(type='mmseg_vitseg.EoMTHead', num_classes=3, num_queries=3, num_blocks=1))
    model = make('vit', model=dict(eomt, type='mmseg_vitseg.EoMT'), final_norm=True)
    given = []
    handle = model.decode_head.upscale.register_forward_pre_hook(lambda module, args: given.append(args[0][0]))
    seen = look(model, PICTURE, (59, 33))
    handle.remove()
    expected = colours_of(given[0].flatten(1).T).unflatten(0, (5, 8)).numpy()
    np.testing.assert_allclose(seen.components, np.kron(expected, np.ones((8, 8, 1)))[:40, :60], rtol=1e-4, atol=1e-5)
    for values in (seen.attention, seen.rollout):
        assert 0 < values[::8, ::8].sum() < 0.999


@pytest.mark.parametrize('tokens', [dict(with_cls_token=False), dict(num_registers=3), dict(position='rope')])
@pytest.mark.parametrize(('layer', 'head'), [(-1, None), (1, 1)])
@torch.no_grad()
def test_maps_of_a_vit(tokens, layer, head):
    """60 is no multiple of 8: 5 x 8 patches, the last column of which lies half outside."""
    model = make('vit', **tokens)
    seen = look(model, PICTURE, (59, 33), layer, head)  # row 4, column 7 of the patches
    blocks = list(model.backbone.blocks)
    inputs, positions = inputs_of(model)
    index = layer % 3
    extra = inputs[0].shape[1] - 40
    weights = attention_weights(blocks[index].attn, inputs[index], None, positions)[0]
    row = (weights.mean(0) if head is None else weights[head])[extra + 4 * 8 + 7, extra:].unflatten(0, (5, 8))
    np.testing.assert_allclose(seen.attention, np.kron(row, np.ones((8, 8)))[:40, :60], rtol=1e-4)
    attentions = [block.attn for block in blocks[: index + 1]]
    rolled = rollout(attentions, inputs[: index + 1], extra + 39, positions)[extra:].unflatten(0, (5, 8))
    np.testing.assert_allclose(seen.rollout, np.kron(rolled, np.ones((8, 8)))[:40, :60], rtol=1e-4)
    assert (seen.layer, seen.heads, seen.components.shape) == (index, 2, (40, 60, 3))
    assert (seen.components.min(), seen.components.max()) == (0, 1)


def test_the_middle_is_where_one_looks_by_default():
    model = make('vit')
    assert np.array_equal(look(model, PICTURE).attention, look(model, PICTURE, (30, 20)).attention)
    assert not np.array_equal(look(model, PICTURE).attention, look(model, PICTURE, (0, 0)).attention)


def test_a_resized_picture_keeps_its_points():
    """The network sees 64 x 64: a patch is 8 of them, 5 rows and 7.5 columns of the picture."""
    model = make('vit', [dict(type='Resize', scale=(64, 64), keep_ratio=False)])
    first, same, other = (look(model, PICTURE, point).attention for point in ((6, 4), (0, 0), (7, 0)))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
    assert len(np.unique(first[0])) == 8
    assert (np.diff(first[0]) != 0).nonzero()[0].tolist() == [6, 14, 21, 29, 36, 44, 51]


def test_the_reduced_keys_of_segformer():
    """Stage 0 has 10 x 15 queries and 1 x 1 keys, of 32 pixels: what lies beyond has none."""
    model = make('mit')
    seen = look(model, PICTURE, layer=0)
    assert seen.rollout is None
    assert np.isnan(seen.attention[32:]).all()
    assert np.isnan(seen.attention[:, 32:]).all()
    np.testing.assert_allclose(seen.attention[:32, :32], 1, rtol=1e-5)
    assert not np.isnan(seen.components).any()
    seen = look(model, PICTURE, layer=-1, head=7)  # 2 x 2 of both
    assert (seen.layer, len(np.unique(seen.attention))) == (7, 4)


@pytest.mark.parametrize(
    ('name', 'arguments', 'words'),
    [
        ('vit', dict(point=(60, 0)), 'point 60 0: allowed: 0 to 59 and 0 to 39'),
        ('vit', dict(point=(0, -1)), 'point 0 -1'),
        ('vit', dict(layer=3), 'layer 3: there are 3; allowed: -3 to 2'),
        ('vit', dict(head=2), 'head 2: layer 2 has 2; allowed: 0 to 1'),
        ('mit', dict(layer=0, head=1), 'head 1: layer 0 has 1'),
        ('host', {}, r'a ResNetV1c; attention can be seen of mmseg_vitseg\.VisionTransformer'),
    ],
)
def test_what_is_not_there(name, arguments, words):
    with pytest.raises(ValueError, match=words):
        look(make(name), PICTURE, **arguments)


def test_no_hook_stays():
    model = make('vit')
    look(model, PICTURE)
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.backbone.modules())


def test_tokens_in_the_picture():
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert over_picture(values, 2, (1, 1), (3, 5))[:, 4].tolist() == pytest.approx([np.nan] * 3, nan_ok=True)
    assert over_picture(values, 2, (1, 1), (3, 4)).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4]]
    assert over_picture(values, 2, (2, 0.5), (2, 8)).tolist() == [[1] * 4 + [2] * 4, [3] * 4 + [4] * 4]


@pytest.mark.parametrize(('name', 'panels'), [('vit', 4), ('mit', 3)])
def test_the_figure(name, panels):
    drawn = figure(PICTURE, (30, 20), look(make(name), PICTURE), None)
    assert drawn.width == panels * (540 + 6) + 6
    assert heat(PICTURE, np.zeros((40, 60))).shape == PICTURE.shape


def test_the_tool(run_tool, tmp_path):
    model = load_model(config_path('quickstart'), device='cpu')
    torch.save(model.state_dict(), tmp_path / 'x.pth')
    Image.fromarray(PICTURE).save(tmp_path / 'x.png')
    options = ['--out', tmp_path / 'new/a.png', '--layer', 2, '--head', 1, '--point', 3, 4, '--device', 'cpu']
    result = run_tool('attention.py', config_path('quickstart'), tmp_path / 'x.pth', tmp_path / 'x.png', *options)
    assert result.stdout.splitlines()[-1].endswith('a.png')
    with Image.open(tmp_path / 'new/a.png') as drawn:
        assert drawn.height > 360


@pytest.mark.parametrize(
    ('options', 'words'),
    [(['--out', 'a.txt'], ['--out a.txt']), (['--out', 'a.png', '--point', '3'], ['--point'])],
)
def test_mistakes_are_one_line(run_tool, options, words):
    result = run_tool('attention.py', config_path('quickstart'), 'x.pth', 'x.png', *options, check=False)
    check_user_error(result, *words)
