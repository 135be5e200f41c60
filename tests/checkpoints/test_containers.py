"""Which weights of a file are taken: one rule for containers and beginnings of names that nobody listed."""

import re
from argparse import Namespace
from pathlib import PosixPath

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.model import ExponentialMovingAverage
from mmengine.runner import load_checkpoint as host_load_checkpoint
from mmseg.registry import MODELS
from torch.testing import assert_close

from mmseg_vitseg.checkpoints.load_from import load_from_any_source, read_all_checkpoints
from mmseg_vitseg.checkpoints.loading import load_pretrained_backbone, load_whole_model
from mmseg_vitseg.checkpoints.reading import read_state_dict
from mmseg_vitseg.config.devices import fit_to_devices
from mmseg_vitseg.converting.convert import convert_file
from vitseg_tests import published
from vitseg_tests.host_configs import PUBLISHED, narrow, without_pretrained

VIT = dict(published.VIT, num_layers=3)
MODEL = published.segmentor(VIT)
HOSTS_HEAD = dict(type='mmseg.FCNHead', in_channels=24, channels=4, num_classes=3)
HOSTS_VIT = dict(MODEL, backbone=dict(VIT, type='mmseg.VisionTransformer'), decode_head=HOSTS_HEAD)
HOSTS_CNN = dict(MODEL, backbone=dict(type='mmseg.ResNetV1c', depth=18), decode_head=dict(HOSTS_HEAD, in_channels=512))


def weights(value=0.0, config=VIT):
    """Weights that all have the sum of the model's own values and ``value``."""
    torch.manual_seed(0)
    return {name: tensor + value if tensor.is_floating_point() else tensor
            for name, tensor in MODELS.build(config).state_dict().items()}  # fmt: skip


def under(prefix, state):
    return {prefix + name: value for name, value in state.items()}


RIGHT, WRONG = weights(1.0), weights(2.0)
OPTIMIZER = dict(state={0: dict(exp_avg=torch.ones(9))}, param_groups=[dict(lr=0.1)])
# what is in the file, and what the line must say
FILES = {
    'net': (dict(net=RIGHT, epoch=3), 'its weights are in net'),
    'nested': (dict(model=dict(trunk=RIGHT)), 'model.trunk'),
    'deepspeed': (dict(module=RIGHT, optimizer=OPTIMIZER, epoch=3), 'in module'),
    'a name that nobody listed': (dict(frobnicator=dict(weights=under('net.', RIGHT))), "'net.'"),
    'optimizer with names': (dict(x=RIGHT, opt=dict(state={name: dict(step=torch.ones(1)) for name in RIGHT})), 'in x'),
    'timm training': (dict(state_dict=WRONG, state_dict_ema=RIGHT), "state_dict_ema is taken, not state_dict.*'state_dict'"),
    'camel case': (dict(model=WRONG, modelEMA=RIGHT), 'modelEMA is taken'),
    'basicsr': (dict(params=WRONG, params_ema=RIGHT), 'params_ema is taken, not params'),
    'dino': (dict(student=under('module.backbone.', WRONG), teacher=under('backbone.', RIGHT)), 'teacher is taken'),
    'student alone': (dict(student=under('module.backbone.', RIGHT)), 'in student'),
    'i-jepa': (dict(encoder=under('module.', WRONG), target_encoder=under('module.', RIGHT), opt={}), 'target_encoder'),
    'two in one': (dict(model=under('teacher.backbone.', RIGHT) | under('student.backbone.', WRONG)), "'teacher.'"),
    'lightning': (dict(state_dict=under('model.', RIGHT) | {'loss.weight': torch.ones(3)}), "'model.*left out: loss.weight"),
    'lightning, averaged': (dict(state_dict=under('net.', WRONG) | under('ema.module.', RIGHT)), "'ema.module.'"),
    'averaged beside bare': (WRONG | under('ema_model.', RIGHT), "'ema_model.'"),
    'swa': (under('module.', RIGHT) | {'n_averaged': torch.tensor(7)}, "'module.*left out: n_averaged"),
    'compiled': (under('_orig_mod.', RIGHT), '_orig_mod.cls_token as cls_token'),
    'compiled inside': ({name.replace('blocks.', 'blocks._orig_mod.'): x for name, x in RIGHT.items()}, 'wrappers'),
    'all at once': (dict(state_dict=under('module._orig_mod.module.model.backbone.', RIGHT)), 'wrappers'),
    'an int among them': (RIGHT | dict(epoch=3), r'no tensor: epoch \(int\)'),
    'a None among them': (RIGHT | {'head.weight': None}, r'no tensor: head.weight \(NoneType\)'),
    'arrays': (dict(model={name: value.numpy() for name, value in RIGHT.items()}), ''),
    'a path of its author': (dict(model=RIGHT, args=Namespace(output_dir=PosixPath('x'), best=np.float64(3))), ''),
}  # fmt: skip


