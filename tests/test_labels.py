"""The rule of what a label may be, against sets; the label that does not count, against the host's own defaults."""

import inspect

import numpy as np
import pytest
import torch
from mmseg.datasets import BaseSegDataset
from mmseg.models.decode_heads.decode_head import BaseDecodeHead

from mmseg_vitseg.labels import IGNORED, check_labels, is_no_class, usable_labels


def test_ignored_is_what_the_hosts_heads_and_data_sets_ignore():
    for cls in (BaseDecodeHead, BaseSegDataset):
        assert inspect.signature(cls).parameters['ignore_index'].default == IGNORED


@pytest.mark.parametrize('kind', [torch.tensor, np.array])
@pytest.mark.parametrize('ignored', [(), (IGNORED,), (0, -1)])
def test_a_label_is_a_class_or_ignored(ignored, kind):
    labels = [[-1, 0, 1], [2, 3, IGNORED]]
    expected = [[label not in {0, 1, 2, *ignored} for label in row] for row in labels]
    assert is_no_class(kind(labels), 3, ignored).tolist() == expected


def test_others_are_counted_and_named():
    labels = torch.tensor([[0, 3, 3], [254, -1, IGNORED]])
    line = 'labels -1, 3, 254 with num_classes=3; allowed: 0 to 2 and ignore_index=255; 4 pixels have others'
    with pytest.raises(ValueError, match=line):
        check_labels(labels, 3, IGNORED)
    check_labels(labels, 4, IGNORED, [254, -1, None])
    with pytest.raises(ValueError, match='labels 255'):
        check_labels(labels, 4, None, [254, -1])


def test_usable_labels(monkeypatch):
    """On a CPU as they are, or an error; on CUDA, where nothing waits, each that is no class is one, and that is said."""
    labels = torch.tensor([[0, 3, 7], [2, -1, IGNORED]])
    assert usable_labels(labels, 4, IGNORED, [7, -1]) == (labels, None)
    with pytest.raises(ValueError, match='labels -1, 3'):
        usable_labels(labels, 3, IGNORED, [7])
    monkeypatch.setattr('mmseg_vitseg.labels.as_on_cuda', lambda device: True)
    usable, wrong = usable_labels(labels, 3, IGNORED, [7])
    assert usable.tolist() == [[0, 0, 7], [2, 0, IGNORED]]
    assert (wrong.shape, wrong.item()) == ((), True)
    assert not usable_labels(usable, 3, IGNORED, [7])[1]
