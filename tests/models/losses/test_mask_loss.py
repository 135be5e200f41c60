"""The loss of a mask transformer against HF's, from the same points: values and gradients."""

from collections.abc import Iterator, Sequence
from itertools import permutations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from transformers import EomtConfig
from transformers.models.eomt.modeling_eomt import EomtLoss
from transformers.models.mask2former.modeling_mask2former import Mask2FormerLoss

from mmseg_vitseg.models.losses.mask_loss import MaskLoss
from mmseg_vitseg.models.query_prediction import QueryPrediction
from mmseg_vitseg.ops.matching import match
from vitseg_tests.ranks import on_ranks

K, POINTS = 6, 64
NAMES = {'loss_cls': 'loss_cross_entropy', 'loss_mask': 'loss_mask', 'loss_dice': 'loss_dice'}


def blocks(*rows: str) -> Tensor:
    """Return labels, each digit 8x8 pixels; x is ignored."""
    small = torch.tensor([[255 if one == 'x' else int(one) for one in row] for row in rows])
    return small.repeat_interleave(8, 0).repeat_interleave(8, 1)


def scattered(classes: int, *, ignored: float = 0.0) -> Tensor:
    labels = torch.randint(0, classes, (24, 32), generator=torch.Generator().manual_seed(4))
    return labels.masked_fill(torch.rand(24, 32, generator=torch.Generator().manual_seed(5)) < ignored, 255)


# labels of a batch, K, Q
BATCHES = {
    'plain': ([blocks('0123', '0124', '0114'), blocks('5533', '5333', '2222')], K, 9),
    'every pixel another': ([scattered(K), scattered(4)], K, 9),
    'one class': ([blocks('2222', '2222', '2222'), blocks('0123', '0124', '0115')], K, 9),
    'none': ([blocks('xxxx', 'xxxx', 'xxxx'), blocks('0123', '0124', '0115')], K, 9),
    'ignored regions': ([blocks('0xx3', 'xx24', '01x4'), scattered(K, ignored=0.3)], K, 9),
    'padded': ([blocks('012x', '012x', 'xxxx'), blocks('3345', '3345', '0000')], K, 9),
    'two classes': ([blocks('0011', '0111', '0001'), blocks('0000', '0000', '0000')], 2, 5),
    'queries fewer than classes': ([scattered(K), blocks('0011', '0111', '0001')], K, 4),
    'one query': ([scattered(K), blocks('0011', '0111', '0001')], K, 1),
    'one image': ([blocks('0123', '0124', '0114')], K, 9),
}


def drawn(count: int, batch: int, classes: int, queries: int, dtype=torch.float32) -> list[QueryPrediction]:
    return [
        QueryPrediction(
            (2 * torch.randn(batch, queries, classes + 1, dtype=dtype)).requires_grad_(),
            (3 * torch.randn(batch, queries, 6, 8, dtype=dtype)).requires_grad_(),
        )
        for _ in range(count)
    ]


