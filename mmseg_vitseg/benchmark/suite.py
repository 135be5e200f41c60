"""The suite whose figures we publish: what is run, and against what."""

from dataclasses import dataclass, field

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
    """

    name: str
    config: str
    shape: tuple[int, int]
    against: str
    options: dict = field(default_factory=dict)


# The host's form of the decoder, so that the host's weights fit and results are compared.
HOST_DECODER = {'model.decode_head.linear_projection': False, 'model.decode_head.channels': 256}
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


def _small(width: int = 384, auxiliary: int = 3) -> dict:
    heads = {f'model.auxiliary_head.{index}.in_channels': width for index in range(auxiliary)}
    return {**WHOLE, **heads, 'model.backbone.variant': 'small', 'model.decode_head.in_channels': width}


CASES = (
    Case('SegFormer-B0, 150 classes', 'segformer_b0_ade20k', (512, 512), 'stock', HOST_DECODER),
    Case('SegFormer-B2, 150 classes', 'segformer_b2_ade20k', (512, 512), 'stock', HOST_DECODER),
    Case("SegFormer-B0, 150 classes, authors' decoder", 'segformer_b0_ade20k', (512, 512), 'hf'),
    Case("SegFormer-B2, 150 classes, authors' decoder", 'segformer_b2_ade20k', (512, 512), 'hf'),
    _setr('naive', 3),
    _setr('pup', 3),
    _setr('mla', 4),
    Case('SETR-PUP ViT-S, 19 classes', 'setr_pup_base_cityscapes', (768, 768), 'stock', _small()),
)
