"""DINOv3's files, and DINOv2-g's: Hugging Face's as it writes them, the authors' by their names, and what fits nothing."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from mmseg_vitseg.architectures import VITS
from mmseg_vitseg.checkpoints.accounting import account_for
from mmseg_vitseg.checkpoints.loading import load_pretrained_backbone
from mmseg_vitseg.converting.convert import convert_file
from mmseg_vitseg.converting.to_projects import to_project
from mmseg_vitseg.models import VisionTransformer
from mmseg_vitseg.models.gated_mlps import SwiGLU
from mmseg_vitseg.ops.rotary import rotary_periods
from vitseg_tests.weights import randomise

SMALL = dict(embed_dims=48, num_layers=2, num_heads=4, patch_size=4, img_size=24)
HF_SIZES = dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, patch_size=4, image_size=24)
GATED = dict(use_gated_mlp=True, hidden_act='silu')


@pytest.mark.parametrize(
    ('variant', 'name', 'settings'),
    [
        ('dinov3_s', 'DINOv3ViT', dict(intermediate_size=192, num_register_tokens=4)),
        ('dinov3_h_plus', 'DINOv3ViT', dict(GATED, intermediate_size=192, num_register_tokens=4)),
        ('dinov2_g', 'Dinov2', dict(use_swiglu_ffn=True)),
        ('dinov2_g_reg', 'Dinov2WithRegisters', dict(use_swiglu_ffn=True, num_register_tokens=4)),
    ],
)
def test_files_of_hugging_face(variant, name, settings, tmp_path):
    transformers = pytest.importorskip('transformers', reason='no transformers to compare with')
    theirs = getattr(transformers, f'{name}Model')(getattr(transformers, f'{name}Config')(**HF_SIZES, **settings))
    randomise(theirs).save_pretrained(tmp_path)
    ours = VisionTransformer(variant=variant, **SMALL).eval()
    load_pretrained_backbone(ours, tmp_path / 'model.safetensors')
    images = torch.randn(1, 3, 24, 16)
    with torch.no_grad():
        tokens = theirs(images).last_hidden_state[:, -24:]
        assert_close(ours(images)[0].flatten(2).mT, tokens)


def of_authors(ours: VisionTransformer) -> dict[str, torch.Tensor]:
    """Return our weights under the authors' names, with what their files have besides."""
    theirs, width = {}, ours.embed_dims
    parts = {'reg_token': 'storage_tokens', 'rope.': 'rope_embed.', 'fc1_g': 'w1', 'fc1_x': 'w2'}
    if isinstance(ours.blocks[0].mlp, SwiGLU):
        parts['mlp.fc2'] = 'mlp.w3'
    for name, value in ours.state_dict().items():
        for old, new in parts.items():
            name = name.replace(old, new)
        theirs[name] = value.unflatten(1, (3, 4, 4)) if name == 'patch_embed.proj.weight' else value
    theirs['rope_embed.periods'] = theirs['rope_embed.periods'].bfloat16()
    theirs |= {'mask_token': torch.zeros(1, width), 'local_cls_norm.weight': torch.ones(width)}
    for index in range(len(ours.blocks)):
        prefix = f'blocks.{index}.attn.'
        if f'{prefix}q_bias' in theirs:
            q, v = theirs.pop(f'{prefix}q_bias'), theirs.pop(f'{prefix}v_bias')
            theirs[f'{prefix}qkv.bias'] = torch.cat([q, torch.ones(width), v])  # the mask takes out the middle
            theirs[f'{prefix}qkv.bias_mask'] = torch.cat([torch.ones(width), torch.zeros(width), torch.ones(width)])
    return theirs


@pytest.mark.parametrize('variant', ['dinov3_s', 'dinov3_s_plus', 'dinov3_7b'])
def test_files_of_the_authors(variant, tmp_path, monkeypatch):
    lines: list[str] = []
    monkeypatch.setattr('mmseg_vitseg.checkpoints.fitting.print_log', lambda text, **_: lines.append(text))
    given, ours = (VisionTransformer(variant=variant, **SMALL) for _ in range(2))
    torch.save(of_authors(randomise(given)), tmp_path / 'theirs.pth')
    load_pretrained_backbone(ours, tmp_path / 'theirs.pth')
    for name, value in given.state_dict().items():
        if name != 'rope.periods':
            assert torch.equal(ours.state_dict()[name], value), name
    assert torch.equal(ours.rope.periods, given.rope.periods.bfloat16().float())
    assert any("the periods of positions are the file's" in line for line in lines)