@pytest.fixture
def said(monkeypatch):
    """Collect what is said."""
    lines = []
    for module in ('containers', 'prefixes'):
        monkeypatch.setattr(f'mmseg_vitseg.checkpoints.{module}.print_log', lambda text, **_: lines.append(text))
    return lines


@pytest.mark.parametrize('name', FILES)
def test_the_weights_that_are_taken(name, said, tmp_path):
    content, words = FILES[name]
    torch.save(content, tmp_path / 'x.pth')
    backbone = MODELS.build(VIT)
    load_pretrained_backbone(backbone, tmp_path / 'x.pth')
    assert all(torch.equal(value, RIGHT[key]) for key, value in backbone.state_dict().items())
    assert bool(said) == bool(words)
    assert re.search(words, ' '.join(said)) if words else not said
    backbone.load_state_dict(WRONG)
    backbone.load_state_dict(load_from_any_source(str(tmp_path / 'x.pth'))['state_dict'])  # as load_from does
    assert all(torch.equal(value, RIGHT[key]) for key, value in backbone.state_dict().items())


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (dict(container='student'), ''),
        (dict(container='student', prefix='backbone'), ''),
        (dict(container='pupil'), "container='pupil': no dict of tensors; allowed: student, teacher"),
        (dict(prefix='decoder.'), r"prefix='decoder\.': no name begins so; they begin with backbone\."),
    ],
)
def test_another_is_named(options, words, tmp_path):
    torch.save(FILES['dino'][0], tmp_path / 'x.pth')
    backbone = MODELS.build(dict(VIT, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth'), **options)))
    if words:
        with pytest.raises(ValueError, match=words):
            backbone.init_weights()
        return
    backbone.init_weights()
    assert torch.equal(backbone.cls_token, WRONG['cls_token'])
    convert_file(tmp_path / 'x.pth', tmp_path / 'y.pth', **options)
    assert torch.equal(read_state_dict(tmp_path / 'y.pth')['cls_token'], WRONG['cls_token'])


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (dict(left=RIGHT, right=WRONG), r'weights are in left and in right; say which with container='),
        (
            dict(model=under('left.', RIGHT) | under('right.', WRONG)),
            r'behind left\. and right\.; say which with prefix=',
        ),
        (RIGHT | under('_orig_mod.', WRONG), 'cls_token is there twice'),
    ],
)
def test_what_no_rule_decides(content, words, tmp_path):
    torch.save(content, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match=words):
        load_pretrained_backbone(MODELS.build(VIT), tmp_path / 'x.pth')


WHOLE = {
    'compiled': lambda state: under('_orig_mod.', state),
    'ddp': lambda state: dict(state_dict=under('module.', state), epoch=1),
    'lightning': lambda state: {'state_dict': under('model.', state), 'pytorch-lightning_version': '2.5', 'epoch': 1},
    'both': lambda state: dict(model=dict(net=under('module._orig_mod.model.', state))),
    'ema': lambda state: dict(model={name: x + 1 for name, x in state.items()}, model_ema=state),
}


