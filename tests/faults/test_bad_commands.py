"""Mistakes in a command line: flags, folders for results, what is there already."""

from pathlib import Path

import pytest

from vitseg_tests.breaking import COMPARE, PREDICT, TEST, TRAIN, check_end

CONVERT, BENCHMARK = 'convert_checkpoint small.pth', 'benchmark small.py'
UPGRADE, PREPARE = 'upgrade_config small.py', 'prepare_pet --out'
DEVICE = '--device cud: cannot be used here .Expected one of cpu'
LINES = [
    ('train', 'required: CONFIG; see .*--help'),
    (f'{TRAIN} --seed abc', "--seed: 'abc' is not a whole number; allowed: 0 to 4294967295"),
    (f'{TRAIN} --work-dir small.py', '--work-dir small.py: cannot be made'),
    (f'{TRAIN} --launcher pytorch', 'start with tools/dist_train.sh CONFIG N'),
    ('test small.py', 'required: CHECKPOINT'),
    (f'{TEST} --out small.py', '--out small.py: a file; name a folder'),
    (f'{TEST} --show-dir small.py', '--show-dir small.py: a file; name a folder'),
    (f'{TEST} --tta', '--tta: small.py has no tta_pipeline and no tta_model; configs/_base_/datasets/shapes.py'),
    (PREDICT.replace('--out out', '--out small.py'), 'small.py: cannot be made a folder'),
    ('report small.py small.pth --out small.py', 'small.py: cannot be made a folder'),
    (f'{PREDICT} --device cud', DEVICE),
    (f'{PREDICT} --opacity nan', '--opacity nan: allowed: 0 to 1'),
    (COMPARE.replace('sheet.png', 'x.txt'), '--out x.txt: name a picture'),
    (COMPARE.replace('--a small.py small.pth', '--a small.py'), '--a: expected 2'),
    (f'{COMPARE} --device cud', DEVICE),
    (f'{BENCHMARK} --device cud', DEVICE),
    (f'{BENCHMARK} --json pet', 'pet: a folder; name a file'),
    (f'{BENCHMARK} --plot x.foo', '--plot x.foo: allowed: .png'),
    (f'{BENCHMARK} --shape 0 32', '--shape: 0; at least 1 is needed'),
    (f'{CONVERT} small.pth', 'is the source itself'),
    (f'{CONVERT} x.txt', "ends in '.txt'; allowed: .safetensors, .pth"),
    (f'{CONVERT} new.pth --config pet', 'pet: a folder; name a config file'),
    (f'{UPGRADE} new.py', 'small.py: has nothing for which'),
    (f'{UPGRADE} small.py', 'is there already; --force writes over it'),
    (f'{PREPARE} small.py', 'small.py: a file; name a folder'),
    (f'{PREPARE} new --archives pet', 'images.tar.gz: no such archive; get it from'),
    (f'{PREPARE} new --url ftp://x', 'only http and https'),
]


@pytest.mark.parametrize(('line', 'words'), LINES)
def test_lines(folder, call, line, words):
    check_end(call, line, words)


def test_a_folder_for_a_picture(folder, call):
    Path('sheet.png').mkdir()
    check_end(call, f'{COMPARE} photo.png', 'sheet.png: a folder; name a file')
