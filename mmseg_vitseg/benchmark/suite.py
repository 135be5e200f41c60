"""The suite whose figures we publish: what is run, and against what."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmseg_vitseg.benchmark.variants import Variant

MODES = ('predict', 'train')


@dataclass(frozen=True)
class Case:
    """A config of ``configs/``, what is changed in it, and what it is compared with.

    Args:
        name: what the report calls it.
        config: the config's name.
        shape: (H, W).
        against: ``stock`` or ``hf``.
        options: dotted key -> value, put over the config's.
        modes: of MODES, those in which it is run.
    """

    name: str
    config: str
    shape: tuple[int, int]
    against: str
    options: dict = field(default_factory=dict)
    modes: tuple[str, ...] = MODES

    def variants(self, configs: Path) -> tuple[Variant, Variant]:
        """Return ours and the other; ``configs`` is the folder of the configs."""
        config = str(configs / f'{self.config}.py')
        ours = Variant('ours', config, options=self.options)
        return ours, Variant(self.against, config, self.against, self.options)


# The host's form of the decoder, so that the host's weights fit and results are compared.
HOST_DECODER = {'model.decode_head.linear_projection': False, 'model.decode_head.channels': 256}
STREET = (1024, 2048)  # the size of Cityscapes' pictures
# A crop is predicted whole: the host's sliding window over a single crop would only add to its time.
WHOLE = {'model.test_cfg.mode': 'whole'}


def _setr(decoder: str, auxiliary: int) -> Case:
    classes = {'model.decode_head.num_classes': 150}
    classes |= {f'model.auxiliary_head.{index}.num_classes': 150 for index in range(auxiliary)}
    return Case(
        f'SETR-{decoder.upper() if decoder != "naive" else "Naive"} ViT-B, 150 classes',
        f'setr_{decoder}_base_cityscapes',
        (512, 512),
        'stock',
        {**WHOLE, **classes, 'model.backbone.img_size': (512, 512)},
    )


def _small(classes: int, size: tuple[int, int]) -> dict:
    heads = ['decode_head', *(f'auxiliary_head.{index}' for index in range(3))]
    options: dict[str, object] = {**WHOLE, 'model.backbone.variant': 'small', 'model.backbone.img_size': size}
    for head in heads:
        options |= {f'model.{head}.in_channels': 384, f'model.{head}.num_classes': classes}
    return options


def _windows(classes: int) -> Case:
    """Return a street scene in six windows."""
    test = {'mode': 'slide', 'crop_size': (768, 768), 'stride': (512, 512)}
    options: dict[str, object] = {f'model.test_cfg.{key}': value for key, value in test.items()}
    options |= {**HOST_DECODER, 'model.decode_head.num_classes': classes}
    name = f'SegFormer-B0, {classes} classes, windows of 768 every 512'
    return Case(name, 'segformer_b0_cityscapes', STREET, 'stock', options, ('predict',))


CASES = (
    Case('SegFormer-B0, 150 classes', 'segformer_b0_ade20k', (512, 512), 'stock', HOST_DECODER),
    Case('SegFormer-B2, 150 classes', 'segformer_b2_ade20k', (512, 512), 'stock', HOST_DECODER),
    Case("SegFormer-B0, 150 classes, authors' decoder", 'segformer_b0_ade20k', (512, 512), 'hf'),
    Case("SegFormer-B2, 150 classes, authors' decoder", 'segformer_b2_ade20k', (512, 512), 'hf'),
    _setr('naive', 3),
    _setr('pup', 3),
    _setr('mla', 4),
    Case('SETR-PUP ViT-S, 19 classes', 'setr_pup_base_cityscapes', (768, 768), 'stock', _small(19, (768, 768))),
    # where logits at full size weigh most
    Case(
        'SETR-PUP ViT-S, 150 classes',
        'setr_pup_base_cityscapes',
        (512, 512),
        'stock',
        _small(150, (512, 512)),
        ('train',),
    ),
    Case('SegFormer-B0, 150 classes, street', 'segformer_b0_ade20k', STREET, 'stock', HOST_DECODER, ('predict',)),
    _windows(19),
    _windows(150),
)


def chosen_cases(text: str, modes: Sequence[str]) -> list[tuple[str, Case]]:
    """Return the cases whose names contain ``text``, mode after mode.

    Raises:
        ValueError: there is none; names those that there are.
    """
    found = [(mode, case) for mode in modes for case in CASES if mode in case.modes]
    wanted = [(mode, case) for mode, case in found if text in case.name]
    if not wanted:
        names = '; '.join(dict.fromkeys(case.name for _, case in found))
        raise ValueError(f'--suite {text}: no such model; in {" and ".join(modes)} there are {names}')
    return wanted
