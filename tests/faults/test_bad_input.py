"""Bad input through the tools' own command lines: one line that says what, where and how to mend it; or it works.

A case is a name, what is broken, a command line and the words of the error; ``WORKS`` where there is none, ``LEFT_OUT``
and the words where predict.py goes on without the file. What tests of the modules check in depth is not here again.
"""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

WORKS = ('works',)
LEFT_OUT = ('left out',)

PREDICT = 'predict small.py small.pth photo.png --out out'
COMPARE = 'compare --a small.py small.pth --b small.py small.pth --out sheet.png'
TRAIN, TEST = 'train small.py', 'test small.py small.pth'
MASK = 'pet/annotations/trimaps/a.png'
PHOTO = 'pet/images/a.jpg'


def nothing() -> None:
    """Break nothing: the command line is the mistake."""


def text(path: str, content: str | bytes):
    return lambda: Path(path).write_bytes(content if isinstance(content, bytes) else content.encode())


def config(old: str, new: str):
    """Replace a piece of the config."""

    def replace() -> None:
        content = Path('small.py').read_text()
        assert old in content
        Path('small.py').write_text(content.replace(old, new))

    return replace


def picture(path: str, mode: str, size: tuple[int, int], value=1, **options):
    return lambda: Image.new(mode, size, value).save(path, **options)


def cut(path: str, length: int):
    return lambda: Path(path).write_bytes(Path(path).read_bytes()[:length])


def saved(content):
    return lambda: torch.save(content, 'small.pth')


def weights(change):
    """Change the checkpoint's state dict, in place."""

    def apply() -> None:
        content = torch.load('small.pth')
        change(content['state_dict'])
        torch.save(content, 'small.pth')

    return apply


def both(*steps):
    return lambda: [step() for step in steps]


def every_mask(value: int) -> None:
    for path in Path('pet/annotations/trimaps').iterdir():
        Image.fromarray(np.full((30, 40), value, np.uint8)).save(path)


def option(setting: str, words: str, command: str = PREDICT) -> tuple:
    return nothing, f'{command} --cfg-options {setting}', words


