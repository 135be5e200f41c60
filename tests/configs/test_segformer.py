"""SegFormer's configs have the published sizes and costs, and are the host's configs."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmseg_vitseg.checkpoints.accounting import account_for
from vitseg_tests.our_configs import build_on_meta, check_recipe, host_twin, our_config

# Millions of parameters as published (arXiv 2105.15203), and what the paper calls GFLOPs: multiplications with their
# additions counted once; B5's at 640 x 640
SEGFORMER = dict(
    b0=(3.8, 8.4),
    b1=(13.7, 15.9),
    b2=(27.5, 62.4),
    b3=(47.3, 79.0),
    b4=(64.1, 95.7),
    b5=(84.7, 183.3),
)


@pytest.mark.parametrize('data', ['ade20k', 'cityscapes'])
@pytest.mark.parametrize('size', SEGFORMER)
def test_segformer_is_the_hosts_published_config(size, data, monkeypatch):
    """With the host's decoder, that is: every weight of the host's model has its place in ours."""
    crops = dict(ade20k='512x512', cityscapes='1024x1024')[data]
    ours = our_config(f'segformer_{size}_{data}')
    host = host_twin('segformer', f'mit-{size}', f'{data}-{crops}')
    check_recipe(ours, host)
    ours.merge_from_dict({'model.decode_head.linear_projection': False, 'model.decode_head.channels': 256})
    monkeypatch.setattr(torch, 'linspace', partial(torch.linspace, device='cpu'))  # the host reads its values
    model, twin = build_on_meta(ours), build_on_meta(host)
    account_for(model, twin.state_dict(), 'the host')
    assert [x.drop_prob for x in drop_paths(model)] == pytest.approx([x.drop_prob for x in drop_paths(twin)[1::2]])
    assert model.decode_head.dropout_ratio == twin.decode_head.dropout_ratio


def drop_paths(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if type(module).__name__ == 'DropPath' and module.drop_prob > 0]


@pytest.mark.parametrize('size', SEGFORMER)
def test_segformer_has_the_published_size_and_a_fraction_of_the_cost(size):
    """The paper's decoder step by step, as HF runs it, costs the published figure; ours the encoder and little more."""
    transformers = pytest.importorskip('transformers', reason='no transformers to compare with')
    millions, published = SEGFORMER[size]
    model = build_on_meta(our_config(f'segformer_{size}_ade20k'))
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 1) == millions
    side = 640 if size == 'b5' else 512
    with torch.device('meta'):
        image = torch.empty(1, 3, side, side)
        hf = transformers.SegformerForSemanticSegmentation(
            transformers.SegformerConfig(
                depths=[len(stage.blocks) for stage in model.backbone.stages],
                hidden_sizes=list(model.decode_head.in_channels),
                decoder_hidden_size=model.decode_head.channels,
                num_labels=150,
            )
        )
    plain = multiplications(lambda: hf.eval()(image))
    encoder = multiplications(lambda: model.backbone(image))
    total = multiplications(lambda: model(image))
    assert plain == pytest.approx(published, rel=0.01)
    assert total - encoder < 0.25 * (plain - encoder)


def multiplications(run) -> float:
    """Count the multiplications of matrix products, convolutions and attention, in billions."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    return counter.get_total_flops() / 2e9  # it counts the additions too
