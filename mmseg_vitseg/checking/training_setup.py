"""A config as the checks read it: what costs time is found out once, and only when a check asks."""

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from mmengine import registry as roots
from mmengine.config import Config
from mmengine.registry import Registry
from mmseg.models.decode_heads import STDCHead
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import DATASETS, MODELS

from mmseg_vitseg.checking.counting import Steps, count_steps
from mmseg_vitseg.checking.probing import Features, probe
from mmseg_vitseg.config.parts import (
    Part,
    argument,
    class_of,
    dicts,
    in_wrappers,
    is_known,
    is_written_by_known,
    nested,
    pair,
    type_name,
)
from mmseg_vitseg.config.schedules import schedulers_of
from mmseg_vitseg.datasets.class_names import class_names_of

SIZE = (512, 512)  # where a config does not say how large pictures are
TRAINED = ('train_dataloader', 'val_dataloader')  # what a training reads
LOADERS = (*TRAINED, 'test_dataloader')

# What the Runner builds from a dict, or a list of them, at the top of a config.
RUNNER_PARTS = (
    ('visualizer', roots.VISUALIZERS),
    *((name, roots.METRICS) for name in ('val_evaluator', 'test_evaluator')),
    ('custom_hooks', roots.HOOKS),
    ('optim_wrapper', roots.OPTIM_WRAPPERS),
    *((name, roots.LOOPS) for name in ('train_cfg', 'val_cfg', 'test_cfg')),
    ('tta_model', roots.MODELS),
)

# Steps of a pipeline that leave a picture's size as it is; of a step that is not known, the size after it is not known.
KEEPING_SIZE = (
    *('RandomFlip', 'PhotoMetricDistortion', 'PackSegInputs', 'RandomRotate', 'RandomCutOut', 'RGB2Gray', 'Rerange'),
    *('Normalize', 'CLAHE', 'AdjustGamma', 'GenerateEdge', 'RandomGrayscale', 'ConcatCDInput', 'RandomDepthMix'),
    'RandomBrightnessContrast',
)


class Crop(NamedTuple):
    """The size of pictures in training, (H, W), and the key that sets it."""

    key: str
    size: tuple[int, int]


class Setup:
    """The parts of a config.

    Args:
        cfg: as read from a file, ``--cfg-options`` applied; never changed.
    """

    def __init__(self, cfg: Config):
        self.cfg = cfg

    @cached_property
    def model(self) -> Part:
        """The model."""
        return Part('model', self.cfg.model)

    @cached_property
    def backbone(self) -> Part | None:
        """The backbone, where the model has one."""
        return self.model.child('backbone')

    @cached_property
    def backbone_class(self) -> type | None:
        """The backbone's class, where it is registered."""
        return self.backbone and class_of(self.backbone.node, MODELS)

    @cached_property
    def heads(self) -> list[Part]:
        """Every head with classes: decode heads, auxiliary heads, those inside of others."""
        return [
            part
            for name in ('decode_head', 'auxiliary_head')
            for part in nested(self.model.node.get(name), f'model.{name}')
            if 'num_classes' in part.node
        ]

    @cached_property
    def labelled_heads(self) -> list[Part]:
        """The heads that are trained on the data set's labels as they are."""
        return [head for head in self.heads if trains_on_labels(head)]

    @cached_property
    def preprocessor(self) -> Part | None:
        """The data preprocessor, the model's or the config's."""
        return self.model.child('data_preprocessor') or next(
            dicts(self.cfg.get('data_preprocessor'), 'data_preprocessor'), None
        )

    @property
    def known_preprocessor(self) -> Part | None:
        """The data preprocessor where it is one of the host's kind."""
        part = self.preprocessor
        return part if part and is_known(class_of(part.node, MODELS)) else None

    def argument(self, name: str):
        """Return what an argument of the backbone is, as the config or its class has it."""
        return argument(self.backbone.node, name, self.backbone_class) if self.backbone else None

    def datasets(self, loader: str) -> list[tuple[Part, ...]]:
        """Return each data set of a loader in its wrappers, the data set first, the outermost wrapper last."""
        node = self.cfg.get(loader)
        dataset = Part(loader, node).child('dataset') if isinstance(node, dict) else None
        return list(in_wrappers(dataset)) if dataset else []

    @cached_property
    def train_steps(self) -> list[Part]:
        """The steps of the (first) training data set's pipeline."""
        wrapped = next(iter(self.datasets('train_dataloader')), ())
        return [step for part in wrapped for step in part.children('pipeline')]

    @cached_property
    def steps(self) -> Steps | None:
        """The training data in steps, where it can be counted: its data set is built."""
        return count_steps(self.cfg)

    @cached_property
    def crop(self) -> Crop | None:
        """The size of pictures in training, None where it varies or is not known."""
        crop: Crop | None = None
        for key, node in self.train_steps:
            name = type_name(node)
            if name == 'RandomCrop':
                size = pair(node.get('crop_size'))
                crop = size and Crop(f'{key}.crop_size', size)
            elif name == 'Resize':
                size = None if node.get('keep_ratio') else pair(node.get('scale'))
                crop = size and Crop(f'{key}.scale', size[::-1])  # scales are (W, H)
            elif name == 'Pad' and (size := pair(node.get('size'))) and crop:  # (W, H); as much as is missing
                crop = Crop(crop.key, (max(crop.size[0], size[1]), max(crop.size[1], size[0])))
            elif not name.startswith('Load') and name not in KEEPING_SIZE:
                crop = None
        return crop

    @property
    def size(self) -> tuple[int, int]:
        """A size, (H, W), that the backbone is made for: the pictures', or its positions'."""
        return self.crop.size if self.crop else pair(self.argument('img_size')) or SIZE

    @cached_property
    def features(self) -> Features:
        """What the backbone, and the neck, hand to the heads, where the segmentor leaves that to them."""
        cls = class_of(self.model.node, MODELS)
        if not is_written_by_known(cls, EncoderDecoder, 'extract_feat', 'loss', '_decode_head_forward_train'):
            return Features()
        return probe(self.backbone, self.model.child('neck'), self.size)