CONFIGS = {
    'a name misspelt': (nothing, PREDICT.replace('small.py', 'smal.py'), 'smal.py: no such config; did you mean small'),
    'a folder': (nothing, PREDICT.replace('small.py', 'pet'), 'pet: a folder; name a config file'),
    'not Python': (
        text('small.py', 'model = dict('),
        PREDICT,
        'small.py: cannot be read: SyntaxError: .* was never closed',
    ),
    'not text': (text('small.py', b'\xff\xfe\0'), PREDICT, 'small.py: cannot be read'),
    'empty': (text('small.py', ''), PREDICT, 'small.py: has no model'),
    'empty, train': (text('small.py', ''), TRAIN, 'small.py: has no model'),
    'empty, compare': (text('small.py', ''), f'{COMPARE} photo.png', 'small.py: has no model'),
    'empty, upgrade': (text('small.py', ''), 'upgrade_config small.py new.py', 'small.py: has no model'),
    'a model that is a list': (text('small.py', 'model = []'), PREDICT, 'small.py: has no model'),
    'a base that is not there': (text('small.py', "_base_ = './none.py'"), PREDICT, 'small.py: cannot be read'),
    'another kind of file': (text('x.txt', ''), PREDICT.replace('small.py', 'x.txt'), 'Only py/yml/yaml/json'),
    'unknown type': option(
        'model.backbone.type=mmseg_vitseg.ViT', 'small.py: cannot be built: KeyError.*mmseg_vitseg.ViT'
    ),
    'unknown scope': option('model.decode_head.type=nowhere.Head', 'small.py: cannot be built: KeyError.*nowhere.Head'),
    'misspelt argument': option('model.backbone.embed_dim=8', "no argument 'embed_dim'; did you mean 'embed_dims'"),
    'misspelt argument of a head': option('model.decode_head.in_chanels=8', "cannot be built.*'in_chanels'"),
    'misspelt argument of a hook': option(
        'default_hooks.checkpoint.intervall=1',
        "checkpoint.intervall: AtomicCheckpointHook has no argument of this name.*did you mean 'interval'",
        TRAIN,
    ),
    'misspelt argument of the loop': option(
        'train_cfg.max_epoch=2', "cfg.max_epoch: .*did you mean 'max_epochs'", TRAIN
    ),
    'wrong length': option('model.backbone.img_size=32,32,32', 'img_size=.*allowed: an int or'),
    'no size': option('model.backbone.img_size=None', 'img_size=None; allowed: an int or'),
    'negative width': option('model.backbone.embed_dims=-16', 'embed_dims=-16; at least 1 is needed, a whole number'),
    'half a width': option('model.backbone.embed_dims=16.5', 'embed_dims=16.5; at least 1 is needed, a whole number'),
    'no blocks': option('model.backbone.num_layers=0', 'num_layers=0; at least 1 is needed, a whole number'),
    'patches of no size': option('model.backbone.patch_size=0', 'patch_size=0; at least 1 is needed, a whole number'),
    'a word for a number': option('model.backbone.patch_size=eight', "patch_size='eight'; at least 1 is needed"),
    'patches of the head': option(
        'model.decode_head.patch_size=0', 'LinearPatchHead: patch_size=0; at least 1 is needed'
    ),
    'heads that do not divide': option('model.backbone.num_heads=3', 'num_heads=3 must divide embed_dims=16'),
    'a block that is not there': option(
        'model.backbone.out_indices=7', 'out_indices=7 with 1 blocks; allowed: -1 to 0'
    ),
    'too much dropout': option('model.backbone.drop_rate=2', 'drop_rate=2; allowed: 0 to 1'),
    'negative stochastic depth': option('model.backbone.drop_path_rate=-1', 'drop_path_rate=-1; allowed: 0 to 1'),
    'no classes': option('model.decode_head.num_classes=0', 'num_classes=0; at least 1 is needed, a whole number'),
    'negative classes': option(
        'model.decode_head.num_classes=-3', 'num_classes=-3; at least 1 is needed, a whole number'
    ),
    'classes in words': option('model.decode_head.num_classes=three', "num_classes='three'; at least 1 is needed"),
    'channels that do not fit': option(
        'model.decode_head.in_channels=17',
        'decode_head.in_channels: 17, .* widths 16 .*; model.decode_head.in_channels=16',
        TRAIN,
    ),
    'a level that is not there': option(
        'model.decode_head.in_index=3', 'decode_head.in_index: 3, and there are 1 levels', TRAIN
    ),
    'images of other channels': option(
        'model.backbone.in_channels=4', 'VisionTransformer: in_channels=4, but the images have 3 channels', TRAIN
    ),
    'patches that do not cover': option(
        'model.decode_head.patch_size=4',
        'decode_head: LinearPatchHead: .* patches of 4 pixels does not cover an image of 32 x 32',
        TRAIN,
    ),
    'a batch of none': option('train_dataloader.batch_size=0', 'batch_size=0', TRAIN),
    'a step that is none': option(
        'train_dataloader.dataset.pipeline.2.type=Resiz', "'Resiz' is not in the .*did you mean 'Resize'", TRAIN
    ),
    'a loss that is none': option(
        'model.decode_head.loss_decode.type=Los', "loss_decode.type: 'Los' is not in the", TRAIN
    ),
    'an optimizer that is none': option(
        'optim_wrapper.optimizer.type=AdamX', "optimizer.type='AdamX' is not known; did you mean 'Adam", TRAIN
    ),
    'a data set that is none': option('train_dataloader.dataset.type=Foo', "'Foo' is not in the", TRAIN),
    'a rate in words': option('optim_wrapper.optimizer.lr=abc', "optimizer.lr='abc'; a number is needed", TRAIN),
    'a training of no epoch': option('train_cfg.max_epochs=0', 'train_cfg.max_epochs=0; at least 1', TRAIN),
    'a seed below zero': option('randomness.seed=-1', 'Seed must be between 0', TRAIN),
    'no name before =': option('=1', "'=1' is not KEY=VALUE", TRAIN),
    'nothing to load from': option('load_from=', WORKS, TRAIN),
    'an index that is not there': option('train_dataloader.dataset.pipeline.9.type=Resize', 'Index 9 exceeds', TRAIN),
    'fewer classes than the model': (
        config("'annotations/test.txt',", "'annotations/test.txt', metainfo=dict(classes=('x', 'y')),"),
        PREDICT,
        'the model predicts 3 classes, the data set names 2',
    ),
    'a palette that is too short': (
        config("'annotations/test.txt',", "'annotations/test.txt', metainfo=dict(palette=[[1, 2, 3]]),"),
        PREDICT,
        '3 classes and a palette of 1',
    ),
    'a colour that is none': (
        config("'annotations/test.txt',", "'annotations/test.txt', metainfo=dict(palette=[[0, 0, 300]] * 3),"),
        PREDICT,
        'three numbers from 0 to 255',
    ),
    'weights that are not there': (
        config('img_size=32', "img_size=32, init_cfg=dict(type='Pretrained', checkpoint='none.pth')"),
        TRAIN,
        "no file 'none.pth': .*init_cfg=None",
    ),
    'weights without a name': (
        config('img_size=32', "img_size=32, init_cfg=dict(type='Pretrained')"),
        TRAIN,
        'names no checkpoint',
    ),
}

