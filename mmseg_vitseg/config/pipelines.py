"""What the steps of a pipeline do, as far as their classes and names say."""

from typing import Literal

from mmcv.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from mmseg_vitseg.config.parts import class_of, type_name

LOADING = ('Load', 'InferencerLoader')  # beginnings of the host's names of steps that read files


def reads(step: dict) -> Literal['picture', 'truth'] | None:
    """Tell what a step reads, the picture or its truth, by its base class or a name as the host's are; None: neither.

    Args:
        step: its settings; of one that is built, ``dict(type=type(step))``.
    """
    name, cls = type_name(step), class_of(step, TRANSFORMS)
    if 'Annotation' in name or (cls is not None and issubclass(cls, LoadAnnotations)):
        return 'truth'
    if not name.startswith(LOADING):
        return None
    return 'truth' if 'Mask' in name else 'picture'