class Points:
    """The points of each output, drawn once, handed to both implementations in the order in which each asks."""

    def __init__(self, outputs: int, batch: int, queries: int):
        rows = batch * queries
        self.matching = [torch.rand(batch, POINTS, 2) for _ in range(outputs)]
        self.losses = [(torch.rand(rows, 3 * POINTS, 2), torch.rand(rows, POINTS // 4, 2)) for _ in range(outputs)]

    def ours(self, at_once: int = 1) -> Iterator[Sequence[Tensor]]:
        """Yield what is drawn in one call: the points of as many outputs."""
        firsts = range(0, len(self.losses), at_once)
        yield from (self.matching[first : first + at_once] for first in firsts)
        for first in firsts:
            yield from zip(*self.losses[first : first + at_once], strict=True)

    def theirs(self) -> Iterator[Sequence[Tensor]]:
        outputs = range(len(self.losses))
        for index in [*outputs[-1:], *outputs[:-1]]:  # the last output first
            yield from ([one] for one in self.matching[index].split(1))
            yield from ([one] for one in self.losses[index])

    @staticmethod
    def replacing(monkeypatch, points: Iterator[Sequence[Tensor]], device: str = 'cpu') -> None:
        def rand(count: int, *_, **__) -> Tensor:
            drawn = next(points)
            assert count % len(drawn) == 0
            return torch.cat([one[: count // len(drawn)] for one in drawn]).to(device)

        monkeypatch.setattr(torch, 'rand', rand)


def as_on_cuda(monkeypatch, at_once: float, prediction: QueryPrediction) -> None:
    """Have the loss computed as on CUDA, of as many outputs at once."""
    for module in ('models.losses.mask_loss', 'models.losses.mask_costs', 'ops.points'):
        monkeypatch.setattr(f'mmseg_vitseg.{module}.as_on_cuda', lambda _: True)
    batch, queries, classes = prediction.classes.shape
    numbers = batch * (prediction.masks[0].numel() + POINTS * (queries + classes - 1))
    monkeypatch.setattr('mmseg_vitseg.models.losses.mask_loss.AT_ONCE_ON_CUDA', int(at_once * numbers))


def masks_of(labels: Tensor) -> tuple[Tensor, Tensor]:
    classes = [one for one in labels.unique().tolist() if one != 255]
    masks = [labels == one for one in classes] or [torch.zeros_like(labels)[:0].new_zeros(0, *labels.shape)]
    masks = torch.stack(masks) if classes else masks[0]
    return masks.float(), torch.tensor(classes, dtype=torch.int64)


def hf_loss(cls, classes: int) -> torch.nn.Module:
    config = EomtConfig(num_labels=classes, train_num_points=POINTS)
    weights = {
        'loss_cross_entropy': config.class_weight,
        'loss_mask': config.mask_weight,
        'loss_dice': config.dice_weight,
    }
    return cls(config, weights)


def of_hf(cls, predictions: list[QueryPrediction], labels: list[Tensor], classes: int) -> dict[str, Tensor]:
    """Return HF's losses, weighted, under our names."""
    loss = hf_loss(cls, classes)
    *auxiliary, (of_classes, masks) = predictions
    auxiliary = [{'masks_queries_logits': one.masks, 'class_queries_logits': one.classes} for one in auxiliary]
    targets, present = zip(*map(masks_of, labels), strict=True)
    found = loss(masks, of_classes, list(targets), list(present), auxiliary)
    suffixes = {'': '', **{f'b{index}.': f'_{index}' for index in range(len(auxiliary))}}
    return {
        f'{prefix}{ours}': loss.weight_dict[theirs] * found[theirs + suffix]
        for prefix, suffix in suffixes.items()
        for ours, theirs in NAMES.items()
    }


def gradients(value: Tensor, predictions: list[QueryPrediction]) -> list[Tensor]:
    leaves = [one for each in predictions for one in each]
    found = torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(leaf) if one is None else one for one, leaf in zip(found, leaves, strict=True)]


@pytest.mark.parametrize('cls', [EomtLoss, Mask2FormerLoss])
@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize(('labels', 'classes', 'queries'), BATCHES.values(), ids=BATCHES.keys())
def test_equals_hf(labels, classes, queries, seed, cls, monkeypatch):
    """As on a CPU, output by output, and as on CUDA, of two outputs at once and one, and of all three."""
    torch.manual_seed(seed)
    predictions = drawn(3, len(labels), classes, queries)
    points = Points(3, len(labels), queries)
    points.replacing(monkeypatch, points.theirs())
    theirs = of_hf(cls, predictions, labels, classes)
    expected = {name: gradients(value, predictions) for name, value in theirs.items()}
    for at_once in (1, 2, 3):
        if at_once > 1:
            as_on_cuda(monkeypatch, at_once, predictions[0])
        points.replacing(monkeypatch, points.ours(at_once))
        ours = MaskLoss(num_classes=classes, num_points=POINTS)(predictions, torch.stack(labels))
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            assert_close(ours[name], value, msg=lambda text, case=f'{name}, {at_once} at once': f'{case}: {text}')
            assert_close(gradients(ours[name], predictions), expected[name])
        assert_close(sum(ours.values()), sum(theirs.values()))
        assert_close(gradients(sum(ours.values()), predictions), gradients(sum(theirs.values()), predictions))


def test_no_class_at_all():
    """Of a batch in which every pixel is ignored, masks have gradients that are zero, and queries learn "no object"."""
    predictions = drawn(2, 2, K, 9)
    losses = MaskLoss(num_classes=K, num_points=POINTS)(predictions, torch.full((2, 24, 32), 255))
    found = gradients(sum(losses.values()), predictions)
    assert all(one.isfinite() for one in losses.values())
    assert losses['loss_mask'] == losses['b0.loss_dice'] == 0
    assert all(one.grad_fn is not None for one in losses.values())
    assert [bool(one.any()) for one in found] == [True, False] * 2


@pytest.mark.parametrize('at_once', [1, 2])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype, at_once, monkeypatch):
    predictions = drawn(2, 2, K, 9, dtype)
    if at_once > 1:
        as_on_cuda(monkeypatch, at_once, predictions[0])
    labels = torch.stack(BATCHES['plain'][0])
    loss = MaskLoss(num_classes=K, num_points=POINTS)
    torch.manual_seed(0)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = loss(predictions, labels)
    torch.manual_seed(0)
    assert_close(found, loss([QueryPrediction(*(x.float() for x in one)) for one in predictions], labels))
    assert {one.dtype for one in gradients(sum(found.values()), predictions)} == {dtype}


@pytest.mark.parametrize('on_cuda', [False, True])
@pytest.mark.parametrize('which', [torch.nan, torch.inf])
def test_a_mask_that_is_no_number_is_matched_last(which, on_cuda, monkeypatch):
    (prediction,) = drawn(1, 1, K, 9)
    if on_cuda:
        as_on_cuda(monkeypatch, 1, prediction)
    with torch.no_grad():
        prediction.masks[:, :4] = which  # five are left
    losses = MaskLoss(num_classes=K, num_points=POINTS)([prediction], BATCHES['plain'][0][0][None])  # of five classes
    assert all(one.isfinite() for one in losses.values())


def test_labels_that_are_no_class():
    with pytest.raises(
        ValueError, match=r'labels 7 with num_classes=6; allowed: 0 to 5 and ignore_index=255; 192 pixels'
    ):
        MaskLoss(num_classes=K)(drawn(1, 1, K, 9), blocks('0123', '0774', '0714')[None])


def test_labels_that_are_no_class_on_cuda(monkeypatch):
    """Nothing waits to look for them: all losses are NaN."""
    predictions = drawn(2, 1, K, 9)
    as_on_cuda(monkeypatch, 2, predictions[0])
    monkeypatch.setattr('mmseg_vitseg.labels.as_on_cuda', lambda _: True)
    losses = MaskLoss(num_classes=K, num_points=POINTS)(predictions, blocks('0123', '0774', '0714')[None])
    assert all(one.isnan() for one in losses.values())


def test_another_label_is_ignored():
    predictions = drawn(1, 1, K, 9)
    found = []
    for ignored in (255, 100):
        torch.manual_seed(0)
        labels = blocks('0123', 'xx24', '01x4')[None]
        loss = MaskLoss(num_classes=K, num_points=POINTS, ignore_index=ignored)
        found.append(loss(predictions, labels.masked_fill(labels == 255, ignored)))
    assert_close(*found)


def test_the_mean_number_of_masks_over_processes():
    """Masks are counted over processes as HF does: their sum by the number of processes."""
    predictions, batches = drawn(1, 2, K, 9), [BATCHES[name][0] for name in ('plain', 'one class')]

    def lost(rank: int) -> dict[str, float]:
        torch.manual_seed(0)
        losses = MaskLoss(num_classes=K, num_points=POINTS)(predictions, torch.stack(batches[rank]))
        return {name: one.item() for name, one in losses.items()}

    together = on_ranks(2, lambda: lost(torch.distributed.get_rank()))
    counts = [sum(len(masks_of(one)[1]) for one in batch) for batch in batches]
    for rank, count in enumerate(counts):
        alone = lost(rank)
        assert together[rank]['loss_cls'] == alone['loss_cls']
        for name in ('loss_mask', 'loss_dice'):
            assert together[rank][name] == pytest.approx(alone[name] * count / (sum(counts) / 2))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(num_points=0), 'num_points=0; at least 1 is needed, a whole number'),
        (dict(num_classes=0), 'num_classes=0; at least 1 is needed, a whole number'),
        (dict(importance_ratio=1.5), 'importance_ratio=1.5; allowed: 0 to 1'),
        (dict(oversample_ratio=0.5), 'oversample_ratio=0.5; at least 1 is needed'),
    ],
)
def test_arguments(arguments, message):
    with pytest.raises(ValueError, match=f'MaskLoss: {message}'):
        MaskLoss(**{'num_classes': K, **arguments})


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
def test_on_a_gpu(monkeypatch):
    """As on a CPU from the same points; nothing waits but the matching, once."""
    predictions, labels = drawn(2, 2, K, 9), torch.stack(BATCHES['ignored regions'][0])
    there = [QueryPrediction(*(x.detach().cuda().requires_grad_() for x in one)) for one in predictions]
    on_cpu, on_gpu = (MaskLoss(num_classes=K, num_points=POINTS).to(device) for device in ('cpu', 'cuda'))
    points = Points(2, 2, 9)
    with monkeypatch.context() as patch:
        points.replacing(patch, points.ours())
        expected = on_cpu(predictions, labels)
        points.replacing(patch, points.ours(at_once=2), 'cuda')
        found = on_gpu(there, labels.cuda())
    assert_close({name: one.cpu() for name, one in found.items()}, expected)
    ours, theirs = gradients(sum(found.values()), there), gradients(sum(expected.values()), predictions)
    assert_close([one.cpu() for one in ours], theirs)
    waits = []

    def waiting(costs: Tensor) -> Tensor:
        torch.cuda.set_sync_debug_mode('default')
        waits.append(match(costs))
        torch.cuda.set_sync_debug_mode('error')
        return waits[-1]

    monkeypatch.setattr('mmseg_vitseg.models.losses.mask_loss.match', waiting)
    labels = labels.cuda()
    torch.cuda.set_sync_debug_mode('error')
    try:
        sum(on_gpu(there, labels).values()).backward()
    finally:
        torch.cuda.set_sync_debug_mode('default')
    assert len(waits) == 1


def test_nothing_is_saved():
    loss = MaskLoss(num_classes=K)
    assert not loss.state_dict()
    assert not list(loss.parameters())


def test_equals_whole_masks(monkeypatch):
    """On all pixels of masks of the labels' size, they are means and sums over masks; every match is tried."""
    labels = torch.stack([blocks('012', '034', 'x11'), blocks('555', '533', '522')])[..., ::4, ::4]  # (2, 6, 6)
    prediction = QueryPrediction(torch.randn(2, 5, K + 1).requires_grad_(), torch.randn(2, 5, 6, 6).requires_grad_())
    centres = torch.cartesian_prod(*[(torch.arange(6) + 0.5) / 6] * 2).flip(1)  # (36, 2)
    monkeypatch.setattr(torch, 'rand', lambda count, points, *_, **__: centres[:points].repeat(count, 1, 1))
    loss = MaskLoss(num_classes=K, num_points=36, oversample_ratio=1.0, importance_ratio=1.0)
    losses = loss([prediction], labels)
    expected = dict.fromkeys(NAMES, 0)
    found_classes = torch.full((2, 5), K)
    masks = labels[..., None] == torch.arange(K)
    count = masks.flatten(1, 2).any(1).sum()
    for index, (classes, logits) in enumerate(zip(*prediction, strict=True)):
        present = [one for one in labels[index].unique().tolist() if one != 255]

        def of_mask(query: int, label: int, logits=logits, index=index) -> tuple[Tensor, Tensor]:
            mask, probabilities = masks[index, ..., label].float(), logits[query].sigmoid()
            entropy = torch.nn.functional.binary_cross_entropy(probabilities, mask)
            together, apart = (probabilities * mask).sum(), probabilities.sum() + mask.sum()
            return entropy, 1 - (2 * together + 1) / (apart + 1)

        def cost(queries: tuple[int, ...], classes=classes, present=present, of_mask=of_mask) -> Tensor:
            pairs = list(zip(queries, present, strict=True))
            likely = sum(classes[query].softmax(0)[label] for query, label in pairs)
            return 5 * sum(sum(of_mask(*pair)) for pair in pairs) - 2 * likely

        best = min(permutations(range(5), len(present)), key=lambda queries, cost=cost: cost(queries).item())
        for query, label in zip(best, present, strict=True):
            found_classes[index, query] = label
            entropy, dice = of_mask(query, label)
            expected['loss_mask'] += 5 * entropy / count
            expected['loss_dice'] += 5 * dice / count
    weights = torch.tensor([1.0] * K + [0.1])[found_classes]
    lost = -prediction.classes.log_softmax(-1).gather(2, found_classes[..., None])[..., 0]
    expected['loss_cls'] = 2 * (lost * weights).sum() / weights.sum()
    assert_close(losses, expected)
    assert_close(gradients(sum(losses.values()), [prediction]), gradients(sum(expected.values()), [prediction]))


def test_outputs_at_once(monkeypatch):
    """As many as fit into memory, one at least; each output has the losses that it has alone."""
    predictions, labels = drawn(3, 2, K, 9), torch.stack(BATCHES['ignored regions'][0])
    points, loss, found = Points(3, 2, 9), MaskLoss(num_classes=K, num_points=POINTS), []
    points.replacing(monkeypatch, points.ours())
    expected = loss(predictions, labels)
    monkeypatch.setattr(MaskLoss, '_losses', lambda *given, own=MaskLoss._losses: found.append(given) or own(*given))
    for at_once, sizes in {0.5: [1, 1, 1], 1: [1, 1, 1], 2.5: [2, 1], 3: [3], 9: [3]}.items():
        as_on_cuda(monkeypatch, at_once, predictions[0])
        points.replacing(monkeypatch, points.ours(sizes[0]))
        assert_close(loss(predictions, labels), expected)
        assert [len(places) for _, _, places, *_ in found] == sizes
        found.clear()


def test_runs_on_the_meta_device():
    """There, what a GPU would do is counted."""
    predictions = [QueryPrediction(*(x.detach().to('meta').requires_grad_() for x in one)) for one in drawn(2, 2, K, 9)]
    losses = MaskLoss(num_classes=K, num_points=POINTS).to('meta')(
        predictions, torch.zeros(2, 24, 32).long().to('meta')
    )
    assert {one.device.type for one in gradients(sum(losses.values()), predictions)} == {'meta'}


@pytest.mark.filterwarnings('ignore')  # torch's own, while it compiles
def test_ends_a_compiled_graph():
    """What goes before is one graph for every batch, and the points are those of a model that is not compiled."""
    torch._dynamo.reset()
    loss = MaskLoss(num_classes=K, num_points=POINTS)
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph

    def work(one: QueryPrediction, labels: Tensor) -> Tensor:
        return sum(loss([QueryPrediction(one.classes * 2, one.masks * 2), one], labels).values()) * 2

    compiled = torch.compile(work, backend=backend)
    (prediction,) = drawn(1, 2, K, 9)
    for name in ('plain', 'none', 'one class', 'ignored regions', 'padded'):
        labels = torch.stack(BATCHES[name][0])
        torch.manual_seed(0)
        found = compiled(prediction, labels)
        torch.manual_seed(0)
        assert_close(found, work(prediction, labels), rtol=0, atol=0)
    assert len(graphs) == 2
    torch._dynamo.reset()
