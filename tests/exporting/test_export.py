"""Files of each format against the model's own prediction, at sizes and batches that they were not traced at."""

import json
import zipfile

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import mmseg_vitseg
from mmseg_vitseg.atomic import remove_stale
from mmseg_vitseg.datasets.multispectral_shapes import draw_multispectral
from mmseg_vitseg.datasets.shapes import draw_shapes
from mmseg_vitseg.exporting import export, formats
from mmseg_vitseg.exporting.export import default_shape, export_file
from mmseg_vitseg.exporting.formats import SUFFIXES, check_installed, load
from mmseg_vitseg.exporting.verify import drawn_pictures, predicted_by
from vitseg_tests.marks import LONG
from vitseg_tests.paths import config_path
from vitseg_tests.small_models import write_model
from vitseg_tests.weights import randomise

HEADS = ('linear', 'probe', 'naive', 'pup', 'mla', 'segformer', 'segformer_linear', 'queries')
# a file of torch.export or ONNX takes seconds to write, so most of them are for the slow run
QUICK = (
    ('vit', 'linear', 'onnx'),
    ('dino', 'linear', 'onnx'),
    ('dino', 'queries', 'onnx'),
    ('mit', 'segformer', 'onnx'),
    ('vit', 'linear', 'pt2'),
    ('mit', 'naive', 'pt2'),
)
# heads that are exported behind a ViT, behind MiT, which is with SegFormer's
AGAIN = [('mit', head, format) for head in HEADS for format in ('onnx', 'pt2') if head != 'segformer']
CASES = [
    pytest.param(
        *case, marks=() if case in QUICK or case[2] == 'torchscript' else LONG if case in AGAIN else pytest.mark.slow
    )
    for case in (
        (backbone, head, format) for backbone in ('vit', 'dino', 'mit') for head in HEADS for format in SUFFIXES
    )
    if case[:2] != ('mit', 'mla')  # MLA's levels are of one size
    and (case[0] == 'dino') <= (case[1] in ('linear', 'queries'))
    and (case[1] == 'queries') <= (case[0] == 'dino')
]


