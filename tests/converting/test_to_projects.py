"""There and back: a source's file, ours, and exported again, is what it was, bit for bit."""

import json

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_vitseg.checkpoints.fitting import Options
from mmseg_vitseg.checkpoints.loading import load_weights
from mmseg_vitseg.checkpoints.sources import to_our_names
from mmseg_vitseg.converting.to_projects import to_project
from mmseg_vitseg.converting.writing import write_weights
from vitseg_tests.published import map_of, reference_of, small_images

PAIRS = [
    ('timm', 'timm'),
    ('hf-vit-model', 'hf'),
    ('hf-dinov2', 'hf'),
    ('hf-dinov2-registers', 'hf'),
    ('hf-segformer', 'hf'),
    ('host-vit', 'mmseg'),
    ('host-mit', 'mmseg'),
]


@pytest.mark.parametrize(('name', 'project'), PAIRS)
def test_through_a_model_of_ours(name, project, tmp_path):
    """Loaded, saved and exported: names, shapes and numbers are the original's; what the source dropped is not there."""
    reference = reference_of(name, tmp_path)
    model = MODELS.build(reference.model)
    load_weights(model, reference.state, name, Options(pretrained='decode_head' not in reference.model))
    exported, outside = to_project(model.state_dict(), project)
    dropped = to_our_names(reference.state, None).dropped
    # files of HF's classifiers have the encoder's class before the encoder's names
    prefix = next((p for p in ('dinov2_with_registers.',) if any(key.startswith(p) for key in reference.state)), '')
    original = {key.removeprefix(prefix): value for key, value in reference.state.items() if key not in dropped}
    assert outside == []
    assert exported.keys() == original.keys()
    for key, value in original.items():
        assert exported[key].shape == value.shape, key
        assert torch.equal(exported[key], value), key


@pytest.mark.parametrize('name', ['hf-vit-model', 'hf-dinov2-registers', 'hf-segformer'])
def test_hugging_face_reads_what_is_exported(name, tmp_path):
    """By from_pretrained, from a file of the tool's kind and their own config.json."""
    import warnings

    import transformers

    reference = reference_of(name, tmp_path)
    model = MODELS.build(reference.model)
    load_weights(model, reference.state, name, Options(pretrained='decode_head' not in reference.model))
    exported, _ = to_project(model.state_dict(), 'hf')
    write_weights(exported, tmp_path / 'model.safetensors', {'format': 'pt'})
    folder = tmp_path / f'reference-{name}'
    config = json.loads((folder / 'config.json').read_text())
    (tmp_path / 'config.json').write_text(json.dumps(config))
    kind = {'ViTModel': 'ViTModel', 'SegformerForSemanticSegmentation': 'SegformerForSemanticSegmentation'}
    kind = kind.get(config['architectures'][0], 'Dinov2WithRegistersModel')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        hf = getattr(transformers, kind).from_pretrained(tmp_path).eval()
    images = small_images()
    with torch.no_grad():
        result = hf(images)
        theirs = result.logits if kind.startswith('Segformer') else map_of(result.last_hidden_state)
        ours = model.eval()(images)
    torch.testing.assert_close(ours if kind.startswith('Segformer') else ours[0], theirs)


def test_a_whole_segmentor_becomes_the_host_s():
    arguments = dict(embed_dims=24, num_layers=2, num_heads=4, img_size=32, patch_size=8)
    head = dict(in_channels=24, channels=8, num_classes=3, norm_cfg=dict(type='BN'))
    ours, host = (
        MODELS.build(
            dict(
                type=f'{scope}.EncoderDecoder',
                backbone=dict(type=f'{scope}.VisionTransformer', with_cls_token=False, **arguments, **extra),
                decode_head=dict(type=f'{scope}.SETRUPHead', **head),
                test_cfg=dict(mode='whole'),
            )
        )
        for scope, extra in (('mmseg_vitseg', {}), ('mmseg', dict(patch_bias=True)))
    )
    torch.nn.init.normal_(ours.backbone.pos_embed)
    exported, _ = to_project(ours.state_dict(), 'mmseg')
    host.load_state_dict(exported)  # strict
    images = torch.randn(1, 3, 32, 32)
    host.eval()
    host.backbone.eval()  # the host's ViT breaks the chain of eval()
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(images), host(images))


def test_what_a_project_does_not_have_is_refused(tmp_path):
    mit = to_our_names(reference_of('host-mit', tmp_path).state, None, prefix='').weights
    with pytest.raises(ValueError, match='timm has no MiT'):
        to_project(mit, 'timm')
    scaled = to_our_names(reference_of('hf-dinov2', tmp_path).state, None, prefix='').weights
    with pytest.raises(ValueError, match='mmseg has no ViT with layer scale'):
        to_project(scaled, 'mmseg')
    vit = to_our_names(reference_of('timm', tmp_path).state, None, prefix='').weights
    with pytest.raises(ValueError, match=r"timm's ViT has no place for input_norm\.weight"):
        to_project({**vit, 'input_norm.weight': torch.ones(3)}, 'timm')
    whole = {f'backbone.{name}': value for name, value in vit.items()} | {'decode_head.conv_seg.bias': torch.ones(3)}
    exported, outside = to_project(whole, 'timm')
    assert outside == ['decode_head.conv_seg.bias']
    assert exported.keys() == vit.keys()
