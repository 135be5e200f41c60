"""Labels that a head has no class for: an error with the mask's name, before any loss sees them.

A loss would crash on them, on a GPU with the whole process, or take them for another class without a word.
"""

import torch
from mmseg.models.decode_heads import STDCHead
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import DiceLoss
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_vitseg.labels import check_labels
from mmseg_vitseg.models.losses.modules import losses_of


def takes_labels(head: nn.Module) -> bool:
    """Tell heads that are trained on the masks' labels as they are from those that make others of them, or may.

    A class that nobody here wrote may in its ``loss_by_feat``; of the host's, STDC's detail head makes edges.
    """
    if not isinstance(head, BaseDecodeHead) or isinstance(head, STDCHead):
        return False
    return type(head).loss_by_feat.__module__.partition('.')[0] in ('mmseg', 'mmseg_vitseg')


def check_masks(head: BaseDecodeHead, samples: list[SegDataSample], *also_ignored: int | None) -> None:
    """Refuse labels of a batch that are neither a class of the head's, nor ignored by it, nor among ``also_ignored``.

    The whole batch is looked at once, so that a GPU is waited for once; the host's ``loss_by_feat``, which follows, waits
    for its accuracy as well.

    Raises:
        ValueError: names the mask, what is in it, and what to look at.
    """
    masks = [sample for sample in samples if 'gt_sem_seg' in sample]
    if not masks:
        return
    try:
        _check(head, torch.stack([sample.gt_sem_seg.data for sample in masks]), also_ignored)
    except ValueError:
        _name_mask(head, masks, also_ignored)


def ignored_by_losses(head: BaseDecodeHead) -> set[int | None]:
    """Return the labels that every loss of a head leaves out by itself."""
    return set.intersection(*({_ignored_by(loss)} for loss in losses_of(head)))


def _ignored_by(loss: nn.Module) -> int | None:
    # DiceLoss's ignore_index is a class whose logits it leaves out, not its pixels
    return None if isinstance(loss, DiceLoss) else getattr(loss, 'ignore_index', None)


def _name_mask(head: BaseDecodeHead, samples: list[SegDataSample], also_ignored: tuple[int | None, ...]) -> None:
    errors = []
    for index, sample in enumerate(samples):
        try:
            _check(head, sample.gt_sem_seg.data, also_ignored)
        except ValueError as error:
            name = sample.get('seg_map_path') or sample.get('img_path') or f'picture {index} of the batch'
            errors.append(f'{name}: {error}')
    more = f' ({len(errors) - 1} more of the batch have such labels)' if len(errors) > 1 else ''
    raise ValueError(f'{errors[0]}{more}')


def _check(head: BaseDecodeHead, labels: Tensor, also_ignored: tuple[int | None, ...]) -> None:
    classes = max(head.num_classes, 2) if head.out_channels == 1 else head.num_classes  # one logit tells two apart
    check_labels(labels, classes, head.ignore_index, also_ignored)
