"""Attention weights against those of Hugging Face's eager attention, from HF's own files."""

import warnings

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.inspecting.attention import attention_weights, rollout
from mmseg_vitseg.inspecting.features import principal_components
from vitseg_tests.weights import randomise

VIT = dict(type='mmseg_vitseg.VisionTransformer', embed_dims=24, num_layers=3, num_heads=4, patch_size=8, img_size=32)
MIT = dict(
    type='mmseg_vitseg.MixVisionTransformer', embed_dims=8, num_layers=(1, 2, 1, 1), num_heads=(1, 2, 3, 4)
)  # sr_ratios 8, 4, 2, 1: of images of 128 x 96, 4 x 3 keys in each stage
EPS = dict(type='LN', eps=1e-5)


def hf_vit():
    import transformers

    sizes = dict(hidden_size=24, num_hidden_layers=3, num_attention_heads=4, intermediate_size=96)
    config = transformers.ViTConfig(image_size=32, patch_size=8, layer_norm_eps=1e-5, **sizes)
    return transformers.ViTModel._from_config(config, attn_implementation='eager', add_pooling_layer=False)


def hf_mit():
    import transformers

    config = transformers.SegformerConfig(
        hidden_sizes=[8, 16, 24, 32], depths=[1, 2, 1, 1], num_attention_heads=[1, 2, 3, 4], layer_norm_eps=1e-5
    )
    return transformers.SegformerModel._from_config(config, attn_implementation='eager')


def pair(name: str, folder) -> tuple[nn.Module, nn.Module]:
    """Return HF's model with random weights and ours, read from HF's file; weights that tell tokens apart."""
    pytest.importorskip('transformers', reason='no transformers to compare with')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        hf = dict(vit=hf_vit, mit=hf_mit)[name]()
        randomise(hf)
        hf.save_pretrained(folder)
    arguments = dict(vit=dict(VIT, final_norm=True, norm_cfg=EPS), mit=dict(MIT, norm_cfg=EPS))[name]
    checkpoint = dict(type='Pretrained', checkpoint=str(folder / 'model.safetensors'), source='hf')
    ours = MODELS.build(dict(arguments, init_cfg=checkpoint))
    ours.init_weights()
    return hf, ours.eval()


def recorded(backbone: nn.Module, images: torch.Tensor) -> list[tuple[nn.Module, torch.Tensor]]:
    """Return each attention layer and its input."""
    found = []
    attentions = [module for name, module in backbone.named_modules() if name.endswith('.attn')]
    handles = [
        one.register_forward_pre_hook(lambda module, given: found.append((module, *given))) for one in attentions
    ]
    backbone(images)
    for handle in handles:
        handle.remove()
    return found


@torch.no_grad()
@pytest.mark.parametrize(('name', 'size'), [('vit', (32, 32)), ('mit', (128, 96))])
def test_weights_are_hugging_faces(name, size, tmp_path):
    hf, ours = pair(name, tmp_path)
    images = torch.randn(2, 3, *size)
    expected = hf(images, output_attentions=True).attentions
    found = recorded(ours, images)
    assert len(found) == len(expected)
    for (attention, x), theirs in zip(found, expected, strict=True):
        weights = attention_weights(attention, x)
        assert weights.shape == theirs.shape
        assert weights.std() > 0.01
        assert_close(weights, theirs)
        assert_close(attention_weights(attention, x, 5), theirs[:, :, 5:6])


@torch.no_grad()
def test_rollout_is_the_product_of_hugging_faces_weights(tmp_path):
    """All rows of all matrices, as the paper has it; here one row is followed back."""
    hf, ours = pair('vit', tmp_path)
    images = torch.randn(1, 3, 32, 32)
    product = torch.eye(17)
    for theirs in hf(images, output_attentions=True).attentions:
        mixed = (theirs[0].mean(0) + torch.eye(17)) / 2
        product = mixed / mixed.sum(-1, keepdim=True) @ product
    attentions, inputs = zip(*recorded(ours, images), strict=True)
    for query in (0, 7, 16):
        row = rollout(attentions, inputs, query)
        assert_close(row, product[query])
        assert_close(row.sum(), torch.tensor(1.0))


def test_principal_components():
    features = torch.randn(50, 8) * torch.tensor([5.0, 1, 3, 1, 1, 1, 1, 1]) + 7
    found = principal_components(features)
    left, values, axes = torch.linalg.svd(features - features.mean(0), full_matrices=False)
    assert_close(found.abs(), (left * values)[:, :3].abs(), atol=1e-4, rtol=1e-4)  # float32's svd against float64
    assert found.std(0).argsort(descending=True).tolist() == [0, 1, 2]
    largest = axes[:3].abs().argmax(1)
    correlation = torch.stack(
        [found[:, index] @ (features - features.mean(0))[:, largest[index]] for index in range(3)]
    )
    assert (correlation > 0).all()  # the sign
    assert_close(principal_components(features), found, rtol=0, atol=0)
