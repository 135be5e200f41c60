"""What is learned against what is scored: a class that the one leaves out, and the other counts."""

from collections.abc import Iterator

from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS, MODELS

from mmseg_vitseg.checking.findings import Finding, warning
from mmseg_vitseg.checking.training_setup import Setup, known_classes, losses_in
from mmseg_vitseg.config.heads import logits_of
from mmseg_vitseg.config.parts import Part, argument, class_of, dicts


def scored_but_not_learned(setup: Setup) -> Iterator[Finding]:
    """Classes of which the head that predicts learns nothing and that a metric scores, or the other way round."""
    heads = [head for head in setup.labelled_heads if head.key.startswith('model.decode_head')]
    metrics = list(_metrics(setup))
    if not heads or not metrics:
        return
    head = heads[-1]  # of a cascade, the last one predicts
    count = max(head.node['num_classes'], 2)  # one logit tells two apart
    trained = next(iter(setup.datasets('train_dataloader')), None)
    names = (trained and known_classes(trained[0])) or []
    scored = {argument(metric.node, 'ignore_index', class_of(metric.node, METRICS)): metric for metric in metrics}
    left_out = {index: key for index in range(count) if (key := _leaves_out(head, index))}
    for index, key in left_out.items():
        if any(ignored != index for ignored in scored):
            metric = next(metric for ignored, metric in scored.items() if ignored != index)
            yield warning(
                key,
                f'nothing is learned of class {_named(index, names)}, and {metric.key} scores it',
                why='its pixels are predicted as others, which lowers the scores of all, and its IoU is about 0',
                fix=(f'{key}=255' if key.endswith('ignore_index') else f'give it a weight in {key}')
                + f'; or {metric.key}.ignore_index={index} leaves its pixels out of the scores too',
            )
    for ignored, metric in scored.items():
        if isinstance(ignored, int) and 0 <= ignored < count and ignored not in left_out:
            yield warning(
                f'{metric.key}.ignore_index',
                f'{ignored}, which is class {_named(ignored, names)}',
                why='its pixels do not count, but its IoU does: 0 as soon as it is predicted anywhere else, which lowers '
                'the mean',
                fix=f'{metric.key}.ignore_index=255, and read the rows of the classes that you mean; or '
                f'{head.key}.ignore_index={ignored} too',
            )


def _metrics(setup: Setup) -> Iterator[Part]:
    """Yield the IoUMetrics of validation and test, of the same settings one."""
    seen: list[dict] = []
    for name in ('val_evaluator', 'test_evaluator'):
        for part in dicts(setup.cfg.get(name), name):
            cls = class_of(part.node, METRICS)
            if cls is not None and issubclass(cls, IoUMetric) and part.node not in seen:
                seen.append(part.node)
                yield part


def _leaves_out(head: Part, index: int) -> str | None:
    """Return the key by which a head learns nothing of a class; None where one of its losses does."""
    if argument(head.node, 'ignore_index', class_of(head.node, MODELS)) == index:
        return f'{head.key}.ignore_index'
    keys = [_left_out_by(loss, index, logits_of(head.node)) for loss in losses_in(head)]
    return keys[0] if keys and all(keys) else None


def _left_out_by(loss: Part, index: int, logits: int) -> str | None:
    """Return the key by which a loss gives a class no weight: the weight, or the logit that it leaves out."""
    weights = loss.node.get('class_weight')
    if logits > 1 and isinstance(weights, (list, tuple)) and len(weights) > index and weights[index] == 0:
        return f'{loss.key}.class_weight'
    return f'{loss.key}.ignore_index' if logits > 1 and loss.node.get('ignore_index') == index else None


def _named(index: int, names: list[str]) -> str:
    return f'{index} ({names[index]})' if index < len(names) else str(index)