THIN = 'predict small.py small.pth x.png --out out'
RATIO = config('keep_ratio=False', 'keep_ratio=True')
IMAGES = {
    'empty': (text('x.png', ''), THIN, (*LEFT_OUT, 'x.png: not a picture, or damaged')),
    'text with the name of a picture': (text('x.png', 'hello'), THIN, (*LEFT_OUT, 'x.png: not a picture, or damaged')),
    'truncated': (cut('photo.png', 600), PREDICT, (*LEFT_OUT, 'photo.png: not a picture, or damaged')),
    '32 bits': (picture('x.tif', 'F', (9, 9)), THIN.replace('png', 'tif'), (*LEFT_OUT, 'Convert it to 8 or 16 bits')),
    '1 x 1': (picture('x.png', 'RGB', (1, 1)), THIN, WORKS),
    '20000 x 3': (picture('x.png', 'RGB', (20000, 3)), THIN, WORKS),
    '20000 x 3, its ratio kept': (
        both(picture('x.png', 'RGB', (20000, 3)), RATIO),
        THIN,
        (*LEFT_OUT, "x.png: a picture of 3 x 20000 does not go through the config's test pipeline"),
    ),
    '20000 x 3, compared': (picture('x.png', 'RGB', (20000, 3)), f'{COMPARE} x.png', WORKS),
    '3 x 20000, compared': (picture('x.png', 'RGB', (3, 20000)), f'{COMPARE} x.png', WORKS),
    'grey': (picture('x.png', 'L', (9, 9)), THIN, WORKS),
    'RGBA': (picture('x.png', 'RGBA', (9, 9), 0), THIN, WORKS),
    '16 bits': (picture('x.png', 'I;16', (9, 9)), THIN, WORKS),
    'CMYK': (picture('x.jpg', 'CMYK', (9, 9)), THIN.replace('png', 'jpg'), WORKS),
    'animated': (
        picture('x.gif', 'P', (9, 9), save_all=True, append_images=[Image.new('P', (9, 9), 5)]),
        THIN.replace('png', 'gif'),
        WORKS,
    ),
    'a folder without pictures': (lambda: Path('x.png').mkdir(), THIN, 'x.png: no picture or video in it'),
    'damaged, compared': (text('x.jpg', 'hello'), f'{COMPARE} x.jpg', 'x.jpg: not a picture, or damaged'),
    'empty, in the data': (text(PHOTO, ''), TRAIN, f'{PHOTO}: not an image, or damaged .of no format that is known.'),
    'truncated, in the data': (cut(PHOTO, 600), TRAIN, f'{PHOTO}: not an image, or damaged .*take it off the split'),
    'grey, in the data': (picture(PHOTO, 'L', (40, 30)), TRAIN, WORKS),
    'CMYK, in the data': (picture(PHOTO, 'CMYK', (40, 30)), TRAIN, WORKS),
    'RGBA, in the data': (picture(PHOTO, 'RGBA', (40, 30), 0, format='PNG'), TRAIN, WORKS),
    '16 bits, in the data': (
        picture(PHOTO, 'I;16', (40, 30), format='PNG'),
        TRAIN,
        f'{PHOTO}: .*mode I;16, more than 8 bits; convert it to 8 bits',
    ),
    '20000 x 3, in the data': (
        both(picture(PHOTO, 'RGB', (20000, 3)), picture(MASK, 'L', (20000, 3))),
        TRAIN,
        WORKS,
    ),
    '1 x 1, in the data': (
        both(picture(PHOTO, 'RGB', (1, 1)), picture(MASK, 'L', (1, 1))),
        TRAIN,
        f'{MASK}: not a mask, or damaged .a side of one pixel',
    ),
}

