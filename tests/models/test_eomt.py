"""EoMT against Hugging Face's of the same weights: what the queries predict, in evaluation and at every step of training."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.checkpoints.fitting import fit_to
from mmseg_vitseg.models import EoMT
from mmseg_vitseg.registry import MODELS

pytest.importorskip('transformers', reason='no transformers to compare with')

from vitseg_tests.eomt_files import FAMILIES, QUERIES, SIDE

DEPTH, BLOCKS = 4, 3
KINDS = ['DINOv2', 'DINOv2-g', 'DINOv3']  # the gated one, Hugging Face has with other heads


def pair(family: str, **backbone) -> tuple[nn.Module, EoMT]:
    theirs = FAMILIES[family].hugging_face(num_hidden_layers=DEPTH, num_blocks=BLOCKS)
    config = FAMILIES[family].segmentor(head=dict(num_blocks=BLOCKS), backbone=dict(num_layers=DEPTH, **backbone))
    ours = MODELS.build(config)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours.eval()


def predictions_of(theirs: nn.Module, images: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What HF's predicts before each block and at the end; it returns the last alone."""
    found = []

    def keep(tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        masks, classes = type(theirs).predict(theirs, tokens)
        found.append((classes, masks))
        return masks, classes

    theirs.predict = keep
    theirs(images)
    del theirs.predict
    return found


@pytest.mark.parametrize('family', KINDS)
def test_evaluation_is_theirs_without_masks(family):
    theirs, ours = pair(family)
    images = torch.randn(2, 3, SIDE, SIDE)
    (expected,), (found,) = predictions_of(theirs, images), ours.extract_feat(images)
    assert_close(found, expected, check_dtype=True)


@pytest.mark.parametrize('with_cp', [False, True])
@pytest.mark.parametrize('probs', [(1, 1, 1), (0.5, 1, 1), (0.3, 0.7, 0.9), (0, 0.2, 1), (0, 0, 0)])
@pytest.mark.parametrize('family', KINDS)
def test_training_is_theirs_at_each_stage_of_annealing(family, probs, with_cp, monkeypatch):
    """All outputs, and the gradients of a function of them; queries left free are the same ones."""
    theirs, ours = pair(family, with_cp=with_cp)
    theirs.attn_mask_probs.copy_(torch.tensor(probs))
    ours.decode_head.set_mask_probs(probs)
    images = torch.randn(2, 3, SIDE, SIDE)
    drawn = torch.rand(2, QUERIES).clamp(min=1e-3)
    monkeypatch.setattr(torch, 'rand', lambda *args, **kwargs: drawn)
    outputs = []
    for model in (theirs, ours):
        torch.manual_seed(1)  # the rescale of coordinates
        model.train()
        outputs.append(predictions_of(theirs, images) if model is theirs else ours.extract_feat(images))
        sum((each * weights_like(each)).mean() for output in outputs[-1] for each in output).backward()
    assert len(outputs[1]) == BLOCKS + 1
    for expected, found in zip(*outputs, strict=True):
        assert_close(tuple(found), expected)
    gradients = {name: value.grad for name, value in theirs.named_parameters() if value.grad is not None}
    expected = fit_to(ours, gradients, 'gradients').weights
    for name, value in ours.named_parameters():
        if name == 'backbone.pos_embed':  # the class token has one here
            assert_close(value.grad[:, :1], ours.backbone.cls_token.grad)
            value.grad[:, :1] = 0
        assert_close(value.grad, expected[name].reshape(value.shape), rtol=1e-4, atol=1e-5, msg=name)


def weights_like(output: torch.Tensor) -> torch.Tensor:
    return torch.linspace(-1, 1, output[0].numel()).reshape(output[0].shape)
