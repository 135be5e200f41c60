"""Classes of heads, data sets and weights that are not the same."""

from collections.abc import Iterator

from mmseg.models.losses import CrossEntropyLoss
from mmseg.registry import MODELS

from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.training_setup import LOADERS, Setup, known_classes, losses_in
from mmseg_vitseg.config.heads import MASK_HEADS, logits_of
from mmseg_vitseg.config.parts import Part, class_of, type_name
from mmseg_vitseg.datasets.class_names import MEANT, first_difference, list_classes, reduces, same

LABELS_TOO_HIGH = 'labels that the head has no logit for crash the loss, on a GPU with a "device-side assert"'


def differing_classes(setup: Setup) -> Iterator[Finding]:
    """Heads, validation or test data of other classes than the training data's, or of the same in another order."""
    datasets = [wrapped[0] for loader in LOADERS for wrapped in setup.datasets(loader)]
    trained = next(iter(datasets), None)
    if trained is None or not (names := known_classes(trained)):
        return
    for head in setup.labelled_heads:
        yield from wrong_num_classes(head, len(names), type_name(trained.node))
    if setup.cfg.get('same_classes') is not False:
        yield from _compare_names(trained, names, datasets)
        yield from _compare_numbers(trained, [one for one in datasets if same(names, known_classes(one) or [])])


def _compare_names(trained: Part, names: list[str], datasets: list[Part]) -> Iterator[Finding]:
    said: list[list[str]] = []
    for dataset in datasets:
        others = known_classes(dataset)
        if others is None or same(names, others) or others in said:
            continue
        said.append(others)
        named = len(others) == len(names) and 'classes' in (dataset.node.get('metainfo') or {})
        yield error(
            f'{dataset.key}.{"metainfo.classes" if named else "type"}',
            f'{type_name(dataset.node)} has {list_classes(others)}, {type_name(trained.node)} in {trained.key} has '
            f'{list_classes(names)}{first_difference(others, names)}',
            why='the same number is another class there: scores are of other classes than were trained',
            fix=f'give {dataset.key} the metainfo.classes of {trained.key}; if the numbers mean the same and the names '
            f'alone are wrong, {MEANT}',
        )


def _compare_numbers(trained: Part, datasets: list[Part]) -> Iterator[Finding]:
    own = reduces(trained.node)
    for dataset in datasets:
        other = reduces(dataset.node) if own is not None else None
        if other is not None and other != own:
            yield error(
                f'{dataset.key}.reduce_zero_label',
                f'{other}, and {own} in {trained.key}',
                why="every label of the one is another class's in the other: scores are of other classes than were trained",
                fix=f'{dataset.key}.reduce_zero_label={own}; if its masks are numbered otherwise, {MEANT}',
            )
            return


def wrong_num_classes(head: Part, count: int, dataset: str) -> Iterator[Finding]:
    """A head of more or fewer classes than a data set, which has ``count``."""
    key, classes = f'{head.key}.num_classes', head.node['num_classes']
    if logits_of(head.node) == 1:
        if count != 2:
            yield (error if count > 2 else warning)(
                key,
                f'{classes} with one logit, and {dataset} has {count} class{"es" if count > 1 else ""}',
                why=LABELS_TOO_HIGH
                if count > 2
                else 'one logit tells two apart, and the scores of one class alone, which the host prints, are wrong',
                fix=f'{key}={count}' if count > 2 else "name background and object in the data set's metainfo.classes",
            )
    elif classes < count:
        yield error(
            key,
            f'{classes}, and {dataset} has {count} classes',
            why=LABELS_TOO_HIGH,
            fix=f"{key}={count}, or fewer classes in the data set's metainfo.classes",
        )
    elif classes > count:
        yield warning(
            key,
            f'{classes}, and {dataset} has {count} classes',
            why='what is predicted as one of the others has no name and no colour, and scores leave it out'
            + ('; "no object" is not counted: the head adds it' if type_name(head.node) in MASK_HEADS else ''),
            fix=f'{key}={count}',
        )


def wrong_class_weights(setup: Setup) -> Iterator[Finding]:
    """Losses that have no weight for each class."""
    for head in setup.labelled_heads:
        for loss in losses_in(head):
            weights = loss.node.get('class_weight')
            if not isinstance(weights, (list, tuple)):
                continue
            masks = type_name(head.node) in MASK_HEADS
            count = head.node['num_classes'] + 1 if masks else logits_of(head.node)
            sigmoid = class_of(loss.node, MODELS) is CrossEntropyLoss and loss.node.get('use_sigmoid')
            if sigmoid and count > 1 and len(weights) > 1:
                yield error(
                    f'{loss.key}.class_weight',
                    f'{len(weights)} weights with use_sigmoid=True',
                    why="the host's sigmoid loss lays them along the picture's width, which fails",
                    fix=f'{loss.key}.type=mmseg_vitseg.CrossEntropyLoss, or {loss.key}.use_sigmoid=False',
                )
            elif len(weights) != count:
                yield error(
                    f'{loss.key}.class_weight',
                    f'{len(weights)} weights, and {head.key} has num_classes={head.node["num_classes"]}',
                    why='the loss fails in the first step of training',
                    fix=f'give {count} weights'
                    + (', the last for "no object"' if masks else ', in the order of the classes'),
                )
