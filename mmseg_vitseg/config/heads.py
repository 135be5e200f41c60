"""What a config says of its segmentor and heads: how many logits a pixel they have, and what that means."""

from mmengine.config import Config, ConfigDict
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import SegTTAModel
from mmseg.registry import MODELS

from mmseg_vitseg.config.parts import Part, class_of, type_name

# Heads that classify masks, with a last class for "no object".
MASK_HEADS = ('MaskFormerHead', 'Mask2FormerHead', 'SideAdapterCLIPHead', 'EoMTHead')


def segmentor_of(cfg: Config) -> ConfigDict:
    """Return the segmentor's settings; with test-time augmentation they lie inside of it."""
    return cfg.model.get('module') or cfg.model


def classifies_pixels(head: dict) -> bool:
    """Tell decode heads of the host's kind, none that classifies masks; a class that is not known is taken for one."""
    cls = class_of(head, MODELS)
    return (cls is None or issubclass(cls, BaseDecodeHead)) and type_name(head) not in MASK_HEADS


def logits_of(head: dict) -> int:
    """Return how many logits a head has a pixel; ``out_channels`` of others than the host's decode heads is a width."""
    own = head.get('out_channels') if classifies_pixels(head) else None
    return own or head['num_classes']


def has_one_logit(model: dict) -> bool:
    """Tell whether a model tells two classes apart by one logit, as far as the head says that predicts: a cascade's last."""
    heads = [head.node for head in Part('model', model).children('decode_head')]
    return bool(heads) and 'num_classes' in heads[-1] and logits_of(heads[-1]) == 1


def is_hosts_tta(tta_model: dict) -> bool:
    """Tell the host's test-time augmentation, which takes the sigmoid of what is one logit's probability already."""
    return class_of(tta_model, MODELS) is SegTTAModel
