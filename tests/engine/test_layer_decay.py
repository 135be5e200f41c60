"""The learning rate and weight decay of every parameter."""

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS
from torch import nn

from vitseg_tests.eomt_training import EOMT

LR, DECAY, RATE = 0.1, 0.05, 0.5


def make_model(**backbone) -> nn.Module:
    return MODELS.build(
        dict(
            type='mmseg.EncoderDecoder',
            backbone=dict(
                type='mmseg_vitseg.VisionTransformer',
                img_size=16,
                patch_size=8,
                embed_dims=8,
                num_layers=2,
                num_heads=2,
                final_norm=True,
                num_registers=1,
                layer_scale=1e-5,
                input_norm='batch',
                **backbone,
            ),
            decode_head=dict(
                type='mmseg_vitseg.SETRUPHead', in_channels=8, channels=4, num_classes=3, norm_cfg=dict(type='BN')
            ),
        )
    )


def groups_of(model: nn.Module, optimizer: dict | None = None, **paramwise) -> dict[str, tuple[float, float]]:
    """Return name -> (learning rate, weight decay), through the host's own way of building."""
    wrapper = build_optim_wrapper(
        model,
        dict(
            type='OptimWrapper',
            constructor='mmseg_vitseg.ViTLayerDecayConstructor',
            optimizer=optimizer or dict(type='AdamW', lr=LR, weight_decay=DECAY),
            paramwise_cfg=paramwise,
        ),
    )
    names = {parameter: name for name, parameter in model.named_parameters()}
    found = [
        (names[parameter], (group['lr'], group['weight_decay']))
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    ]
    assert len(found) == len(dict(found))
    return dict(found)


EMBEDDED = ('cls_token', 'reg_token', 'pos_embed', 'patch_embed')


def block(index: int, lr: float) -> dict[str, tuple[float, float]]:
    weights = ('attn.qkv.weight', 'attn.proj.weight', 'mlp.fc1.weight', 'mlp.fc2.weight')
    rest = (
        *(f'{norm}.{kind}' for norm in ('norm1', 'norm2') for kind in ('weight', 'bias')),
        *(name.replace('weight', 'bias') for name in weights),
        'ls1.gamma',
        'ls2.gamma',
    )
    prefix = f'backbone.blocks.{index}.'
    return {f'{prefix}{name}': (lr, DECAY) for name in weights} | {f'{prefix}{name}': (lr, 0.0) for name in rest}


EMBEDDINGS = {
    'backbone.input_norm.weight': (LR / 8, 0.0),
    'backbone.input_norm.bias': (LR / 8, 0.0),
    'backbone.patch_embed.proj.weight': (LR / 8, DECAY),
    'backbone.patch_embed.proj.bias': (LR / 8, 0.0),
    'backbone.cls_token': (LR / 8, 0.0),
    'backbone.reg_token': (LR / 8, 0.0),
    'backbone.pos_embed': (LR / 8, 0.0),
}
FINAL_NORM = {'backbone.norm.weight': (LR, 0.0), 'backbone.norm.bias': (LR, 0.0)}


def head(lr: float) -> dict[str, tuple[float, float]]:
    return {
        'decode_head.conv_seg.weight': (lr, DECAY),
        'decode_head.conv_seg.bias': (lr, 0.0),
        'decode_head.norm.weight': (lr, 0.0),
        'decode_head.norm.bias': (lr, 0.0),
        'decode_head.up_convs.0.0.conv.weight': (lr, DECAY),
        'decode_head.up_convs.0.0.bn.weight': (lr, 0.0),
        'decode_head.up_convs.0.0.bn.bias': (lr, 0.0),
    }


def test_each_parameters_group():
    expected = EMBEDDINGS | block(0, LR / 4) | block(1, LR / 2) | FINAL_NORM | head(LR)
    assert groups_of(make_model(), layer_decay_rate=RATE) == expected  # to the bit: the rate is a power of two


def test_rotary_positions_and_biases_of_queries():
    model = make_model(qkv_bias='qv', position='rope')
    without = {'backbone.pos_embed', *(f'backbone.blocks.{index}.attn.qkv.bias' for index in range(2))}
    expected = EMBEDDINGS | block(0, LR / 4) | block(1, LR / 2) | FINAL_NORM | head(LR)
    expected = {name: group for name, group in expected.items() if name not in without}
    for index, lr in ((0, LR / 4), (1, LR / 2)):
        expected |= {f'backbone.blocks.{index}.attn.{kind}_bias': (lr, 0.0) for kind in 'qv'}
    assert groups_of(model, layer_decay_rate=RATE) == expected


def test_head_multiplier_and_frozen_parameters():
    groups = groups_of(make_model(frozen_stages=1), layer_decay_rate=RATE, num_layers=2, head_lr_mult=10)
    assert groups == block(1, LR / 2) | FINAL_NORM | head(10 * LR)


@pytest.mark.filterwarnings('ignore:.*torch.jit:DeprecationWarning')  # what torch.compile imports
def test_a_compiled_model_has_the_same_groups():
    groups = groups_of(torch.compile(make_model()), layer_decay_rate=RATE)
    assert {name.removeprefix('_orig_mod.'): group for name, group in groups.items()} == groups_of(
        make_model(), layer_decay_rate=RATE
    )


