"""Two classes by one logit: its loss, its threshold, its test-time augmentation."""

from collections.abc import Iterator

from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.training_setup import Setup, losses_in
from mmseg_vitseg.config.heads import classifies_pixels, has_one_logit, is_hosts_tta, logits_of
from mmseg_vitseg.config.parts import Part, type_name


def wrong_one_logit(setup: Setup) -> Iterator[Finding]:
    """One logit without a sigmoid or a threshold, or with other than two classes; otherwise, other than a logit a class."""
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
        why = 'the host then takes 0.3, so that less likely pixels are predicted as the object too'
        yield warning(key, 'not set, with one logit', why=why, fix=f'{key}=0.5, or whatever you mean')
    elif not 0 < threshold < 1:
        why = 'it is compared with a probability, so that all pixels are predicted as one class'
        yield error(key, f'{threshold}; allowed: between 0 and 1', why=why, fix=f'{key}=0.5')


def sigmoid_taken_twice(setup: Setup) -> Iterator[Finding]:
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
