"""MiT against the host's class and against Hugging Face's SegFormer."""

import copy
import warnings
from importlib import resources

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.architectures import MITS
from mmseg_vitseg.checkpoints.loading import load_pretrained_backbone, load_whole_model
from mmseg_vitseg.models.mit import MixVisionTransformer
from vitseg_tests.weights import randomise

SMALL = dict(embed_dims=8, num_layers=(1, 2, 1, 1), num_heads=(1, 2, 3, 4))
SIZES = [(64, 64), (32, 96), (61, 87), (29, 33)]
HEAD = dict(in_channels=[8, 16, 24, 32], in_index=[0, 1, 2, 3], channels=16, num_classes=5, norm_cfg=dict(type='BN'))
HF_NORM = dict(type='LN', eps=1e-5)


def make(**arguments) -> MixVisionTransformer:
    return MODELS.build(dict(type='mmseg_vitseg.MixVisionTransformer', **arguments)).eval()


# --------------------------------------------------------------------------------------------------- against the host


def host_and_ours(**arguments) -> tuple[nn.Module, MixVisionTransformer]:
    host = randomise(MODELS.build(dict(type='mmseg.MixVisionTransformer', **arguments)))
    ours = make(**arguments)
    ours.load_state_dict(host.state_dict())  # strict; the hook knows the host's names
    return host, ours


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize(
    'arguments',
    [
        dict(),
        dict(out_indices=(1, 3), qkv_bias=False, in_channels=5),
        dict(norm_cfg=dict(type='LN', eps=0.1), mlp_ratio=2, patch_sizes=(7, 3, 5, 3), sr_ratios=(4, 2, 1, 1)),
        dict(act_cfg=dict(type='ReLU'), strides=(4, 2, 2, 1), num_heads=(1, 1, 2, 4)),
    ],
)
def test_equals_the_host_at_any_size(arguments, size):
    arguments = {**SMALL, **arguments}
    host, ours = host_and_ours(**arguments)
    images = torch.randn(2, arguments.get('in_channels', 3), *size)
    with torch.no_grad():
        expected, features = host(images), ours(images)
    assert isinstance(features, tuple)
    assert len(expected) == len(features)
    for theirs, mine in zip(expected, features, strict=True):
        assert_close(mine, theirs)


@pytest.mark.parametrize('with_cp', [False, True])
def test_gradients_equal_the_hosts(with_cp):
    host, ours = host_and_ours(**SMALL)
    for stage in ours.stages:
        stage.with_cp = with_cp
    calls = []
    ours.stages[1].blocks[1].register_forward_pre_hook(lambda *_: calls.append(1))
    images = torch.randn(2, 3, 48, 56)
    inputs = []
    for model in (host, ours):
        leaf = images.clone().requires_grad_()
        inputs.append(leaf)
        sum(x.square().mean() for x in model.train()(leaf)).backward()
    assert_close(inputs[1].grad, inputs[0].grad)
    gradients = {name: parameter.grad for name, parameter in host.named_parameters()}
    twin = make(**SMALL)
    twin.load_state_dict(gradients)  # the host's gradients under our names, in our shapes
    assert_close({name: parameter.grad for name, parameter in ours.named_parameters()}, twin.state_dict())
    assert len(calls) == (2 if with_cp else 1)  # checkpointing runs the forward pass again


@pytest.mark.parametrize('size', ['b0', 'b1', 'b2', 'b3', 'b4', 'b5'])
def test_whole_models_of_the_hosts_configs(size):
    """Prefixing the types is all it takes; the host's whole checkpoint loads; logits and gradients are equal."""
    file = resources.files('mmseg') / f'.mim/configs/segformer/segformer_mit-{size}_8xb2-160k_ade20k-512x512.py'
    model = Config.fromfile(str(file)).model
    model.data_preprocessor = None
    model.pretrained = model.backbone.init_cfg = None
    model.backbone.drop_path_rate = 0.0
    model.decode_head.update(norm_cfg=dict(type='BN'), dropout_ratio=0)
    prefixed = copy.deepcopy(model)
    for part in (prefixed, prefixed.backbone, prefixed.decode_head):
        part.type = f'mmseg_vitseg.{part.type}'
    host, ours = randomise(MODELS.build(model)), MODELS.build(prefixed).eval()
    assert {name: model.backbone[name] for name in vars(MITS[size])} == {
        name: list(value) if isinstance(value, tuple) else value for name, value in vars(MITS[size]).items()
    }
    ours.load_state_dict(host.state_dict())
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert_close(ours(images), host(images))
    gradients = []
    for network in (host.double(), ours.double()):  # in float32 a ReLU's input next to 0 may fall on either side
        leaf = images.double().requires_grad_()
        network.train()(leaf).square().mean().backward()
        gradients.append((leaf.grad, network.decode_head.convs[0].conv.weight.grad))
    for mine, theirs in zip(*gradients[::-1], strict=True):
        assert_close(mine, theirs)


# ------------------------------------------------------------------------------------------------------- against HF


def hf_segformer(kind: str, **settings) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        transformers = pytest.importorskip('transformers', reason='no transformers to compare with')
        config = transformers.SegformerConfig(
            depths=list(SMALL['num_layers']),
            hidden_sizes=HEAD['in_channels'],
            num_attention_heads=list(SMALL['num_heads']),
            decoder_hidden_size=settings.pop('width', HEAD['channels']),
            num_labels=HEAD['num_classes'],
            classifier_dropout_prob=0.0,
            drop_path_rate=0.0,
            **settings,
        )
        return randomise(getattr(transformers, kind)(config))