def runner_parts(cfg: Config) -> Iterator[tuple[Part, Registry]]:
    """Yield what the Runner builds besides the model and the data, and the registry of its kind."""
    yield from ((part, roots.PARAM_SCHEDULERS) for part in schedulers_of(cfg))
    for name, registry in RUNNER_PARTS:
        yield from ((part, registry) for part in dicts(cfg.get(name), name))
    for hooks in dicts(cfg.get('default_hooks'), 'default_hooks'):
        yield from ((part, roots.HOOKS) for name in hooks.node for part in hooks.children(name))
    for wrapper in dicts(cfg.get('optim_wrapper'), 'optim_wrapper'):
        yield from ((part, roots.OPTIMIZERS) for part in wrapper.children('optimizer'))


def losses_in(head: Part) -> list[Part]:
    """Return the losses of a head, or the one that it has by default, or those of one that classifies masks."""
    default = argument(head.node, 'loss_decode', class_of(head.node, MODELS))
    return list(dicts(default, f'{head.key}.loss_decode')) + head.children('loss_cls')


def trains_on_labels(head: Part) -> bool:
    """Tell whether a head is trained on the data set's labels as they are.

    A class that nobody here wrote is believed to be so where its losses are the host's; STDC's detail head learns edges.
    """
    cls = class_of(head.node, MODELS)
    if cls is None or issubclass(cls, STDCHead) or not isinstance(head.node['num_classes'], int):
        return False
    if is_known(cls):
        return True
    return is_written_by_known(cls, BaseDecodeHead, 'loss', 'loss_by_feat')


def build_dataset(part: Part, **changes):
    """Build a data set to look into in this process, with some arguments changed."""
    settings = {**part.node, **changes}
    if argument(part.node, 'serialize_data', class_of(part.node, DATASETS)):
        settings['serialize_data'] = False  # for workers; it takes a second, and fails on a data set without pictures
    return DATASETS.build(settings)


def known_classes(dataset: Part) -> list[str] | None:
    """Return the names of a data set's classes, None where neither the config nor its class says."""
    try:
        return class_names_of(dataset.node) or None
    except Exception:  # of a type that is not there; data sets fail in their own ways
        return None