MASKS = {
    'a palette': (
        lambda: Image.fromarray(np.ones((30, 40), np.uint8)).convert('P').save(MASK),
        TRAIN,
        WORKS,
    ),
    'colours': (
        picture(MASK, 'RGB', (40, 30), (1, 1, 1)),
        TRAIN,
        f'{MASK}: the mask is 30 x 40 x 3, its image .* 30 x 40',
    ),
    'another size': (picture(MASK, 'L', (30, 40)), TRAIN, f'{MASK}: the mask is 40 x 30, its image .* 30 x 40'),
    'a value out of range': (
        picture(MASK, 'L', (40, 30), 7),
        TRAIN,
        f'{MASK}: the mask has the value 7; allowed: 1, 2, 3',
    ),
    'a value out of range, unchecked': (
        both(config('values=(1, 2, 3)', 'values=None'), picture(MASK, 'L', (40, 30), 7)),
        TRAIN,
        'labels 6 with num_classes=3; allowed: 0 to 2 and ignore_index=255',
    ),
    'a value out of range, unchecked, test': (
        both(config('values=(1, 2, 3)', 'values=None'), lambda: every_mask(7)),
        TEST,
        'png: labels 6 with num_classes=3; allowed: 0 to 2 and ignore_index=255',
    ),
    '16 bits of small values': (picture(MASK, 'I;16', (40, 30)), TRAIN, WORKS),
    '16 bits': (picture(MASK, 'I;16', (40, 30), 257), TRAIN, f'{MASK}: .*mode I;16, masks have 8 bits'),
    'empty': (text(MASK, ''), TRAIN, f'{MASK}: not a mask, or damaged .of no format that is known.'),
    'nothing but ignored': (
        both(config('values=(1, 2, 3)', 'values=(0, 1, 2, 3)'), lambda: every_mask(0)),
        TRAIN,
        WORKS,
    ),
    'nothing but ignored, test': (
        both(config('values=(1, 2, 3)', 'values=(0, 1, 2, 3)'), lambda: every_mask(0)),
        TEST,
        'no scores: every pixel of the test data is ignored; .* --data says what is in the masks',
    ),
    'nothing but ignored, compared': (
        both(config('values=(1, 2, 3)', 'values=(0, 1, 2, 3)'), lambda: every_mask(0)),
        COMPARE,
        WORKS,
    ),
}

KERNEL, POSITIONS = 'backbone.patch_embed.proj.weight', 'backbone.pos_embed'
CONVERT = 'convert_checkpoint small.pth new.pth'
CHECKPOINTS = {
    'not there': (nothing, PREDICT.replace('small.pth', 'none.pth'), 'none.pth: no such checkpoint file'),
    'a folder': (nothing, PREDICT.replace('small.pth', 'pet'), 'pet: a folder; name a checkpoint file'),
    'empty': (text('small.pth', ''), PREDICT, 'small.pth: the file is empty; fetch it again'),
    'truncated': (cut('small.pth', 5000), PREDICT, 'small.pth: not a checkpoint, or damaged'),
    'truncated, test': (cut('small.pth', 5000), TEST, 'small.pth: not a checkpoint, or damaged'),
    'a web page': (text('small.pth', '<html>'), f'{COMPARE} photo.png', 'small.pth: a web page, not a checkpoint'),
    'another model': (saved({'fc.weight': torch.ones(3)}), PREDICT, 'not a format that is known .*names are fc.weight'),
    'a list': (saved([1, 2]), PREDICT, 'small.pth: holds a list, not a dict of tensors'),
    'names that are numbers': (
        saved({'state_dict': {1: torch.ones(3)}}),
        PREDICT,
        'no weights found; its entries are 1',
    ),
    'wrong names': (
        weights(lambda state: state.update(bakbone=state.pop(KERNEL))),
        PREDICT,
        rf'1 missing \({KERNEL}\); 1 not in the model \(bakbone\)',
    ),
    'a key too few': (weights(lambda state: state.pop(POSITIONS)), TEST, rf'1 missing \({POSITIONS}\)'),
    'a number for a kernel': (
        weights(lambda state: state.update({KERNEL: torch.ones(())})),
        PREDICT,
        rf'1 of another shape \({KERNEL} \(\), the model has \(16, 192\)\)',
    ),
    'no positions at all': (
        weights(lambda state: state.update({POSITIONS: torch.ones(1, 0, 16)})),
        f'{CONVERT} --config small.py',
        rf'1 of another shape \({POSITIONS} \(1, 0, 16\)',
    ),
    'sparse': (
        weights(lambda state: state.update({KERNEL: state[KERNEL].to_sparse()})),
        PREDICT,
        'is sparse, complex or',
    ),
    'complex': (weights(lambda state: state.update({KERNEL: state[KERNEL] * 1j})), PREDICT, 'is sparse, complex or'),
    'without data': (weights(lambda state: state.update({KERNEL: state[KERNEL].to('meta')})), PREDICT, 'without data'),
    'no number': (
        weights(lambda state: state.update({KERNEL: state[KERNEL] * np.nan})),
        PREDICT,
        rf'small.pth: NaN or infinity in 1 of \d+ tensors: {KERNEL}',
    ),
    'file://': (nothing, PREDICT.replace('small.pth', 'file:///etc/passwd'), 'only local files, http'),
    'http:// without a file': (nothing, PREDICT.replace('small.pth', 'http://'), 'http://: names no file'),
    'hf:// without a name': (nothing, PREDICT.replace('small.pth', 'hf://x'), 'write hf://owner/name'),
    'load from an address': (nothing, f'{TRAIN} --cfg-options load_from=ftp://x/y.pth', 'only local files, http'),
    'resume from what is not there': (nothing, f'{TRAIN} --resume none.pth', 'none.pth: no such checkpoint file'),
    'resume from weights': (nothing, f'{TRAIN} --resume small.pth', 'weights without the state of a training'),
    'resume from half a state': (
        lambda: torch.save({**torch.load('small.pth'), 'optimizer': {}}, 'small.pth'),
        f'{TRAIN} --resume small.pth',
        'weights without the state of a training.*load_from=small.pth',
    ),
    'resume from an address': (nothing, f'{TRAIN} --resume ftp://x/y.pth', 'only local files, http'),
}

