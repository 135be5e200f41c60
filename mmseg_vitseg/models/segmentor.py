"""The host's segmentor, which takes checkpoints whole or not at all."""

from collections.abc import Sequence

from mmseg.models.segmentors import EncoderDecoder as HostEncoderDecoder
from torch import Tensor

from mmseg_vitseg.checkpoints.strict import account
from mmseg_vitseg.registry import MODELS


@MODELS.register_module()
class EncoderDecoder(HostEncoderDecoder):
    """The host's EncoderDecoder; any of the host's backbones, necks and heads, or ours, inside.

    The host skips keys of a checkpoint that do not fit, which loses trainings without a word. Here ``load_from``, resuming
    and ``load_state_dict`` account for every key, or raise a ValueError that lists the others. A checkpoint of the host's
    whole model loads as it is.

    Args:
        from_scratch: name prefixes of what a checkpoint need not fill: for fine-tuning on other classes,
            ``['decode_head.conv_seg', 'auxiliary_head']``, say. What it has there in the model's shape is loaded, so
            that the fine-tuned model's own checkpoints load whole.
        host_arguments: the host's.
    """

    def __init__(self, *, from_scratch: Sequence[str] = (), **host_arguments):
        super().__init__(**host_arguments)
        self.from_scratch = tuple(from_scratch)
        self.register_load_state_dict_pre_hook(_account)


def _account(module: EncoderDecoder, state_dict: dict[str, Tensor], prefix: str, *_) -> None:
    own = {name.removeprefix(prefix): value for name, value in state_dict.items() if name.startswith(prefix)}
    filled = account(own, module, 'the checkpoint', module.from_scratch)
    for name in own:
        del state_dict[prefix + name]
    state_dict.update({prefix + name: value for name, value in filled.items()})
