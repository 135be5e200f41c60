"""Heads that start from a whole model's file."""

from mmengine.model import BaseModule

from mmseg_vitseg.checkpoints.loading import load_pretrained_head, pretrained_options


class PretrainedHead(BaseModule):
    """A head of which ``init_cfg=dict(type='Pretrained', checkpoint=...)`` may name a whole model's file of any source.

    ``prefix`` is the head's name in it, ``decode_head.`` by default.
    """

    def init_weights(self) -> None:
        """Load the file that ``init_cfg`` names, whole or not at all, or go on as the class after this one does.

        Raises:
            FileNotFoundError, ValueError: as :func:`~mmseg_vitseg.checkpoints.loading.load_pretrained_head`.
        """
        options = pretrained_options(self, ('source', 'prefix', 'container'))
        if options is None:
            super().init_weights()
        else:
            load_pretrained_head(self, **options)