SPLIT = 'pet/annotations/trainval.txt'
SPLITS = {
    'empty': (text(SPLIT, ''), TRAIN, f'{SPLIT}: names no image'),
    'a name twice': (text(SPLIT, 'a\na\n'), TRAIN, f"{SPLIT}: names 'a' twice"),
    'a file that is not there': (text(SPLIT, 'a\nz\n'), TRAIN, 'z.jpg: missing, but line 2 of .*trainval.txt names it'),
    "Windows' line ends": (text(SPLIT, 'a 1\r\nb 2\r\n'), TRAIN, WORKS),
    "Windows' mark of UTF-8": (text(SPLIT, b'\xef\xbb\xbfa\r\nb\r\n'), TRAIN, WORKS),
    'UTF-16': (text(SPLIT, 'a\nb\n'.encode('utf-16')), TRAIN, f'{SPLIT}: not a text file in UTF-8'),
    'out of the root': (text(SPLIT, '../images/a\n'), TRAIN, "'../images/a' is not a plain file name"),
    'out of the root, on Windows': (text(SPLIT, '..\\images\\a\n'), TRAIN, 'is not a plain file name'),
    'an absolute name': (text(SPLIT, '/etc/passwd\n'), TRAIN, "'/etc/passwd' is not a plain file name"),
    'a folder': (
        both(lambda: Path(SPLIT).unlink(), lambda: Path(SPLIT).mkdir()),
        TRAIN,
        f'{SPLIT}: no such split file',
    ),
    'no data': (lambda: Path('pet').rename('dog'), COMPARE, "no folder 'pet'. Point PET_ROOT at"),
    'prepared, not text': (text(SPLIT, 'a\n'.encode('utf-16')), 'prepare_pet --out pet', f'{SPLIT}: not a text file'),
    'prepared, empty': (text(SPLIT, '# none\n'), 'prepare_pet --out pet', f'{SPLIT}: names no image'),
}

