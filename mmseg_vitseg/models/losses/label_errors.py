"""Labels that a head has no class for: an error with the mask's name, or on CUDA a loss that is NaN.

A loss would crash on them, on a GPU with the whole process, or take them for another class without a word.
"""

import torch
from mmseg.models.decode_heads import STDCHead
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import DiceLoss
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_vitseg.labels import check_labels, usable_labels
from mmseg_vitseg.models.losses.modules import losses_of


def takes_labels(head: nn.Module) -> bool:
    """Tell heads that are trained on the masks' labels as they are from those that make others of them, or may.

    A class that nobody here wrote may in its ``loss_by_feat``; of the host's, STDC's detail head makes edges.
    """
    if not isinstance(head, BaseDecodeHead) or isinstance(head, STDCHead):
        return False
    return type(head).loss_by_feat.__module__.partition('.')[0] in ('mmseg', 'mmseg_vitseg')


def usable_masks(
    head: BaseDecodeHead, samples: list[SegDataSample], *also_ignored: int | None
) -> tuple[list[SegDataSample], Tensor | None]:
    """Return data samples that a head's losses can be computed from, and whether these must be made NaN.

    Returns:
        samples, and on CUDA a boolean scalar there; see :func:`~mmseg_vitseg.labels.usable_labels`.

    Raises:
        ValueError: on other devices, as :func:`check_masks`.
    """
    if not all('gt_sem_seg' in sample for sample in samples):  # a head of depths needs none
        return samples, None
    masks = torch.stack([sample.gt_sem_seg.data for sample in samples])  # looked at once
    try:
        masks, wrong = usable_labels(*_arguments(head, masks, also_ignored))
    except ValueError:
        check_masks(head, samples, *also_ignored)  # which names the mask
        raise
    if wrong is None:
        return samples, None
    usable = [sample.new() for sample in samples]  # another head may have other classes
    for sample, mask in zip(usable, masks, strict=True):
        sample.gt_sem_seg = sample.gt_sem_seg.new(data=mask)
    return usable, wrong


def check_masks(head: BaseDecodeHead, samples: list[SegDataSample], *also_ignored: int | None) -> None:
    """Refuse labels of a batch that are neither a class of the head's, nor ignored by it, nor among ``also_ignored``.

    This waits for a GPU that the masks are on.

    Raises:
        ValueError: names the mask, what is in it, and what to look at.
    """
    errors = []
    for index, sample in enumerate(samples):
        if 'gt_sem_seg' not in sample:
            continue
        try:
            check_labels(*_arguments(head, sample.gt_sem_seg.data, also_ignored))
        except ValueError as error:
            name = sample.get('seg_map_path') or sample.get('img_path') or f'picture {index} of the batch'
            errors.append(f'{name}: {error}')
    if errors:
        more = f' ({len(errors) - 1} more of the batch have such labels)' if len(errors) > 1 else ''
        raise ValueError(f'{errors[0]}{more}')


def ignored_by_losses(head: BaseDecodeHead) -> set[int | None]:
    """Return the labels that every loss of a head leaves out by itself."""
    return set.intersection(*({_ignored_by(loss)} for loss in losses_of(head)))


def _ignored_by(loss: nn.Module) -> int | None:
    # DiceLoss's ignore_index is a class whose logits it leaves out, not its pixels
    return None if isinstance(loss, DiceLoss) else getattr(loss, 'ignore_index', None)


def _arguments(head: BaseDecodeHead, labels: Tensor, also_ignored: tuple[int | None, ...]) -> tuple:
    """Return what the functions of labels.py are told of a head."""
    classes = max(head.num_classes, 2) if head.out_channels == 1 else head.num_classes  # one logit tells two apart
    return labels, classes, head.ignore_index, also_ignored
