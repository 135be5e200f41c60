"""The configs of benchmarks/heads.py: heads on one pretrained ViT-S/14, with the same steps, crops and augmentation."""

from dataclasses import dataclass, field

from mmengine.config import Config

from mmseg_vitseg.registry import DATASETS
from trainings import ROOT, train_for

BACKBONE_RATE = 1e-4  # of a fine-tuned backbone's last block
HELD_OUT = 6  # a sixth of the training pictures chooses learning rates


@dataclass(frozen=True)
class Head:
    """A head of the comparison.

    Args:
        title: in the tables.
        config: in configs/, of Oxford-IIIT Pet; its model is taken.
        rate: the head's learning rate, chosen with ``--rates``.
        schedule: in configs/_base_/schedules; ``finetune`` with lower rates for lower layers, or the config's own.
        options: dotted key -> value, changes to the model.
    """

    title: str
    config: str
    rate: float
    schedule: str = 'finetune'
    options: dict = field(default_factory=dict)


HEADS = {
    'linear_frozen': Head('linear probe, frozen', 'vit_small_linear_pet', 1e-2, 'linear'),
    'linear_probe': Head(
        'linear probe, fine-tuned', 'vit_small_linear_pet', 5e-3, options={'model.backbone.frozen': False}
    ),
    'linear_patch': Head('linear patch head', 'vit_small_pretrained_pet', 5e-3),
    'fcn': Head('FCN (the host)', 'vit_fcn_pet', 5e-3),
    'setr_naive': Head('SETR-Naive', 'setr_naive_pet', 1e-2),
    'setr_pup': Head('SETR-PUP', 'setr_pup_pet', 5e-3),
    'setr_mla': Head('SETR-MLA', 'setr_mla_pet', 5e-3),
    'segformer': Head("SegFormer's decoder", 'vit_segformer_pet', 1e-2),
    'upernet': Head('UPerNet (the host)', 'vit_upernet_pet', 2e-3),
    'eomt': Head('EoMT', 'eomt_pet', 5e-4, 'eomt_small'),
}


@dataclass(frozen=True)
class Data:
    """A data set of the comparison.

    Args:
        base: in configs/_base_/datasets.
        classes: how many.
        shape: (H, W) of a tested picture.
        crop: (H, W) of a training picture.
        frames: whether neighbours are frames of one video, so that pictures to choose with have to lie together.
        head_options: dotted key -> value, by head, that this data set changes.
    """

    base: str
    classes: int
    shape: tuple[int, int]
    crop: tuple[int, int]
    frames: bool = False
    head_options: dict[str, dict] = field(default_factory=dict)


DATA = {
    'pet': Data('pet_196', 3, (196, 196), (196, 196)),
    'camvid': Data('camvid_14', 11, (364, 490), (252, 322), True, {'eomt': {'model.decode_head.num_queries': 32}}),
}


def composed(data: str, head: str, epochs: int, rate: float | None = None) -> Config:
    """Return the config of a head on a data set; with a ``rate`` to try, of its training pictures alone."""
    settings, on = HEADS[head], DATA[data]
    cfg = Config.fromfile(ROOT / f'configs/{settings.config}.py')
    for part in (f'datasets/{on.base}', f'schedules/{settings.schedule}'):
        for key, value in Config.fromfile(ROOT / f'configs/_base_/{part}.py').items():
            cfg[key] = value
    cfg.merge_from_dict({**settings.options, **on.head_options.get(head, {})})
    for one in [cfg.model.decode_head, *cfg.model.get('auxiliary_head', [])]:
        one.num_classes = on.classes
    cfg.optim_wrapper = optimizer(cfg.optim_wrapper, settings.schedule, rate or settings.rate)
    train_for(cfg, epochs)
    cfg.train_cfg.val_interval = epochs
    cfg.val_evaluator = cfg.test_evaluator = [
        dict(type='IoUMetric', iou_metrics=['mIoU']),
        dict(type='mmseg_vitseg.BoundaryMetric'),
    ]
    cfg.default_hooks.checkpoint.update(interval=1, max_keep_ckpts=1, save_best=None)
    if rate:
        hold_out(cfg, on.frames)
    return cfg


def optimizer(wrapper: dict, schedule: str, rate: float) -> dict:
    """Return a schedule's optimizer with a head's learning rate; a fine-tuned backbone learns as EoMT's does."""
    if schedule == 'linear':
        return dict(wrapper, optimizer=dict(wrapper['optimizer'], lr=rate))
    paramwise = dict(
        wrapper['paramwise_cfg'] if schedule == 'eomt_small' else dict(layer_decay_rate=0.8),
        head_lr_mult=rate / BACKBONE_RATE,
    )
    return dict(
        wrapper,
        optimizer=dict(wrapper['optimizer'], lr=BACKBONE_RATE),
        constructor='mmseg_vitseg.ViTLayerDecayConstructor',
        paramwise_cfg=paramwise,
    )


def hold_out(cfg: Config, frames: bool) -> None:
    """Train on five sixths of the training pictures, score on the others: every sixth one, or of a video the last sixth."""
    train, pipeline = cfg.train_dataloader.dataset, cfg.val_dataloader.dataset.pipeline
    count = len(DATASETS.build(dict(train, pipeline=[])))
    first_held = count - count // HELD_OUT
    held = [index for index in range(count) if (index >= first_held if frames else index % HELD_OUT == 0)]
    cfg.train_dataloader.dataset = dict(train, indices=sorted(set(range(count)) - set(held)))
    cfg.val_dataloader.dataset = dict(train, pipeline=pipeline, test_mode=True, indices=held)
    cfg.test_dataloader = cfg.val_dataloader
