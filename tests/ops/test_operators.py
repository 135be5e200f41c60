"""Loss and labels as operators of torch's: what torch asks of them, and one node each in a compiled graph."""

import subprocess
import sys

import pytest
import torch
from torch.library import opcheck
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from mmseg_vitseg.ops.resampling import resizings
from mmseg_vitseg.ops.strip_terms import ACCURACY, CROSS_ENTROPY, FOCAL, SIGMOID, Term, packed
from mmseg_vitseg.ops.upsample_argmax import argmax_of
from mmseg_vitseg.ops.upsample_loss import upsample_cross_entropy
from mmseg_vitseg.ops.upsample_sums import upsample_sums

UNSAFE = getattr(torch.Tag, 'cudagraph_unsafe', None)  # old versions of torch have no such tag
COMPILED = pytest.mark.filterwarnings('ignore')  # torch's own, while it compiles


def draw(size=(3, 4), target=(7, 9), dtype=torch.float32):
    labels = torch.randint(0, 5, (2, *target))
    labels[:, 0] = 255
    return torch.randn(2, 5, *size, dtype=dtype, requires_grad=True), labels


def chain(size):
    """Sizes of a graph may be its symbols."""
    return (
        resizings(tuple(size), ((12, 14),), False).cropped(1, 11, 0, 9).flipped('horizontal').resized((21, 16), False)
    )


@pytest.mark.parametrize(
    ('dtype', 'weight', 'with_gradient'),
    [(torch.float32, [], True), (torch.float64, [0.5, 1.0, 2.0, 0.0, 3.0], True), (torch.bfloat16, [], False)],
)
def test_the_loss_is_an_operator(dtype, weight, with_gradient):
    logits, labels = draw(dtype=dtype)
    logits.requires_grad_(with_gradient)
    steps = [list(side.steps) for side in (chain((3, 4)).down, chain((3, 4)).across)]
    labels = torch.nn.functional.pad(labels, (0, 7, 0, 14), value=255)  # (21, 16)
    arguments = logits, labels, weight, *steps, 255, with_gradient
    opcheck(torch.ops.mmseg_vitseg.upsample_cross_entropy.default, arguments)


TERMS = {
    'two passes': [
        Term(ACCURACY, (255,)),
        Term(CROSS_ENTROPY, (255,), numbers=(0.5, 1, 2, 0, 3)),
        Term(SIGMOID, lowest=0),
    ],
    'one pass': [Term(FOCAL, (255,), sampled=False, numbers=(1.5, *range(10))), Term(ACCURACY, (255,))],
}


@pytest.mark.parametrize('terms', TERMS.values(), ids=TERMS.keys())
@pytest.mark.parametrize(
    ('dtype', 'with_gradient'), [(torch.float32, True), (torch.float64, True), (torch.bfloat16, False)]
)
def test_sums_are_an_operator(terms, dtype, with_gradient):
    logits, labels = draw(dtype=dtype)
    logits.requires_grad_(with_gradient)
    steps = [list(side.steps) for side in (chain((3, 4)).down, chain((3, 4)).across)]
    labels = torch.nn.functional.pad(labels, (0, 7, 0, 14), value=255)  # (21, 16)
    arguments = logits, labels, torch.rand(labels.shape), *packed(terms), *steps, [255], with_gradient
    opcheck(torch.ops.mmseg_vitseg.upsample_sums.default, arguments)
    opcheck(
        torch.ops.mmseg_vitseg.upsample_losses.default,
        (logits.detach(), labels, *packed([Term(CROSS_ENTROPY)]), *steps),
    )
    opcheck(torch.ops.mmseg_vitseg.constant.default, ([0.5, 2.0], logits.detach()))


@pytest.mark.parametrize('confidence', [False, True])
def test_the_labels_are_an_operator(confidence):
    way = chain((3, 4))
    arguments = torch.randn(5, 3, 4), way.size, way.down.steps, way.across.steps, confidence
    opcheck(torch.ops.mmseg_vitseg.upsample_argmax.default, arguments)


@COMPILED
@pytest.mark.parametrize('backend', ['aot_eager', 'inductor'])
def test_the_loss_is_in_one_graph(backend):
    weight = torch.rand(5).tolist()

    def loss(x, labels):
        return upsample_cross_entropy(x * 2, labels, class_weight=weight)

    compiled = torch.compile(loss, backend=backend, fullgraph=True)
    for size, target in (((3, 4), (7, 9)), ((5, 6), (8, 13)), ((6, 7), (11, 12))):
        logits, labels = draw(size, target)
        expected, found = loss(logits, labels), compiled(logits, labels)
        assert_close(tuple(found), tuple(expected))
        assert_close(torch.autograd.grad(found.loss, logits), torch.autograd.grad(expected.loss, logits))


