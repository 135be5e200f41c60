"""What is looked for in a config, and looking for it."""

import copy
from collections.abc import Callable, Iterable, Iterator

from mmengine.config import Config
from mmengine.logging import print_log

from mmseg_vitseg.checking.differing_classes import differing_classes, wrong_class_weights
from mmseg_vitseg.checking.findings import ERROR, Finding
from mmseg_vitseg.checking.joined_datasets import unjoinable_datasets
from mmseg_vitseg.checking.levels import (
    missing_levels,
    refused_by_heads,
    unread_levels,
    wrong_head_levels,
    wrong_neck_widths,
)
from mmseg_vitseg.checking.loaders import dropped_pictures, options_without_workers
from mmseg_vitseg.checking.machine_lacks import gpu_precision_on_cpu, missing_folders, missing_packages
from mmseg_vitseg.checking.mask_classes import differing_mask_classes
from mmseg_vitseg.checking.mask_transformers import refused_by_eomt, too_few_queries, wrong_mask_annealing
from mmseg_vitseg.checking.missing_confidence import missing_confidence
from mmseg_vitseg.checking.missing_files import misnamed_files, missing_masks
from mmseg_vitseg.checking.misspelt import misspelt_arguments, misspelt_settings, misspelt_test_settings
from mmseg_vitseg.checking.norms import batch_norm_of_one_picture, wrong_input_norm
from mmseg_vitseg.checking.one_logit import sigmoid_taken_twice, wrong_one_logit
from mmseg_vitseg.checking.picture_sizes import other_position_grid, partial_patches, wrong_padding, wrong_windows
from mmseg_vitseg.checking.pictures_of_bands import labels_of_no_data, means_before_scale, steps_for_colours
from mmseg_vitseg.checking.preprocessed_bands import turned_bands, wrong_means
from mmseg_vitseg.checking.sampled_data import Track, ignored_objects, mistakes_in_data
from mmseg_vitseg.checking.scored_classes import scored_but_not_learned
from mmseg_vitseg.checking.starting_weights import missing_weights, weights_of_another_model
from mmseg_vitseg.checking.training_setup import Setup
from mmseg_vitseg.checking.uneven_batches import uneven_batches
from mmseg_vitseg.checking.unknown_types import unknown_types
from mmseg_vitseg.checking.wrong_losses import wrong_losses
from mmseg_vitseg.checking.wrong_schedules import wrong_schedules
from mmseg_vitseg.config.building import use_scope
from mmseg_vitseg.config.parts import quiet
from mmseg_vitseg.config.type_names import name_types
from mmseg_vitseg.errors import first_line

Check = Callable[[Setup], Iterable[Finding]]

# Each is a function that finds what its name says.
CHECKS: tuple[Check, ...] = (  # in every config, without its data
    # names
    misspelt_settings,  # `optim_wraper`
    misspelt_test_settings,  # in model.test_cfg: `strides`
    misspelt_arguments,  # of models, data, hooks, loops, optimizers and schedules
    unknown_types,
    # classes
    differing_classes,  # of heads, training, validation and test data
    differing_mask_classes,  # of LoadMask and its data set
    wrong_one_logit,  # two classes by one logit: its loss, its threshold
    sigmoid_taken_twice,  # in test-time augmentation of one logit
    wrong_class_weights,  # not one for each class
    scored_but_not_learned,  # and learned but not scored
    missing_confidence,  # that a CalibrationMetric needs
    wrong_losses,  # that fail, learn nothing, or the inverse
    # what backbone, neck and heads hand on
    missing_levels,  # out_indices
    wrong_neck_widths,  # in_channels
    wrong_head_levels,  # in_index, in_channels
    unread_levels,  # trained by nothing
    refused_by_heads,  # heads of ours say why themselves
    # masks of queries
    refused_by_eomt,
    too_few_queries,
    wrong_mask_annealing,  # masks that are never taken away
    # sizes of pictures
    partial_patches,  # crops that are not whole patches
    other_position_grid,  # img_size is not the crop's
    wrong_padding,  # of the data preprocessor
    wrong_windows,  # sliding windows that leave pixels out
    # pictures of many bands
    steps_for_colours,  # that take three channels of 8 bits
    labels_of_no_data,  # which the host's masks keep
    # normalisation
    wrong_input_norm,  # twice, or not at all
    wrong_means,  # of other numbers of bands
    turned_bands,  # bgr_to_rgb, of bands in their file's order
    means_before_scale,  # of values as files have them
    batch_norm_of_one_picture,
    # files that the training starts from
    missing_weights,
    weights_of_another_model,
    # data loaders
    options_without_workers,
    unjoinable_datasets,  # in a ConcatDataset
    dropped_pictures,  # by drop_last: all, or what should be scored
    # the learning rate
    wrong_schedules,  # longer, shorter or later than the training
)
IN_FILES: tuple[Check, ...] = (  # with --data, and before a training
    misnamed_files,  # lines of split files that name no picture; pictures whose suffix leaves them out
    uneven_batches,  # pictures of several sizes in one batch
)
STARTING: tuple[Check, ...] = (  # before a training
    gpu_precision_on_cpu,
    missing_packages,
    missing_folders,
    missing_masks,
    ignored_objects,  # in a few masks: 255 that is drawn where a class is meant
)
# With --data also `mistakes_in_data`, in a sample: labels that are no class, damaged files, masks of another size.


def check_config(cfg: Config, track: Track | None = None, *, starting: bool = False) -> list[Finding]:
    """Check a config: errors first.

    Without the data it takes less than a second: parts are built without memory, files are looked at for names and shapes.
    Where a config is of a form that a check does not foresee, the log says that the check was left out.

    Args:
        cfg: as read from a file, ``--cfg-options`` applied. It is not changed. Where it says how it is launched
            (``launcher``), synchronised batch norm without a process group is taken for plain batch norm.
        track: if given, a sample of the data is looked at too, and this shows how far it is: see
            :func:`~mmseg_vitseg.checking.sampled_data.mistakes_in_data`.
        starting: a training is about to start here: the folders of its data must be there, pictures fit into batches, and
            the machine must have what it needs.

    Raises:
        ConfigError: it has no model.
    """
    use_scope(cfg)
    cfg = copy.deepcopy(cfg)
    name_types(cfg)
    setup = Setup(cfg)
    found = [*_found_by((*CHECKS, *STARTING, *IN_FILES) if starting else CHECKS, setup)]
    if track is not None:
        in_data = [*_found_by(IN_FILES, setup), *mistakes_in_data(setup, track)]
        found += dict.fromkeys(in_data)  # what several data sets show is said once
    return sorted(found, key=lambda finding: finding.severity != ERROR)


def _found_by(checks: Iterable[Check], setup: Setup) -> Iterator[Finding]:
    for check in checks:
        try:
            with quiet():
                found = list(check(setup))
        except Exception as problem:  # configs of other projects may be anything; a check is no reason not to train
            print_log(
                f'{check.__name__} was left out: {type(problem).__name__}: {first_line(problem)}', logger='current'
            )
        else:
            yield from found