@pytest.mark.parametrize(('backbone', 'head', 'format'), CASES)
def test_any_batch_and_size(backbone, head, format, tmp_path):
    if format == 'onnx':
        pytest.importorskip('onnxscript')
        pytest.importorskip('onnxruntime')
    config, checkpoint = write_model(tmp_path, backbone, head)
    out = tmp_path / f'model{SUFFIXES[format]}'
    export_file(config, checkpoint, out, format)
    model, run = mmseg_vitseg.load_model(config, checkpoint, 'cpu'), load(out, format)
    # the positions' own grid, multiples of the patch and not, wide and high
    for shape in ((1, 3, 48, 48), (2, 3, 64, 160), (3, 3, 131, 97)):
        images = drawn_pictures(shape)
        # the order of sums; ONNX also reckons places between pixels by another formula
        assert_close(run(images), predicted_by(model, images)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('format', ['torchscript', 'pt2'])
def test_a_frozen_backbone(format, tmp_path):
    """It runs without a graph for gradients, which torch.export would write down."""
    config, checkpoint = write_model(tmp_path, 'dino', 'probe', {'model.backbone.frozen': True})
    out = tmp_path / f'model{SUFFIXES[format]}'
    export_file(config, checkpoint, out, format)
    images = drawn_pictures((2, 3, 64, 160))
    expected = predicted_by(mmseg_vitseg.load_model(config, checkpoint, 'cpu'), images)[0]
    assert_close(load(out, format)(images), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    'format', ['torchscript', *(pytest.param(format, marks=pytest.mark.slow) for format in ('onnx', 'pt2'))]
)
def test_six_bands_of_16_bits(format, tmp_path):
    """Each normalised by its own mean and std in the file, which takes what the config's step reads."""
    if format == 'onnx':
        pytest.importorskip('onnxscript')
        pytest.importorskip('onnxruntime')
    options = {'model.backbone.num_layers': 1}
    config, out = config_path('multispectral_shapes'), tmp_path / f'model{SUFFIXES[format]}'
    torch.save(randomise(mmseg_vitseg.load_model(config, None, 'cpu', options)).state_dict(), tmp_path / 'x.pth')
    exported = export_file(config, tmp_path / 'x.pth', out, format, options=options, check=True)
    assert "6, height, width), 6 channels, as the config's LoadImage reads them, not" in exported.description['input']
    model, run = mmseg_vitseg.load_model(config, tmp_path / 'x.pth', 'cpu', options), load(out, format)
    images = np.stack([draw_multispectral(1, index, 64)[0] for index in range(3)])
    labels = run(torch.from_numpy(images.transpose(0, 3, 1, 2)).float()).argmax(1).numpy()
    assert np.array_equal(labels, np.stack(mmseg_vitseg.predict(model, list(images))))
    assert len(np.unique(labels)) > 1


def test_weights_in_a_second_file(tmp_path, monkeypatch):
    """As of a model of more than 1.5 GB; a smaller one later takes it away again, a training in that folder does not."""
    onnxruntime = pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    config, checkpoint = write_model(tmp_path)
    folder = tmp_path / 'exported'
    out = folder / 'big.onnx'
    monkeypatch.setattr(formats, 'LARGE', 1000)
    exported = export_file(config, checkpoint, out, 'onnx', check=True)
    assert exported.files == [out, folder / 'big.onnx.data']
    assert {file.name for file in folder.iterdir()} == {'big.onnx', 'big.onnx.data'}
    assert exported.files[1].stat().st_size > 4 * 1000
    remove_stale(folder)
    moved = folder.rename(tmp_path / 'elsewhere') / 'big.onnx'
    assert onnxruntime.InferenceSession(moved).get_inputs()[0].name == 'images'
    with pytest.raises(FileExistsError, match=r'big\.onnx exists; --force'):
        export_file(config, checkpoint, moved, 'onnx')
    monkeypatch.undo()
    small = export_file(config, checkpoint, moved, 'onnx', overwrite=True)
    assert small.files == [moved] == list(moved.parent.iterdir())


def test_labels_of_a_picture_are_those_of_predict_and_the_file_says_what_it_is(tmp_path):
    onnxruntime = pytest.importorskip('onnxruntime')
    config, checkpoint = write_model(tmp_path, 'mit', 'linear')
    out = tmp_path / 'labels.onnx'
    exported = export_file(config, checkpoint, out, 'onnx', labels=True, shape=(48, 48), check=True)
    session = onnxruntime.InferenceSession(out)
    picture = draw_shapes(3, 0, 96)[0][:80]
    (labels,) = session.run(['labels'], {'images': picture.transpose(2, 0, 1)[None].astype(np.float32)})
    expected = mmseg_vitseg.predict(mmseg_vitseg.load_model(config, checkpoint, 'cpu'), picture)
    assert labels.dtype == np.int64
    assert len(np.unique(expected)) > 1
    np.testing.assert_array_equal(labels[0], expected)
    assert session.get_inputs()[0].shape == ['batch', 3, 'height', 'width']
    assert session.get_outputs()[0].shape == ['batch', 'height', 'width']
    says = session.get_modelmeta().custom_metadata_map
    assert says == exported.description
    assert says['input'] == 'images: float32 (batch, 3, height, width), RGB, 0 to 255, not normalised'
    assert json.loads(says['classes']) == ['ground', 'disc', 'square', 'triangle']
    shapes = [finding.shape for finding in exported.findings]
    assert shapes == [(1, 3, 48, 48)] * 2 + [(3, 3, 59, 69)] * 2
    assert str(tmp_path) not in out.read_bytes().decode('latin-1')


@pytest.mark.parametrize('format', ['torchscript', 'pt2'])
def test_archives_say_what_they_are(format, tmp_path):
    out = tmp_path / f'model{SUFFIXES[format]}'
    exported = export_file(*write_model(tmp_path), out, format, labels=True, fixed=True, shape=(40, 56))
    with zipfile.ZipFile(out) as archive:
        contents = {name.rpartition('/')[2]: archive.read(name) for name in archive.namelist()}
    assert json.loads(contents['description.json']) == exported.description
    assert exported.description['output'].startswith('labels: int64 (batch, 40, 56)')
    if format == 'pt2':  # TorchScript keeps its sources' lines, for its own tracebacks
        assert not any(b'mmseg_vitseg/models' in content for content in contents.values())
    labels = load(out, format)(drawn_pictures((2, 3, 40, 56)))
    assert (labels.shape, labels.dtype) == ((2, 40, 56), torch.int64)


def test_a_file_that_disagrees_is_not_written(tmp_path, monkeypatch):
    out = tmp_path / 'model.pt'
    out.write_text('older')

    def load_wrong(path, format):
        return lambda images: load(path, format)(images) + 0.1

    monkeypatch.setattr(export, 'load', load_wrong)
    with pytest.raises(
        ValueError, match=r'does not agree.*not written: 1 x 48 x 48, random pictures: largest difference 1'
    ):
        export_file(*write_model(tmp_path), out, 'torchscript', shape=(48, 48), check=True, overwrite=True)
    assert out.read_text() == 'older'
    assert {path.name for path in tmp_path.iterdir()} == {'config.py', 'weights.pth', 'model.pt'}


def test_a_size_that_would_be_a_number_is_refused_and_fixed_on_request(tmp_path):
    config, checkpoint = write_model(tmp_path, 'vit', 'naive', {'model.decode_head.up_scale': 1.5})
    out = tmp_path / 'model.pt'
    with pytest.raises(ValueError, match=r'torchscript for pictures of any size.*--fixed-size.*Python integer'):
        export_file(config, checkpoint, out, 'torchscript')
    assert not out.exists()
    exported = export_file(config, checkpoint, out, 'torchscript', fixed=True, shape=(64, 80), check=True)
    assert {finding.shape for finding in exported.findings} == {(1, 3, 64, 80), (3, 3, 64, 80)}


def test_a_batch_that_would_be_a_number(tmp_path):
    """Swin's windows divide by the number of pictures that it is traced with: any other number gave wrong logits."""
    swin = dict(
        _delete_=True,
        type='SwinTransformer',
        embed_dims=8,
        depths=(2, 2),
        num_heads=(1, 2),
        strides=(4, 2),
        out_indices=(0, 1),
    )
    config, checkpoint = write_model(tmp_path, 'mit', 'linear', {'model.backbone': swin})
    exported = export_file(
        config, checkpoint, tmp_path / 'model.pt', 'torchscript', fixed=True, shape=(64, 80), check=True
    )
    assert {finding.shape for finding in exported.findings} == {(1, 3, 64, 80), (3, 3, 64, 80)}


def test_existing_files_other_suffixes_opsets_and_missing_packages(tmp_path):
    config, checkpoint = write_model(tmp_path)
    with pytest.raises(FileExistsError, match='--force'):
        export_file(config, checkpoint, checkpoint.with_suffix('.pth').rename(tmp_path / 'weights.pt'), 'torchscript')
    with pytest.raises(ValueError, match=r'model\.bin: a file of format onnx is named NAME\.onnx'):
        export_file(config, checkpoint, tmp_path / 'model.bin', 'onnx')
    with pytest.raises(ValueError, match=r'--opset 17: allowed: 18 or newer'):
        export_file(config, checkpoint, tmp_path / 'model.onnx', 'onnx', opset=17)
    with pytest.raises(ImportError, match=r'needs no_such_runtime: the extra \[export\], pip install'):
        check_installed('json', 'no_such_runtime')


def test_windows_are_exported_one_at_a_time(tmp_path):
    window = dict(mode='slide', crop_size=(64, 64), stride=(32, 32))
    files = write_model(tmp_path, changes={'model.test_cfg': window})
    exported = export_file(*files, tmp_path / 'model.pt', 'torchscript', check=True)
    assert 'windows of 64 x 64' in exported.description['windows']
    assert exported.findings[0].shape == (1, 3, 64, 64)


def test_the_default_shape_is_what_the_pipeline_makes(tmp_path):
    config, checkpoint = write_model(tmp_path)
    assert default_shape(mmseg_vitseg.load_model(config, checkpoint, 'cpu')) == (48, 48)
    steps = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=(80, 40)), dict(type='PackSegInputs')]
    options = {'test_dataloader.dataset.pipeline': steps}
    assert default_shape(mmseg_vitseg.load_model(config, checkpoint, 'cpu', options)) == (40, 80)
