"""Heads that start from a file: ``init_cfg=dict(type='Pretrained', checkpoint=...)``, whole or refused."""

from mmengine.model import BaseModule

from mmseg_vitseg.checkpoints.pretrained import load_part, pretrained_options


class PretrainedPart(BaseModule):
    """A head whose ``init_cfg`` may name a whole model's checkpoint of any source.

    ``prefix`` beside ``checkpoint`` and ``source`` is the head's name in that model, ``decode_head.`` by default.
    """

    def init_weights(self) -> None:
        """Load the file that ``init_cfg`` names, or draw weights as the host does.

        Raises:
            FileNotFoundError, ValueError: as :func:`~mmseg_vitseg.checkpoints.strict.load_part`.
        """
        options = pretrained_options(self, ('source', 'prefix'))
        if options is None:
            super().init_weights()
        else:
            load_part(self, **options)
