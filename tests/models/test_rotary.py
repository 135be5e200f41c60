"""Tables of rotary positions: once a size, never in the way of copies, loading, precision or inference mode."""

import copy
import pickle

import pytest
import torch
from torch.testing import assert_close

from mmseg_vitseg.models import rotary
from mmseg_vitseg.models.rotary import KEPT, RotaryPositions
from mmseg_vitseg.ops.rotary import rotary_periods, rotary_table


def make() -> RotaryPositions:
    return RotaryPositions(head_dims=16, base=100.0, rescale=2.0).eval()


def test_a_table_is_computed_once_a_size(monkeypatch):
    rope, calls = make(), []
    monkeypatch.setattr(rotary, 'rotary_table', lambda *arguments: calls.append(1) or rotary_table(*arguments))
    assert rope((3, 4)) is rope((3, 4))
    assert rope((4, 3)) is not rope((3, 4))
    assert len(calls) == 2
    for side in range(5, 5 + KEPT):
        rope((side, side))
    assert len(rope._tables) == KEPT
    for copied in (copy.deepcopy(rope), pickle.loads(pickle.dumps(rope))):
        assert not copied._tables
        assert torch.equal(copied((3, 4)), rope((3, 4)))
    assert list(rope.state_dict()) == ['periods']


def test_a_table_of_inference_mode_serves_training():
    rope = make()
    with torch.inference_mode():
        rope((2, 2))
    weight = torch.ones(1, requires_grad=True)
    (weight * rope((2, 2))).sum().backward()
    assert weight.grad is not None


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16, torch.float64])
def test_periods_stay_float32(dtype):
    rope = make()
    expected = rope((3, 5))
    assert rope.to(dtype).periods.dtype == torch.float32
    assert torch.equal(rope((3, 5)), expected)
    assert rope.to('meta').periods.is_meta


def test_other_periods_make_another_table():
    """As DINOv3's authors' files have them, rounded to bfloat16; a file without any leaves them."""
    rope = make()
    before = rope((3, 4))
    rounded = rotary_periods(100.0, 16).bfloat16().float()
    rope.load_state_dict(dict(periods=rounded))
    assert_close(rope((3, 4)), rotary_table((3, 4), rounded))
    assert not torch.equal(rope((3, 4)), before)
    rope.load_state_dict({})
    assert torch.equal(rope.periods, rounded)
    assert not torch.equal(rope((3, 4)), before)
    with torch.no_grad():
        rope.periods.copy_(rotary_periods(100.0, 16))  # as FSDP loads
    assert torch.equal(rope((3, 4)), before)


def test_meta():
    with torch.device('meta'):
        assert make()((3, 4)).shape == (2, 12, 8)
