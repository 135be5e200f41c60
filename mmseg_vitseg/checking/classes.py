"""Classes: the heads' against the data set's, set-ups with one logit, weights of classes."""

from collections.abc import Iterator

from mmseg.models.losses import CrossEntropyLoss
from mmseg.registry import MODELS

from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.setup import LOADERS, Setup, known_classes, losses_in
from mmseg_vitseg.config.parts import MASK_HEADS, Part, class_of, classifies_pixels, has_one_logit, logits_of, type_name
from mmseg_vitseg.datasets.class_names import MEANT, first_difference, listed, reduces, same
from mmseg_vitseg.engine.running.tta import is_hosts_tta

LABELS_TOO_HIGH = 'labels that the head has no logit for crash the loss, on a GPU with a "device-side assert"'


def check_num_classes(setup: Setup) -> Iterator[Finding]:
    """Each head has the training data set's classes, and validation and test have the same, in the same order."""
    datasets = [wrapped[0] for loader in LOADERS for wrapped in setup.datasets(loader)]
    trained = next(iter(datasets), None)
    if trained is None or not (names := known_classes(trained)):
        return
    for head in setup.labelled_heads:
        yield from compare_classes(head, len(names), type_name(trained.node))
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
            f'{type_name(dataset.node)} has {listed(others)}, {type_name(trained.node)} in {trained.key} has '
            f'{listed(names)}{first_difference(others, names)}',
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


def compare_classes(head: Part, count: int, dataset: str) -> Iterator[Finding]:
    """Compare a head with a data set of ``count`` classes."""
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
            why='what is predicted as one of the others has no name and no colour, and scores leave it out',
            fix=f'{key}={count}',
        )


def check_one_logit(setup: Setup) -> Iterator[Finding]:
    """Two classes by one logit need a sigmoid and a threshold; anything else needs a logit a class."""
    for head in setup.labelled_heads:
        if not classifies_pixels(head.node):
            continue
        classes, logits, threshold = head.node['num_classes'], logits_of(head.node), head.node.get('threshold')
        if logits != classes and (logits != 1 or classes != 2):
            yield error(
                f'{head.key}.out_channels',
                f'{logits} for num_classes={classes}',
                why='a head has a logit a class, or one logit for two classes',
                fix=f'leave {head.key}.out_channels out',
            )
        elif logits == 1:
            yield from _check_sigmoid(head)
            yield from _check_threshold(head, threshold)
        elif threshold is not None:
            yield warning(
                f'{head.key}.threshold',
                f'{threshold} with {logits} logits',
                why='the class of the highest logit is predicted, no threshold is used',
                fix=f'leave {head.key}.threshold out' + (f', or {head.key}.out_channels=1' if classes == 2 else ''),
            )


def _check_sigmoid(head: Part) -> Iterator[Finding]:
    for loss in losses_in(head):
        if type_name(loss.node) == 'CrossEntropyLoss' and not (
            loss.node.get('use_sigmoid') or loss.node.get('use_mask')
        ):
            yield error(
                f'{loss.key}.use_sigmoid',
                f'{loss.node.get("use_sigmoid", False)} with one logit',
                why='a softmax over one logit is always 1: the loss is 0, or crashes at the first label 1',
                fix=f'{loss.key}.use_sigmoid=True, or {head.key}.num_classes=2 {head.key}.out_channels=2',
            )


def _check_threshold(head: Part, threshold: float | None) -> Iterator[Finding]:
    key = f'{head.key}.threshold'
    if '.decode_head' not in f'.{head.key}':  # an auxiliary head predicts nothing
        return
    if threshold is None:
        yield warning(
            key,
            'not set, with one logit',
            why='the host then takes 0.3, so that less likely pixels are predicted as the object too',
            fix=f'{key}=0.5, or whatever you mean',
        )
    elif not 0 < threshold < 1:
        yield error(
            key,
            f'{threshold}; allowed: between 0 and 1',
            why='it is compared with a probability, so that all pixels are predicted as one class',
            fix=f'{key}=0.5',
        )


def check_test_time_augmentation(setup: Setup) -> Iterator[Finding]:
    """Views of one logit are probabilities, of which the host's SegTTAModel takes the sigmoid once more."""
    tta = setup.cfg.get('tta_model')
    if isinstance(tta, dict) and has_one_logit(setup.model.node) and is_hosts_tta(tta):
        yield warning(
            'tta_model.type',
            f'{tta["type"]}, with one logit',
            why="in the host's own test.py --tta all pixels become the object: it takes a second sigmoid of the "
            'probability; tools/test.py --tta uses ours in its place',
            fix='tta_model.type=mmseg_vitseg.SegTTAModel',
        )


def check_class_weights(setup: Setup) -> Iterator[Finding]:
    """A loss has a weight for each class."""
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
