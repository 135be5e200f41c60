"""What the backbones share: pretrained weights, whole or refused, and the names that other projects gave the parameters."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_vitseg.architectures import Resizable
from mmseg_vitseg.checkpoints.accounting import check_values
from mmseg_vitseg.checkpoints.fitting import fit_to
from mmseg_vitseg.checkpoints.loading import load_pretrained_backbone, pretrained_options, replace_given
from mmseg_vitseg.checkpoints.values import UnusableValuesError


class Backbone(Resizable, BaseModule):
    """A backbone that takes checkpoints of any source (checkpoints/), and draws its weights as ``init_cfg`` says.

    A class derived from it has :meth:`features` and :meth:`draw_weights`.

    Args:
        frozen: nothing of it is trained: parameters have no gradient, it stays in evaluation mode, and it runs without a
            graph, so that feature maps have no gradient and nothing is kept for one.
        pretrained: the host's older spelling of ``init_cfg=dict(type='Pretrained', checkpoint=...)``.
        init_cfg: ``Pretrained`` loads every key or raises; beside ``checkpoint`` it may say ``source``, ``resize_patches``,
            ``adapt_channels``, ``container`` and ``prefix``: see
            :func:`~mmseg_vitseg.checkpoints.loading.load_pretrained_backbone`. None draws weights as :meth:`draw_weights`
            does.

    Raises:
        ValueError: both are given.
    """

    in_channels: int

    def __init__(self, *, frozen: bool, pretrained: str | None, init_cfg: dict | list[dict] | None):
        if pretrained is not None:
            if init_cfg is not None:
                raise ValueError(
                    f'{type(self).__name__}: pretrained={pretrained!r} and init_cfg={init_cfg!r}; give one'
                )
            init_cfg = dict(type='Pretrained', checkpoint=pretrained)
        super().__init__(init_cfg=init_cfg)
        self.frozen = frozen
        self.register_load_state_dict_pre_hook(_read_other_names)

    def forward(self, images: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Map images (B, C, H, W) to feature maps, as :meth:`features` does; such, from a disk, are handed on."""
        if isinstance(images, tuple):  # CachedFeaturesPreprocessor's
            return images
        self.check_channels(images)
        if not self.frozen:
            return self.features(images)
        with torch.no_grad():
            return self.features(images)

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """Map images (B, C, H, W) to one feature map (B, D, h, w) a level."""
        raise NotImplementedError

    def freeze(self) -> None:
        """Stop what is not trained; to be called when all parameters are there."""
        if self.frozen:
            self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> 'Backbone':
        """Switch to training or evaluation mode; what is frozen stays in evaluation mode."""
        return super().train(mode and not self.frozen)

    def init_weights(self) -> None:
        """Load the pretrained file that ``init_cfg`` names, or draw weights.

        Raises:
            FileNotFoundError: the pretrained file is missing.
            ValueError: it does not hold exactly this model's weights.
        """
        options = pretrained_options(self, ('source', 'resize_patches', 'adapt_channels', 'container', 'prefix'))
        if options is not None:
            load_pretrained_backbone(self, **options)
        elif self.init_cfg:
            super().init_weights()
        else:
            self.draw_weights()

    def draw_weights(self) -> None:
        """Draw random weights."""
        raise NotImplementedError

    def check_channels(self, images: Tensor) -> None:
        """Check that images (B, C, H, W) have the channels that the backbone was built for.

        Raises:
            ValueError: they have not.
        """
        if images.shape[1] != self.in_channels:
            raise ValueError(
                f'{type(self).__name__}: in_channels={self.in_channels}, but the images have {images.shape[1]} channels'
            )


def resolve_indices(name: str, out_indices: int | Sequence[int], count: int, what: str) -> tuple[int, ...]:
    """Return ``out_indices``, which may count from the end, as indices from 0.

    Args:
        name: the backbone's, for the error.
        out_indices: one index or several.
        count: how many there are to choose from.
        what: what they number: ``block``, ...

    Raises:
        ValueError: an index out of range, or the same one twice.
    """
    indices = (out_indices,) if isinstance(out_indices, int) else tuple(out_indices)
    for index in indices:
        if not -count <= index < count:
            raise ValueError(
                f'{name}: out_indices={out_indices} with {count} {what}s; allowed: {-count} to {count - 1}'
            )
    resolved = tuple(index % count for index in indices)
    if len(set(resolved)) < len(resolved):
        raise ValueError(f'{name}: out_indices={out_indices} names a {what} twice')
    return resolved


def _read_other_names(module: nn.Module, state_dict: dict[str, Tensor], prefix: str, *_) -> None:
    """Let ``load_state_dict``, so the Runner's ``load_from`` too, take a checkpoint of any source."""
    replace_given(state_dict, prefix, lambda given: _under_own_names(module, given))


def _under_own_names(module: nn.Module, given: dict[str, Tensor]) -> dict[str, Tensor]:
    """Convert weights of any source; what is not recognised stays as it is, for torch to list."""
    own = module.state_dict()
    try:
        fitted = fit_to(module, given, 'the checkpoint')
    except UnusableValuesError:
        raise
    except ValueError:
        return given
    check_values(module, {name: value for name, value in fitted.weights.items() if name in own}, 'the checkpoint')
    return fitted.weights | {name: given[name] for name in fitted.left}
