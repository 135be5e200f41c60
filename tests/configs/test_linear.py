"""Linear probes' configs: the published recipe, frozen backbones, and what is learned."""

import pytest
import torch
from mmengine.config import Config

from vitseg_tests.our_configs import build, build_on_meta, our_config

# backbone: patch, width, millions of parameters (DINOv3's published: 21, 86, 300; DINOv2's 21, 86, 300, 1100)
BACKBONES = dict(
    dinov3_s=(16, 384, 21.59),
    dinov3_b=(16, 768, 85.66),
    dinov3_l=(16, 1024, 303.13),
    dinov2_s=(14, 384, 22.06),
    dinov2_b=(14, 768, 86.58),
    dinov2_l=(14, 1024, 304.37),
    dinov2_g=(14, 1536, 1136.48),
)
PUBLISHED = [*(f'{name}_linear_ade20k' for name in BACKBONES), 'dinov3_l_linear_cityscapes']
SMALL = ['vit_small_linear_pet', 'vit_small_linear_camvid']


@pytest.mark.parametrize('name', PUBLISHED)
def test_the_published_recipe(name):
    cfg = our_config(name)
    variant, data = name.split('_linear_')
    patch, width, millions = BACKBONES[variant]
    side = 518 if patch == 14 else 512
    optimizer, (warm_up, decay) = cfg.optim_wrapper.optimizer, cfg.param_scheduler
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', 1e-3, 1e-3)
    assert (cfg.train_cfg.max_iters, warm_up.end, decay.begin, decay.end) == (40000, 1500, 1500, 40000)
    (crop,) = [step.crop_size for step in cfg.train_pipeline if step.type == 'RandomCrop']
    assert cfg.model.test_cfg == dict(mode='slide', crop_size=(side, side), stride=(341, 341))
    assert {tuple(crop), cfg.model.data_preprocessor.size} == {(side, side)}
    assert cfg.train_dataloader.batch_size == 2  # eight GPUs: 16
    assert cfg.model.data_preprocessor.mean == [123.675, 116.28, 103.53]
    assert cfg.model.decode_head.dropout_ratio == 0.1
    assert f'{variant.replace("_", "_vit")}{patch}' in cfg.model.backbone.init_cfg.checkpoint

    model = build_on_meta(cfg)
    classes = dict(ade20k=150, cityscapes=19)[data]
    learned = {name: value.shape for name, value in model.named_parameters() if value.requires_grad}
    assert learned == {
        'decode_head.bn.weight': (width,),
        'decode_head.bn.bias': (width,),
        'decode_head.conv_seg.weight': (classes, width, 1, 1),
        'decode_head.conv_seg.bias': (classes,),
    }
    assert sum(value.numel() for value in model.backbone.parameters()) / 1e6 == pytest.approx(millions, rel=1e-3)
    assert (model.backbone.patch_size, model.backbone.out_indices) == (patch, (len(model.backbone.blocks) - 1,))
    assert model.backbone.norm is not None


@pytest.mark.parametrize('name', SMALL)
def test_sizes_are_multiples_of_a_patch(name):
    cfg = our_config(name)
    for pipeline in (cfg.train_pipeline, cfg.test_pipeline):
        sizes = [step.get('crop_size') or step.scale for step in pipeline if step.type in ('RandomCrop', 'Resize')]
        assert sizes and all(side % 14 == 0 for size in sizes for side in size)


@pytest.mark.parametrize('name', [*PUBLISHED[:1], *PUBLISHED[3:4], *SMALL])
def test_a_step_changes_the_head_alone(name):
    cfg = Config(our_config(name).to_dict())
    cfg.model.backbone.update(embed_dims=32, num_heads=2, num_layers=2, init_cfg=None)
    cfg.model.decode_head.update(in_channels=32, norm_cfg=dict(type='BN'))
    model = build(cfg)
    model.init_weights()
    model.train()
    assert not any(module.training for module in model.backbone.modules())
    assert model.decode_head.bn.training
    assert model.decode_head.conv_seg.weight.std().item() == pytest.approx(0.01, rel=0.3)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW((value for value in model.parameters() if value.requires_grad), lr=1e-3)
    (features,) = model.backbone(torch.rand(2, 3, 56, 56))
    assert not features.requires_grad
    model.decode_head((features,)).square().mean().backward()
    optimizer.step()
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert changed and all(key.startswith('decode_head.') for key in changed)