COMMANDS = {
    'train, nothing': (nothing, 'train', 'required: CONFIG; see .*--help'),
    'train, a folder': (nothing, 'train pet', 'pet: a folder; name a config file'),
    'train, no =': option('word', "'word' is not KEY=VALUE", TRAIN),
    'train, seed': (nothing, f'{TRAIN} --seed abc', "--seed: invalid int value: 'abc'"),
    'train, work dir': (nothing, f'{TRAIN} --work-dir small.py', '--work-dir small.py: cannot be made'),
    'train, launcher': (nothing, f'{TRAIN} --launcher pytorch', 'start with tools/dist_train.sh CONFIG N'),
    'test, no checkpoint': (nothing, 'test small.py', 'required: CHECKPOINT'),
    'test, out': (nothing, f'{TEST} --out small.py', '--out small.py: a file; name a folder'),
    'test, show dir': (nothing, f'{TEST} --show-dir small.py', '--show-dir small.py: a file; name a folder'),
    'test, tta': (nothing, f'{TEST} --tta', '--tta: small.py has no tta_pipeline and no tta_model'),
    'predict, out': (nothing, PREDICT.replace('--out out', '--out small.py'), 'small.py: cannot be made a folder'),
    'report, out': (nothing, 'report small.py small.pth --out small.py', 'small.py: cannot be made a folder'),
    'predict, device': (nothing, f'{PREDICT} --device cud', '--device cud: cannot be used here .Expected one of cpu'),
    'predict, opacity': (nothing, f'{PREDICT} --opacity nan', '--opacity nan: allowed: 0 to 1'),
    'compare, out': (nothing, COMPARE.replace('sheet.png', 'x.txt'), '--out x.txt: name a picture'),
    'compare, a folder': (
        lambda: Path('sheet.png').mkdir(),
        f'{COMPARE} photo.png',
        'sheet.png: a folder; name a file',
    ),
    'compare, half a model': (nothing, 'compare --a small.py --b small.py small.pth --out x.png', '--a: expected 2'),
    'compare, device': (nothing, f'{COMPARE} --device cud', '--device cud: cannot be used here .Expected one of cpu'),
    'benchmark, device': (
        nothing,
        'benchmark small.py --device cud',
        '--device cud: cannot be used here .Expected one of cpu',
    ),
    'benchmark, json': (nothing, 'benchmark small.py --json pet', 'pet: a folder; name a file'),
    'benchmark, plot': (nothing, 'benchmark small.py --plot x.foo', '--plot x.foo: allowed: .png'),
    'benchmark, shape': (nothing, 'benchmark small.py --shape 0 32', '--shape: 0; at least 1 is needed'),
    'convert, the source itself': (nothing, 'convert_checkpoint small.pth small.pth', 'is the source itself'),
    'convert, a suffix': (nothing, 'convert_checkpoint small.pth x.txt', "ends in '.txt'; allowed: .safetensors, .pth"),
    'convert, a config that is a folder': (nothing, f'{CONVERT} --config pet', 'pet: a folder; name a config file'),
    'upgrade, nothing to do': (nothing, 'upgrade_config small.py new.py', 'small.py: has nothing for which'),
    'upgrade, what is there': (nothing, 'upgrade_config small.py small.py', 'is there already; --force writes over it'),
    'upgrade, shape': (nothing, 'upgrade_config small.py new.py --shape 0 3', '--shape: 0; at least 1 is needed'),
    'prepare, a file': (nothing, 'prepare_pet --out small.py', 'small.py: a file; name a folder'),
    'prepare, no archive': (
        nothing,
        'prepare_pet --out new --archives pet',
        'images.tar.gz: no such archive; get it from',
    ),
    'prepare, an address': (nothing, 'prepare_pet --out new --url ftp://x', 'only http and https'),
}

CASES = {
    f'{kind}: {name}': case
    for kind, cases in dict(
        config=CONFIGS, image=IMAGES, mask=MASKS, checkpoint=CHECKPOINTS, split=SPLITS, command=COMMANDS
    ).items()
    for name, case in cases.items()
}


@pytest.mark.parametrize('case', CASES)
def test_bad_input(case, folder, call):
    break_it, line, words = CASES[case]
    break_it()
    before = set(folder.rglob('*'))
    result = call(line)
    written = {str(path.relative_to(folder)) for path in set(folder.rglob('*')) - before}
    lines = result.err.splitlines()
    assert 'Traceback' not in result.out + result.err
    if words == WORKS:
        assert (result.status, lines) == (0, [])
        return
    if words[0] == LEFT_OUT[0]:
        assert (result.status, len(lines)) == (1, 1)
        assert written == {'out', 'out/areas.csv', 'out/areas.json'}
        assert lines[0].startswith('left out: ')
        assert words[1] in lines[0]
        return
    assert (result.status, len(lines)) == (2, 1), result.err
    assert lines[0].startswith('error: ')
    assert re.search(words, lines[0]), lines[0]
    assert '[where:' not in lines[0], 'no check of ours foresaw it'
    # of train.py and test.py the host's log; of nobody a result
    assert all(name.startswith('work_dirs') and not name.endswith('.pth') for name in written), written