@COMPILED
@pytest.mark.parametrize('terms', TERMS.values(), ids=TERMS.keys())
def test_sums_are_in_one_graph(terms):
    def loss(x, labels):
        sums, wrong = upsample_sums(x * 2, labels, terms, resizings(x.shape[-2:], (labels.shape[-2:],), False), [255])
        return sum(one.square().sum() for one in sums).masked_fill(wrong, torch.nan)

    compiled = torch.compile(loss, backend='aot_eager', fullgraph=True)
    for size, target in (((3, 4), (7, 9)), ((5, 6), (8, 13)), ((6, 7), (11, 12))):
        logits, labels = draw(size, target)
        expected, found = loss(logits, labels), compiled(logits, labels)
        assert_close(found, expected)
        assert_close(torch.autograd.grad(found, logits), torch.autograd.grad(expected, logits))


@COMPILED
@pytest.mark.parametrize('backend', ['aot_eager', 'inductor'])
def test_the_labels_are_in_one_graph(backend):
    def labels(x):
        return argmax_of(x * 2, chain(x.shape[-2:]), confidence=True)

    compiled = torch.compile(labels, backend=backend, fullgraph=True)
    for size in ((3, 4), (5, 6), (6, 9)):
        x = torch.randn(5, *size)
        assert_close(compiled(x), labels(x))


def test_a_second_derivative_is_refused():
    logits, labels = draw()
    squared = upsample_cross_entropy(logits, labels).loss ** 2
    (gradient,) = torch.autograd.grad(squared, logits, create_graph=True)
    with pytest.raises(RuntimeError, match='once_differentiable'):
        gradient.sum().backward()


def test_on_the_meta_device():
    logits, labels = (x.detach().to('meta') for x in draw())
    loss, accuracy = upsample_cross_entropy(logits.requires_grad_(), labels)
    loss.backward()
    assert (loss.shape, accuracy.shape, logits.grad.shape) == ((), (1,), logits.shape)
    found, probabilities = argmax_of(logits[0].detach(), chain((3, 4)), confidence=True)
    assert (found.shape, found.dtype, probabilities.shape) == ((21, 16), torch.int64, (21, 16))


class Calls(TorchDispatchMode):
    """How often torch is asked for something that a GPU would launch, an operator of ours counted as one."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += not (function.is_view or function.overloadpacket.__name__ in ('empty', 'detach', 'promote_types'))
        return function(*args, **(kwargs or {}))


def test_little_is_launched_around_the_operators():
    logits, labels = (x.detach().to('meta') for x in draw())
    with Calls() as forward:
        loss, _ = upsample_cross_entropy(logits.requires_grad_(), labels)
    with Calls() as backward:
        loss.backward()
    with Calls() as of_labels:
        argmax_of(logits[0].detach(), chain((3, 4)))
    assert forward.count <= 9
    assert backward.count <= 7
    assert of_labels.count == 1


def test_a_cuda_graph_of_torchs_compiler_ends_before_an_operator():
    """What is made within at the first use of a size, and kept, must not lie in the graph's memory."""
    operators = [name for name in torch.library._defs if name.startswith('mmseg_vitseg::')]
    assert len(operators) >= 3
    for name in operators:
        tags = getattr(torch.ops.mmseg_vitseg, name.rpartition(':')[2]).default.tags
        assert UNSAFE is None or UNSAFE in tags, name


LIGHT = """
import sys
import torch
from mmseg_vitseg.ops.resampling import unchanged
from mmseg_vitseg.ops.upsample_argmax import argmax_of
from mmseg_vitseg.ops.upsample_loss import upsample_cross_entropy
logits = torch.randn(1, 3, 4, 4, requires_grad=True)
argmax_of(logits[0], unchanged((4, 4)).resized((8, 8), False))
upsample_cross_entropy(logits, torch.zeros(1, 8, 8, dtype=torch.long)).loss.backward()
print('torch._dynamo' in sys.modules)
"""


def test_the_compiler_is_not_imported():
    """It takes 150 MB and a second to import."""
    done = subprocess.run([sys.executable, '-c', LIGHT], capture_output=True, text=True)
    assert done.stdout.split()[-1:] == ['False'], done.stdout + done.stderr
