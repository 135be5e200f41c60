"""The self-test passes here, and a kernel or a number that is wrong shows."""

import pytest

from mmseg_vitseg.benchmark import self_test as module
from mmseg_vitseg.benchmark.self_test import MODELS, self_test
from mmseg_vitseg.models import small_logits
from mmseg_vitseg.models.losses import head_loss


@pytest.fixture
def one_model(monkeypatch):
    monkeypatch.delitem(MODELS, 'SETR-PUP')


def shifted(argmax_of):
    def wrong(*args, **options):
        labels, confidence = argmax_of(*args, **options)
        return labels.roll(1, 0), confidence

    return wrong


def scaled_logits(resampled):
    return lambda *args: resampled(*args) * 1.0001


def scaled_loss(cross_entropy):
    def wrong(*args, **options):
        result = cross_entropy(*args, **options)
        return result._replace(loss=result.loss * 1.0001)

    return wrong


def scaled_gradient(cross_entropy):
    def wrong(*args, **options):
        result = cross_entropy(*args, **options)
        return result._replace(loss=result.loss + 1e-4 * (result.loss - result.loss.detach()))

    return wrong


def failing(kernel):
    def wrong(*args, **options):
        raise RuntimeError('no kernel image is available')

    return wrong


@pytest.mark.parametrize(
    ('place', 'name', 'breaking', 'said'),
    [
        (small_logits, 'argmax_of', shifted, ["prediction: has MMSegmentation's label in "]),
        (small_logits, 'resampled', scaled_logits, ["prediction: differs from MMSegmentation's by "]),
        (
            head_loss,
            'upsample_cross_entropy',
            scaled_loss,
            ["loss and gradient: differs from MMSegmentation's by ", 'loss and gradient in float64: differs '],
        ),
        (head_loss, 'upsample_cross_entropy', scaled_gradient, ['loss and gradient in float64: differs ']),
        (small_logits, 'argmax_of', failing, ['prediction: RuntimeError: no kernel image is available']),
    ],
)
def test_what_is_wrong_shows(one_model, monkeypatch, place, name, breaking, said):
    monkeypatch.setattr(place, name, breaking(getattr(place, name)))
    found = list(self_test('cpu'))
    assert len(found) == len(said)
    assert all(line.startswith(f'SegFormer, {one}') for line, one in zip(found, said, strict=True)), found


def test_a_device_that_is_not_there(one_model, monkeypatch):
    monkeypatch.setattr(module, 'RUNS', {'prediction': module.RUNS['prediction']})
    (found,) = self_test('cuda:99')
    assert found.startswith('SegFormer, prediction: ')


def test_a_model_that_cannot_be_built(monkeypatch):
    for name in MODELS:
        monkeypatch.setitem(MODELS, name, ('no_such_config', {}))
    found = list(self_test('cpu'))
    assert [line.partition(': ')[0] for line in found] == list(MODELS)
    assert all('no such config' in line for line in found)


@pytest.mark.gpu
def test_a_gpu(monkeypatch):
    torch = pytest.importorskip('torch')
    if not torch.cuda.is_available():
        pytest.skip('no CUDA device')
    assert list(self_test('cuda')) == []
