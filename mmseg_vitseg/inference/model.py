"""A trained model from its config and checkpoint, and label maps from it: what a notebook needs."""

import copy
import inspect
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log
from PIL import Image
from torch import nn

from mmseg_vitseg.checkpoints.load_from import read_all_checkpoints
from mmseg_vitseg.checkpoints.loading import load_whole_model
from mmseg_vitseg.config.building import build_model, building
from mmseg_vitseg.config.datasets import classes_of, dataset_of, setting_of
from mmseg_vitseg.config.reading import read_config
from mmseg_vitseg.config.shipped import find_weights
from mmseg_vitseg.config.type_names import name_types
from mmseg_vitseg.datasets.class_names import check_tested_classes
from mmseg_vitseg.datasets.reader import Picture
from mmseg_vitseg.datasets.showing import display_of
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.inference.maps import batches, label_maps, maps_with_confidence
from mmseg_vitseg.inference.pipeline import Pipeline
from mmseg_vitseg.pictures.reading import ARRAYS, SUFFIXES


def load_model(
    config: str | Path | Config,
    checkpoint: str | Path | None = None,
    device: str | torch.device | None = None,
    options: dict | None = None,
) -> nn.Module:
    """Build a config's model, in evaluation mode, with a checkpoint's weights, every one of them.

    Args:
        config: a config or its file.
        checkpoint: a checkpoint of the whole model; None for the weights that come with ``quickstart``, as it is, of other
            configs for those that a training would start with.
        device: where it goes; the GPU where there is one.
        options: dotted key -> value, changes to the config.

    Returns:
        the model; ``model.cfg`` is the config, ``model.dataset_meta`` its classes, as the host's inference wants them.

    Raises:
        FileNotFoundError, ValueError: config or checkpoint are missing, damaged, or do not fit each other.
    """
    cfg = copy.deepcopy(config) if isinstance(config, Config) else read_config(config)
    cfg.merge_from_dict(options or {})
    name_types(cfg)
    device = usable_device(device)
    read_all_checkpoints()
    model = build_model(cfg)
    trained: dict = {}
    if checkpoint is None and not options and not isinstance(config, Config):
        checkpoint = find_weights(config)
    if checkpoint is None:
        model.init_weights()
        print_log('No checkpoint: the weights are those that a training would start with.', logger='current')
    else:
        trained = load_whole_model(model, checkpoint)
    model.cfg = cfg
    if 'test_dataloader' in cfg:
        classes, palette = classes_of(cfg)
        check_tested_classes(cfg, model, trained, str(checkpoint))
        model.dataset_meta = dict(classes=classes, palette=palette.tolist())
        pipeline = build_pipeline(model)
        display_of(cfg, pipeline.reader)  # refuses show_bands that cannot be shown
        cfg.test_pipeline = [pipeline.reading or dict(type='LoadImageFromFile'), *pipeline.after]
    return model.to(device).eval()


def usable_device(name: str | torch.device | None) -> str | torch.device:
    """Return the device that is asked for, or for None the GPU where there is one.

    Raises:
        ValueError: torch cannot use it here.
    """
    if name is None:
        return 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        torch.empty(1, device=name)
    except Exception as error:  # each backend has its own
        raise ValueError(
            f'--device {name}: cannot be used here ({first_line(error)}); cpu always can, cuda where torch finds a GPU'
        ) from error
    return name


Predictions = np.ndarray | tuple[np.ndarray, np.ndarray]


def predict(
    model: nn.Module, images: Picture | Sequence[Picture], batch_size: int = 1, *, confidence: bool = False
) -> Predictions | list[Predictions]:
    """Predict the class of each pixel.

    Args:
        model: :func:`load_model`'s.
        images: a file's name, a PIL picture or an array; or several. A file is read as the config's test pipeline reads it.
            An array is (H, W, 3), uint8, RGB, where that reads colours; else (H, W, C) as it gives them, C the model's
            channels, or (H, W) of one (see :mod:`~mmseg_vitseg.datasets.reader`).
        batch_size: how many pictures go through the model at once, where the config's pipeline makes them one size.
        confidence: return with each label map how sure the model is.

    Returns:
        a label map (H, W), int64, of each picture's own size; a list for several. Its values are indices into the classes,
        from 0, also where masks number them otherwise (``reduce_zero_label``). With ``confidence`` pairs of a label map and
        the probability of these classes, (H, W), float32: the softmax's largest value; of a model with one logit, that of
        what it says, object or none; of a mask transformer, which has no softmax over classes, its largest score's share of
        the sum of scores.

    Raises:
        FileNotFoundError, ValueError: a file is missing or no picture; an array of another shape or type.
    """
    if isinstance(images, (str, Path, Image.Image, np.ndarray)):
        return predict(model, [images], confidence=confidence)[0]
    maps: list[Predictions] = []
    for batch in batches((prepare(model, image) for image in images), batch_size):
        maps += maps_with_confidence(model, batch) if confidence else label_maps(model, batch)
    return maps


def prepare(model: nn.Module, source: Picture | dict) -> dict:
    """Run the config's test pipeline on a file, a picture or an array, or on what a data set knows of one of its pictures.

    Returns:
        ``inputs``, ``data_samples``, ``picture``, (H, W) or (H, W, C) as the pipeline reads it, and ``nodata``, (H, W) bool,
        where it has none, or None.

    Raises:
        FileNotFoundError, ValueError: see :class:`~mmseg_vitseg.inference.pipeline.Pipeline`.
    """
    return pipeline_of(model)(source)


def pipeline_of(model: nn.Module) -> Pipeline:
    """Return the test pipeline of a model's config, which is built once a model, not once a picture."""
    if 'pipeline' not in vars(model):
        model.pipeline = build_pipeline(model)
    return model.pipeline


def build_pipeline(model: nn.Module) -> Pipeline:
    """Build the test pipeline of a model's config.

    Raises:
        ValueError: it has none, or one that cannot be built.
    """
    steps = dataset_of(model.cfg).pipeline
    settings = model.cfg.model.get('data_preprocessor') or {}
    mean = settings.get('mean')
    with building(model.cfg):
        return Pipeline(
            steps,
            channels=channels_of(model),
            means=len(mean) if isinstance(mean, (list, tuple)) else None,
            bgr_to_rgb=bool(settings.get('bgr_to_rgb')),
        )


def channels_of(model: nn.Module) -> int:
    """Return how many channels pictures have: the backbone's ``in_channels``, or what its first convolution takes."""
    backbone = getattr(model, 'backbone', model)  # a few of the host's models have none
    default = inspect.signature(type(backbone)).parameters.get('in_channels')
    settings = model.cfg.model.get('backbone') or {}
    given = settings.get('in_channels', default.default if default else None)
    if isinstance(given, int):
        return given
    return next((layer.in_channels for layer in backbone.modules() if isinstance(layer, nn.Conv2d)), 3)


def shown_picture(model: nn.Module, prepared: dict) -> np.ndarray:
    """Return a prepared picture as it is shown: (H, W, 3), uint8, RGB."""
    return display_of(model.cfg, pipeline_of(model).reader)(prepared['picture'], nodata=prepared.get('nodata'))


def suffixes_of(model: nn.Module) -> tuple[str, ...]:
    """Return the suffixes of files that a model's pipeline reads: pictures, its data set's, and arrays unless it decodes."""
    own = Path(f'x{setting_of(dataset_of(model.cfg), "img_suffix")}').suffix.lower()
    arrays = () if pipeline_of(model).reader.decodes else ARRAYS
    return tuple(dict.fromkeys((*SUFFIXES, *arrays, own)))
