"""SETR's decoders, SegFormer's and the linear patch head on DINOv3: a user's config on one of ours, made small."""

import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.checkpoints.loading import load_weights
from mmseg_vitseg.config.building import build_model
from vitseg_tests.paths import config_path
from vitseg_tests.weights import randomise

transformers = pytest.importorskip('transformers', reason='no transformers to compare with')

WIDTH, LEVELS = 32, (0, 1, 2, 3)
IMAGENET = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
# _delete_: what the other backbone's config says, as its norm's eps, would win over the variant's
ON_DINOV3 = """
_base_ = {base!r}
model = dict(
    backbone=dict(_delete_=True, type='mmseg_vitseg.VisionTransformer', variant='dinov3_s', out_indices={levels}),
    {rest}
)
"""
CONFIGS = {
    'setr_naive_ade20k': 'decode_head=dict(in_channels=32)',
    'setr_pup_ade20k': 'decode_head=dict(in_channels=32)',
    'setr_mla_ade20k': 'neck=dict(in_channels=[32] * 4)',
    'vit_segformer_ade20k': 'decode_head=dict(in_channels=[32] * 4)',
    # its own model norms the image by a batch norm
    'vit_linear_pet': f'data_preprocessor={IMAGENET}, decode_head=dict(in_channels=32)',
}


def theirs() -> nn.Module:
    config = transformers.DINOv3ViTConfig(
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=len(LEVELS),
        num_attention_heads=2,
        num_register_tokens=4,
        out_indices=[level + 1 for level in LEVELS],
    )
    return randomise(transformers.DINOv3ViTBackbone(config))


@pytest.mark.parametrize('name', CONFIGS)
def test_a_decoder_on_dinov3(name, tmp_path):
    """It predicts what it does of HF's features, and learns, the backbone with it."""
    levels = LEVELS[-1:] if name == 'vit_linear_pet' else LEVELS
    text = ON_DINOV3.format(base=str(config_path(name)), levels=levels, rest=CONFIGS[name])
    (tmp_path / 'mine.py').write_text(text)
    cfg = Config.fromfile(tmp_path / 'mine.py')
    cfg.model.backbone.update(embed_dims=WIDTH, num_heads=2, num_layers=len(LEVELS))
    cfg.model.auxiliary_head = None
    reference, model = theirs(), randomise(build_model(cfg))
    load_weights(model.backbone, reference.state_dict(), 'theirs')
    images = torch.randn(2, 3, 48, 64)
    with torch.no_grad():
        features = tuple(reference(images).feature_maps[level] for level in levels)
        features = model.neck(features) if model.with_neck else features
        assert_close(model(images), model.decode_head(features))

    samples = [SegDataSample(metainfo=dict(img_shape=(48, 64))) for _ in images]
    for sample in samples:
        sample.gt_sem_seg = PixelData(data=torch.randint(3, (1, 48, 64)))
    losses = model.train().loss(images, samples)
    sum(value for key, value in losses.items() if 'loss' in key).backward()
    without = {key for key, value in model.named_parameters() if value.grad is None or not value.grad.isfinite().all()}
    assert without == set()