def test_periods_of_our_own_files_are_kept():
    one, other = (VisionTransformer(variant='dinov3_s', **SMALL) for _ in range(2))
    one.rope.periods.copy_(rotary_periods(100.0, 12).bfloat16())
    other.load_state_dict(one.state_dict())
    assert torch.equal(other.rope.periods, one.rope.periods)


@pytest.mark.parametrize(
    ('file', 'model', 'advice'),
    [
        ('dinov3_s', 'dinov3_b', 'This file is a DINOv3-S/16; your config says DINOv3-B/16'),
        ('dinov3_s', 'dinov3_s_plus', 'This file is a DINOv3-S/16; your config says DINOv3-S+/16'),
        ('dinov2_s', 'dinov3_s', 'This file is a ViT-S/14 at 518; your config says DINOv3-S/16'),
        ('dinov3_l', 'large', 'This file is a DINOv3-L/16; your config says ViT-L/16 at 224'),
    ],
)
def test_another_model_is_said(file, model, advice):
    with torch.device('meta'):
        given, ours = VisionTransformer(variant=file), VisionTransformer(variant=model)
    with pytest.raises(ValueError, match='nothing was loaded') as info:
        account_for(ours, given.state_dict(), 'x.pth')
    assert str(info.value).endswith(advice)


@pytest.mark.parametrize('project', ['hf', 'timm'])
@pytest.mark.parametrize('variant', ['dinov3_s', 'dinov3_s_plus', 'dinov2_g_reg'])
def test_there_and_back(variant, project):
    given, ours = (VisionTransformer(variant=variant, **SMALL) for _ in range(2))
    exported, left_out = to_project(randomise(given).state_dict(), project)
    assert left_out == (['rope.periods'] if given.rope else [])
    ours.load_state_dict(exported)
    for name, value in given.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name


@pytest.mark.parametrize('whole', [False, True])
@pytest.mark.parametrize('variant', ['dinov3_s', 'dinov3_s_plus'])
def test_without_a_config_there_and_back(variant, whole, tmp_path):
    """Our own files become Hugging Face's, then timm's, then ours, which load; the periods are computed."""
    given, ours = (VisionTransformer(variant=variant, **SMALL) for _ in range(2))
    state = randomise(given).state_dict()
    if whole:
        state = {f'backbone.{name}': value for name, value in state.items()}
        state |= {f'decode_head.conv_seg.{kind}': torch.ones(3) for kind in ('weight', 'bias')}
    torch.save(state, tmp_path / 'ours.pth')
    report = convert_file(tmp_path / 'ours.pth', tmp_path / 'hf.pth', to='hf')
    assert report['map'] == ('a segmentor of ours -> hf' if whole else 'our DINOv3 -> hf')
    convert_file(tmp_path / 'hf.pth', tmp_path / 'timm.pth', to='timm')
    convert_file(tmp_path / 'timm.pth', tmp_path / 'again.pth')
    load_pretrained_backbone(ours, tmp_path / 'again.pth')
    for name, value in given.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name


@pytest.mark.parametrize(('variant', 'biased'), [('dinov3_b', True), ('dinov3_7b', False)])
def test_biases_that_timm_leaves_out_are_added_where_the_model_has_some(variant, biased, tmp_path, monkeypatch):
    """Without a config, that the file is of the 7B is told from its sizes."""
    for name in ('dinov3_b', 'dinov3_7b'):
        small = name == variant
        sizes = dict(embed_dims=48 if small else 64, num_layers=2, mlp='swiglu' if name == 'dinov3_7b' else 'plain')
        monkeypatch.setitem(VITS, name, replace(VITS[name], **sizes))
    given = randomise(VisionTransformer(variant=variant, **SMALL)).state_dict()
    exported, _ = to_project(given, 'timm')
    torch.save({name: value for name, value in exported.items() if '_bias' not in name}, tmp_path / 'timm.pth')
    convert_file(tmp_path / 'timm.pth', tmp_path / 'ours.pth')
    written = torch.load(tmp_path / 'ours.pth')['state_dict']
    assert written.keys() == given.keys() - {'rope.periods'}
    assert any('q_bias' in name for name in written) == biased
