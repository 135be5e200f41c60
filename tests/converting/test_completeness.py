"""A file that lacks blocks is never converted as if it were all."""

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_vitseg.converting.convert import convert_file
from mmseg_vitseg.converting.to_projects import to_project

SIZES = {
    'ViT': dict(type='mmseg_vitseg.VisionTransformer', img_size=32, patch_size=8, embed_dims=24, num_layers=3, num_heads=4,
                final_norm=True),
    'ViT-Ti': dict(type='mmseg_vitseg.VisionTransformer', img_size=32, patch_size=8, variant='tiny', final_norm=True),
    'MiT': dict(type='mmseg_vitseg.MixVisionTransformer', embed_dims=8, num_layers=[2, 2, 2, 2]),
}  # fmt: skip


def state_of(kind, project='ours'):
    state = MODELS.build(SIZES[kind]).state_dict()
    return state if project == 'ours' else to_project(state, project)[0]


@pytest.mark.parametrize('project', ['ours', 'timm', 'hf', 'mmseg'])
@pytest.mark.parametrize('kind', ['ViT', 'MiT'])
def test_every_cut_is_seen(kind, project, tmp_path):
    """The first part of two, wherever it is cut; of HF and the host, a bias that may be missing is zero."""
    if (kind, project) == ('MiT', 'timm'):
        pytest.skip('timm has no MiT')
    state = state_of(kind, project)
    names = list(state)
    for cut in range(1, len(names), 3):
        torch.save({name: state[name] for name in names[:cut]}, tmp_path / 'x.pth')
        with pytest.raises(ValueError, match=r'a part of a checkpoint, it seems|not a format that is known|has no '):
            convert_file(tmp_path / 'x.pth', tmp_path / 'y.pth')
    torch.save(state, tmp_path / 'x.pth')
    convert_file(tmp_path / 'x.pth', tmp_path / 'y.pth')


@pytest.mark.parametrize(
    ('kind', 'lost', 'words'),
    [
        ('ViT', 'blocks.1.', 'block 1 of 3 is not there'),
        ('ViT', 'blocks.2.attn.qkv.bias', r'block 2 lacks attn\.qkv\.bias, which others have'),
        ('ViT', 'norm.', r'it ends after block 2, without a norm\. If it is all, name its config: --config'),
        ('ViT-Ti', 'blocks.1', 'block 1 of 10 is not there'),
        ('ViT-Ti', ('blocks.11.', 'blocks.10.'), 'it has 10 blocks, models of its width have 12'),
        ('MiT', 'stages.2.blocks.', 'stage 2 lacks blocks, which others have'),
        ('MiT', 'stages.3.blocks.0.', 'stage 3, block 0 of 2 is not there'),
        ('MiT', 'stages.3.norm.', r'stage 3 lacks norm\.bias, norm\.weight'),
    ],
)
def test_what_is_missing_is_named(kind, lost, words, tmp_path):
    state = {name: value for name, value in state_of(kind).items() if not name.startswith(lost)}
    torch.save(state, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match=words):
        convert_file(tmp_path / 'x.pth', tmp_path / 'y.pth')
    assert not (tmp_path / 'y.pth').exists()


@pytest.mark.parametrize(('lost', 'more'), [('norm.', 'fc_norm.weight'), ((), 'head.weight')])
def test_what_is_complete(lost, more, tmp_path):
    """MAE's fine-tuned models have a norm before the classifier in place of the last one."""
    state = {name: value for name, value in state_of('ViT').items() if not name.startswith(lost or ' ')}
    torch.save({**state, more: torch.ones(24)}, tmp_path / 'x.pth')
    convert_file(tmp_path / 'x.pth', tmp_path / 'y.pth')