def save(model: nn.Module, folder) -> str:
    """Save as Hugging Face does, so under the names of its published files."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        model.save_pretrained(folder)
    return str(folder / 'model.safetensors')


@pytest.mark.parametrize('size', SIZES)
def test_encoder_equals_hf_from_its_file(size, tmp_path):
    hf = hf_segformer('SegformerModel')
    ours = make(**SMALL, norm_cfg=HF_NORM)
    load_pretrained_backbone(ours, save(hf, tmp_path))
    images = torch.randn(2, 3, *size)
    with torch.no_grad():
        assert_close(ours(images), hf(images, output_hidden_states=True).hidden_states)


@pytest.mark.parametrize('width', [16, 48])
def test_whole_model_equals_hf_from_its_file(width, tmp_path):
    """Logits, losses and gradients, for a decoder as wide as B0's to the encoder and for one three times as wide."""
    hf = hf_segformer('SegformerForSemanticSegmentation', width=width)
    ours = MODELS.build(
        dict(
            type='mmseg_vitseg.EncoderDecoder',
            backbone=dict(type='mmseg_vitseg.MixVisionTransformer', **SMALL, norm_cfg=HF_NORM),
            decode_head=dict(
                HEAD, type='mmseg_vitseg.SegformerHead', channels=width, linear_projection=True, dropout_ratio=0
            ),
        )
    ).eval()
    path = save(hf, tmp_path)
    load_whole_model(ours, path)
    images = torch.randn(2, 3, 61, 87)
    with torch.no_grad():
        assert_close(ours(images), hf(images).logits)
    labels = torch.randint(0, 5, (2, 61, 87))
    gradients = []
    for model in (hf, ours):
        model.train()
        logits = model(images).logits if model is hf else model(images)
        logits = nn.functional.interpolate(logits, size=labels.shape[1:], mode='bilinear', align_corners=False)
        loss = nn.functional.cross_entropy(logits, labels)
        loss.backward()
        parameters = dict(model.named_parameters())
        gradients.append((loss.detach(), parameters))
    (expected, theirs), (loss, mine) = gradients
    assert_close(loss, expected)
    for name, their_name in {
        'decode_head.convs.2.conv.weight': 'decode_head.linear_projections.2.proj.weight',
        'decode_head.conv_seg.weight': 'decode_head.classifier.weight',
        'backbone.stages.0.patch_embed.proj.weight': 'segformer.stages.0.patch_embeddings.proj.weight',
        'backbone.stages.1.blocks.1.mlp.dwconv.weight': 'segformer.stages.1.blocks.1.mlp.dwconv.dwconv.weight',
    }.items():
        assert_close(mine[name].grad, theirs[their_name].grad.view_as(mine[name]), rtol=1e-4, atol=1e-6)
    assert_close(ours.decode_head.fusion_conv.bn.running_var, hf.decode_head.batch_norm.running_var)


def test_pretrained_classifier_of_hf(tmp_path):
    hf = hf_segformer('SegformerForImageClassification')
    ours = make(**SMALL, norm_cfg=HF_NORM, init_cfg=dict(type='Pretrained', checkpoint=save(hf, tmp_path)))
    ours.init_weights()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert_close(ours(images)[-1], hf.segformer(images).last_hidden_state)


def test_incomplete_files_are_refused(tmp_path):
    hf = hf_segformer('SegformerModel')
    path = save(hf, tmp_path)
    with pytest.raises(ValueError) as info:
        load_pretrained_backbone(make(**{**SMALL, 'num_layers': (1, 2, 2, 1)}), path)
    assert 'missing (stages.2.blocks.1' in str(info.value)


# ------------------------------------------------------------------------------------------------------ by themselves


def test_maps_are_channels_last_views():
    """What keeps heads fast: no layout is changed on the way."""
    for x in make(**SMALL)(torch.randn(2, 3, 64, 64)):
        assert x.is_contiguous(memory_format=torch.channels_last)


def test_drop_path_and_dropout_only_in_training():
    model = make(**SMALL, drop_path_rate=0.9, drop_rate=0.1, attn_drop_rate=0.1)
    images = torch.randn(1, 3, 64, 64)
    assert_close(model(images), model(images), rtol=0, atol=0)
    model.train()
    assert not torch.allclose(model(images)[-1], model(images)[-1])
    rates = [getattr(block.drop_path, 'drop_prob', 0.0) for stage in model.stages for block in stage.blocks]
    assert rates == pytest.approx([0, 0.225, 0.45, 0.675, 0.9])


@pytest.mark.parametrize(
    ('arguments', 'error', 'words'),
    [
        (dict(variant='b6'), ValueError, "variant='b6'; allowed: None, b0"),
        (dict(num_layers=(1, 2)), ValueError, 'num_layers=(1, 2) for num_stages=4'),
        (dict(out_indices=(0, 4)), ValueError, 'allowed: -4 to 3'),
        (dict(out_indices=(3, -1)), ValueError, 'names a stage twice'),
        (dict(pretrained='a.pth', init_cfg=dict(type='Pretrained', checkpoint='b.pth')), ValueError, 'give one'),
        (dict(widths=3), TypeError, 'widths'),
    ],
)
def test_mistakes_are_explained(arguments, error, words):
    with pytest.raises(error) as info:
        MixVisionTransformer(**arguments)
    assert words in str(info.value)


def test_images_that_are_too_small():
    with pytest.raises(ValueError) as info:
        make(**SMALL)(torch.randn(1, 3, 28, 64))
    assert 'a map of 7 x 16 is too small for sr_ratio=8' in str(info.value)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
def test_gpu_equals_cpu():
    model = randomise(make(**SMALL))
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = model(images)
        assert_close([x.cpu() for x in model.cuda()(images.cuda())], list(expected), rtol=1e-3, atol=1e-4)