def test_a_heads_tokens_do_not_decay():
    model = make_model()
    model.decode_head.cls_emb = nn.Parameter(torch.zeros(1, 3, 8))
    assert groups_of(model, layer_decay_rate=RATE)['decode_head.cls_emb'] == (LR, 0.0)


def test_an_optimizer_without_weight_decay():
    groups = groups_of(make_model(), dict(type='SGD', lr=LR), layer_decay_rate=1.0)
    assert set(groups.values()) == {(LR, 0.0)}
    default = groups_of(make_model(), dict(type='AdamW', lr=LR), layer_decay_rate=1.0)
    assert default['backbone.blocks.0.mlp.fc1.weight'] == (LR, 0.01)  # AdamW's own
    assert default['backbone.pos_embed'] == (LR, 0.0)


@pytest.mark.parametrize(('queries', 'powers'), [(False, (2, 2, 0, 0)), (True, (2, 2, 1, 0))])
def test_each_group_of_an_eomt(queries, powers):
    """The embeddings as the first block, the blocks that queries go through, all else: the authors' powers."""
    model = MODELS.build(dict(EOMT, backbone=dict(EOMT['backbone'], num_layers=3)))
    groups = groups_of(model, layer_decay_rate=RATE, rule='eomt', query_blocks_decay=queries, decay_all=True)
    assert set(groups) == {name for name, _ in model.named_parameters()}
    rate = {f'backbone.blocks.{index}': LR * RATE**power for index, power in enumerate(powers[1:])}
    for name, (lr, decay) in groups.items():
        first = LR * RATE ** powers[0] if name.split('.')[1] in EMBEDDED and name.startswith('backbone') else LR
        assert (lr, decay) == (rate.get('.'.join(name.split('.')[:3]), first), DECAY), name


def test_everything_decays():
    groups = groups_of(make_model(), layer_decay_rate=RATE, decay_all=True)
    usual = groups_of(make_model(), layer_decay_rate=RATE)
    assert groups == {name: (lr, DECAY) for name, (lr, _) in usual.items()}


def test_one_group_a_layer_and_kind():
    """Not one a parameter: optimizers work on whole groups at once."""
    wrapper = build_optim_wrapper(
        make_model(),
        dict(
            constructor='mmseg_vitseg.ViTLayerDecayConstructor',
            optimizer=dict(type='SGD', lr=LR),
            paramwise_cfg=dict(layer_decay_rate=RATE),
        ),
    )
    assert len(wrapper.optimizer.param_groups) == 9  # two each of 0, 1, 2; the final norm; two of the head


@pytest.mark.parametrize(
    ('paramwise', 'words'),
    [
        (dict(), 'allowed: layer_decay_rate, rule, query_blocks_decay, num_layers, head_lr_mult, decay_all'),
        (dict(layer_decay_rate=0.5, decay_rate=0.5), 'allowed: layer_decay_rate, rule, '),
        (dict(layer_decay_rate=0.5, rule='swin'), "rule='swin'; allowed: beit, eomt"),
        (dict(layer_decay_rate=0.5, rule='eomt'), "rule='eomt', and the model is no mmseg_vitseg.EoMT"),
        (dict(layer_decay_rate=1.5), 'layer_decay_rate=1.5; allowed: above 0 and at most 1'),
        (dict(layer_decay_rate=0.5, num_layers=12), 'num_layers=12, the backbone has 2'),
    ],
)
def test_mistakes_are_explained(paramwise, words):
    with pytest.raises(ValueError) as info:
        groups_of(make_model(), **paramwise)
    assert words in str(info.value)


def test_an_optimizer_needs_a_rate():
    with pytest.raises(ValueError, match='needs an lr'):
        groups_of(make_model(), dict(type='AdamW'), layer_decay_rate=0.5)


@pytest.mark.parametrize('model', [nn.Linear(2, 2), nn.ModuleDict(dict(backbone=nn.Linear(2, 2)))])
def test_another_backbone_is_refused(model):
    with pytest.raises(ValueError, match=r'needs a backbone of type mmseg_vitseg\.VisionTransformer'):
        groups_of(model, layer_decay_rate=0.5)


def test_training_steps_move_the_layers_by_their_rates():
    model = make_model()
    names = ('backbone.blocks.0.mlp.fc1.bias', 'backbone.blocks.1.mlp.fc1.bias')
    before = {name: model.get_parameter(name).detach().clone() for name in names}
    wrapper = build_optim_wrapper(
        model,
        dict(
            constructor='mmseg_vitseg.ViTLayerDecayConstructor',
            optimizer=dict(type='SGD', lr=LR),
            paramwise_cfg=dict(layer_decay_rate=RATE),
        ),
    )
    wrapper.update_params(sum(model.get_parameter(name).sum() for name in names))
    steps = [(before[name] - model.get_parameter(name)).mean() for name in names]
    torch.testing.assert_close(steps, [torch.tensor(LR / 4), torch.tensor(LR / 2)])
