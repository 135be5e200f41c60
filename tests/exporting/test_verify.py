"""What counts as agreement."""

import math

import pytest
import torch

import mmseg_vitseg
from mmseg_vitseg.exporting.verify import compare_batch, drawn_pictures, in_values_of, random_pictures, returned_by
from vitseg_tests.paths import config_path

SHAPE = (1, 3, 1, 2)
LOGITS = torch.tensor([[[[9.0, 1.0]], [[-3.0, 1.00001]]]])  # (1, 2, 1, 2): pixels that are class 0, and all but a tie
LABELS = torch.tensor([[[0, 1]]])


def finding(returned, labels=False, logits=LOGITS, expected=LABELS):
    return compare_batch('drawn', SHAPE, returned, logits, expected, 0.5, labels)


def test_logits():
    near = finding(LOGITS + 5e-4)
    assert near.agrees
    assert (near.wrong, near.largest) == (0, 9)
    assert near.difference == pytest.approx(5e-4, rel=1e-2)
    assert '1 x 1 x 2, drawn pictures: largest difference 5.0e-04 in logits up to 9; 0 of 2 labels' in str(near)
    assert not finding(LOGITS + 2e-3).agrees
    assert not finding(LOGITS * math.nan).agrees


def test_labels_may_differ_where_the_model_is_undecided():
    tie = finding(torch.tensor([[[0, 0]]]), labels=True)
    assert (tie.agrees, tie.wrong) == (True, 1)
    clear = finding(torch.tensor([[[1, 1]]]), labels=True)
    assert (clear.agrees, clear.wrong, clear.difference) == (False, 1, 12)


def test_labels_of_a_single_class():
    probability = torch.tensor([[[[0.9, 0.50001]]]])
    expected = torch.tensor([[[1, 1]]])
    tie = finding(torch.tensor([[[1, 0]]]), True, probability, expected)
    assert (tie.agrees, tie.wrong) == (True, 1)
    assert not finding(torch.tensor([[[0, 1]]]), True, probability, expected).agrees
    assert finding(probability, False, probability, expected).wrong == 0


def test_another_shape_and_a_file_that_cannot_be_run():
    with pytest.raises(
        ValueError, match=r'returns \(1, 2, 1, 1\) for pictures \(1, 3, 1, 2\); \(1, 2, 1, 2\) is right'
    ):
        finding(LOGITS[..., :1])
    with pytest.raises(ValueError, match=r'cannot be run on pictures \(1, 3, 1, 2\) \(ZeroDivisionError'):
        returned_by(lambda images: 1 / 0, torch.zeros(SHAPE))


@pytest.mark.parametrize('pictures', [random_pictures, drawn_pictures])
def test_pictures_are_whole_numbers_and_the_same_each_time(pictures):
    images = pictures((2, 5, 40, 64))
    assert (images.shape, images.dtype) == ((2, 5, 40, 64), torch.float32)
    assert torch.equal(images, images.round().clamp(0, 255))
    assert images.std() > 20
    assert torch.equal(images, pictures((2, 5, 40, 64)))


def test_pictures_of_bands_have_the_values_that_a_model_knows():
    for name, means in (('multispectral_shapes', [970, 1270, 1510, 2520, 2840, 2450]), ('quickstart', [127.5] * 3)):
        model = mmseg_vitseg.load_model(config_path(name), device='cpu')
        images = in_values_of(model, random_pictures((2, len(means), 64, 64)))
        torch.testing.assert_close(images.mean((0, 2, 3)), torch.tensor(means).float(), rtol=0.05, atol=0)
