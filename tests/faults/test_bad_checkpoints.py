"""Bad checkpoints through the commands' own command lines."""

from pathlib import Path

import numpy as np
import pytest
import torch

from vitseg_tests.breaking import COMPARE, PREDICT, TEST, TRAIN, check_end, cut, saved, text, weights

KERNEL, POSITIONS = 'backbone.patch_embed.proj.weight', 'backbone.pos_embed'
FIT = 'convert_checkpoint small.pth new.pth --config small.py'

FILES = [
    (text(''), PREDICT, 'small.pth: the file is empty; fetch it again'),
    (cut(5000), PREDICT, 'small.pth: not a checkpoint, or damaged'),
    (cut(5000), TEST, 'small.pth: not a checkpoint, or damaged'),
    (text('<html>'), f'{COMPARE} photo.png', 'small.pth: a web page, not a checkpoint'),
    (saved({'fc.weight': torch.ones(3)}), PREDICT, 'not a format that is known .*names are fc.weight'),
    (saved([1, 2]), PREDICT, 'small.pth: holds a list, not a dict of tensors'),
    (saved({'state_dict': {1: torch.ones(3)}}), PREDICT, 'no weights found; its entries are 1'),
]

SHAPES = rf'1 of another shape \({KERNEL} \(\), the model has \(16, 192\)\)'
WEIGHTS = [
    (KERNEL, lambda x: x, 'bakbone', PREDICT, rf'1 missing \({KERNEL}\); 1 not in the model \(bakbone\)'),
    (POSITIONS, lambda x: None, '', TEST, rf'1 missing \({POSITIONS}\)'),
    (KERNEL, lambda x: torch.ones(()), '', PREDICT, SHAPES),
    (POSITIONS, lambda x: torch.ones(1, 0, 16), '', FIT, rf'1 of another shape \({POSITIONS} \(1, 0, 16\)'),
    (KERNEL, lambda x: x.to_sparse(), '', PREDICT, 'is sparse, complex or'),
    (KERNEL, lambda x: x * 1j, '', PREDICT, 'is sparse, complex or'),
    (KERNEL, lambda x: x.to('meta'), '', PREDICT, 'without data'),
    (KERNEL, lambda x: x * np.nan, '', PREDICT, rf'small.pth: NaN or infinity in 1 of \d+ tensors: {KERNEL}'),
]

NAMES = [
    (PREDICT.replace('small.pth', 'none.pth'), 'none.pth: no such checkpoint file'),
    (PREDICT.replace('small.pth', 'pet'), 'pet: a folder; name a checkpoint file'),
    (PREDICT.replace('small.pth', 'file:///etc/passwd'), 'only local files, http'),
    (PREDICT.replace('small.pth', 'http://'), 'http://: names no file'),
    (PREDICT.replace('small.pth', 'hf://x'), 'write hf://owner/name'),
    (f'{TRAIN} --cfg-options load_from=ftp://x/y.pth', 'only local files, http'),
    (f'{TRAIN} --resume ftp://x/y.pth', 'only local files, http'),
    (f'{TRAIN} --resume none.pth', 'none.pth: no such checkpoint file'),
    (f'{TRAIN} --resume small.pth', 'weights without the state of a training'),
]


@pytest.mark.parametrize(('way', 'line', 'words'), FILES)
def test_files(folder, call, way, line, words):
    way(Path('small.pth'))
    check_end(call, line, words)


@pytest.mark.parametrize(('name', 'change', 'new_name', 'line', 'words'), WEIGHTS)
def test_weights(folder, call, name, change, new_name, line, words):
    weights(name, change, new_name)(Path('small.pth'))
    check_end(call, line, words)


@pytest.mark.parametrize(('line', 'words'), NAMES)
def test_names(folder, call, line, words):
    check_end(call, line, words)


def test_half_the_state_of_a_training(folder, call):
    torch.save({**torch.load('small.pth'), 'optimizer': {}}, 'small.pth')
    check_end(call, f'{TRAIN} --resume small.pth', 'weights without the state of a training.*load_from=small.pth')