@pytest.mark.parametrize('wrap', WHOLE)
@pytest.mark.parametrize('config', [MODEL, HOSTS_VIT, HOSTS_CNN], ids=['ours', 'the hosts vit', 'the hosts cnn'])
def test_whole_models(wrap, config, tmp_path):
    """As test.py and predict.py load them, and as load_from does."""
    read_all_checkpoints()
    model = MODELS.build(config)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    torch.save(WHOLE[wrap](state), tmp_path / 'x.pth')
    for load in (load_whole_model, host_load_checkpoint):
        again = MODELS.build(config)
        for parameter in again.parameters():
            parameter.data.zero_()
        load(again, str(tmp_path / 'x.pth'))
        assert all(torch.equal(value, state[name]) for name, value in again.state_dict().items())


def test_the_average_of_the_hosts_hook(said, tmp_path):
    """It stands in state_dict, which the host's test takes; the names of the other are those of its average's buffer."""
    hook, model = EMAHook(), MODELS.build(MODEL)
    hook.ema_model = ExponentialMovingAverage(model)
    model.load_state_dict({name: value + 1 for name, value in model.state_dict().items()})
    content = dict(state_dict=dict(model.state_dict()))
    hook.before_save_checkpoint(None, content)
    torch.save(content, tmp_path / 'x.pth')
    average = {name.removeprefix('module.'): value for name, value in hook.ema_model.state_dict().items()}
    taken = read_state_dict(tmp_path / 'x.pth')
    assert all(torch.equal(value, average[name]) for name, value in taken.items())
    assert "state_dict is taken, which has the averages of mmengine's EMAHook" in said[0]
    other = read_state_dict(tmp_path / 'x.pth', container='ema_state_dict')
    again = MODELS.build(MODEL)
    again.load_state_dict(other)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in again.state_dict().items())


@pytest.mark.parametrize('size', [1, 2, 5])
def test_dinov2_s_blocks_in_chunks(size, tmp_path):
    """Its training's files: blocks go on counting through the chunks."""
    state = weights(config=dict(VIT, layer_scale=1.0, num_registers=2))
    chunked = {'mask_token': torch.zeros(1, 24), 'register_tokens': state['reg_token']}
    for name, value in state.items():
        first, _, rest = name.partition('.')
        number, _, part = rest.partition('.')
        if name != 'reg_token':
            chunked[f'blocks.{int(number) // size}.{number}.{part}' if first == 'blocks' else name] = value
    torch.save(
        dict(teacher=under('backbone.', chunked) | {'dino_head.mlp.0.weight': torch.ones(2)}), tmp_path / 'x.pth'
    )
    backbone = MODELS.build(dict(VIT, layer_scale=1.0, num_registers=2))
    load_pretrained_backbone(backbone, tmp_path / 'x.pth')
    assert all(torch.equal(value, state[name]) for name, value in backbone.state_dict().items())


@pytest.mark.parametrize('pattern', ['beit/beit-base*', 'mae/*.py', 'vit/vit_vit-b16_mln*', 'swin/swin-tiny*'])
def test_a_backbone_of_known_names_in_a_whole_model_of_the_hosts_is_no_wrapped_one(pattern, tmp_path):
    cfg = Config.fromfile(min(PUBLISHED.glob(pattern)))
    cfg.model, cfg.launcher = narrow(cfg.model), 'none'
    fit_to_devices(cfg)
    without_pretrained(cfg.model)
    saved, model = (MODELS.build(cfg.model) for _ in range(2))
    torch.save({'state_dict': saved.state_dict()}, tmp_path / 'whole.pth')
    load_whole_model(model, tmp_path / 'whole.pth')
    assert_close(dict(model.state_dict()), dict(saved.state_dict()))
