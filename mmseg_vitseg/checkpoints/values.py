"""Values that no model can use: quantised weights, whose scale stands elsewhere, and what is no number."""

from collections.abc import Container, Mapping, Sequence

import torch
from torch import Tensor

from mmseg_vitseg.errors import listed

FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
COUNTS = (torch.int64, torch.int32, torch.int16, torch.bool)  # what buffers may be: counts, indices, masks

# Ends and parts of names that only quantised weights have: those of bitsandbytes, GPTQ and AWQ, compressed-tensors and
# optimum-quanto, and of torch.
QUANTISED_ENDS = (
    *('.SCB', '.absmax', '.quant_map', '.weight_format'),
    *('.qweight', '.qzeros', '.g_idx'),
    *('.weight_scale', '.weight_scale_inv', '.scale_weight', '.weight_packed', '.weight_zero_point'),
    *('.weight._data', '.weight._scale'),
)
QUANTISED_PARTS = ('._packed_params', '.quant_state.')
RUNNING = ('running_mean', 'running_var')  # statistics of norms, which are learned though no parameters


class UnusableValuesError(ValueError):
    """A file has the names of weights, but not numbers that a model could use."""


def refuse_quantised(content: Mapping[str, object]) -> None:
    """Refuse weights that are certainly quantised, before anything takes them for numbers.

    Float8 is among them: its files have a scale beside each weight, or lost it.

    Raises:
        UnusableValuesError: with the first name.
    """
    names = [name for name, value in content.items() if _is_quantised(value)]
    names += [
        name for name in content if name.endswith(QUANTISED_ENDS) or any(part in name for part in QUANTISED_PARTS)
    ]
    if names:
        raise _quantised(names[0], content[names[0]])


def refuse_integers(state: Mapping[str, Tensor], own: Mapping[str, Tensor] = {}) -> None:
    """Refuse integers where floats belong. Float64 and halves are fine: a model makes them its own type.

    Args:
        state: our name -> tensor.
        own: the model's; where it has none of a name, counts and indices are let through; where it has an integer,
            its type too, for a buffer of bytes is no quantised weight.

    Raises:
        UnusableValuesError: with the first name.
    """
    for name, value in state.items():
        allowed: tuple[torch.dtype, ...] = (*FLOATS, *COUNTS)
        if name in own:
            allowed = FLOATS if own[name].is_floating_point() else (*allowed, own[name].dtype)
        if value.dtype not in allowed:
            raise _quantised(name, value)


def not_finite(state: Mapping[str, Tensor], learned: Container[str] | None = None) -> list[str]:
    """List the names of floats that hold NaN or infinity.

    Args:
        state: name -> tensor.
        learned: the names of a model's parameters; a buffer may hold infinity (a mask does), unless it is a norm's.
    """
    return [
        name
        for name, value in state.items()
        if (learned is None or name in learned or name.endswith(RUNNING)) and not _is_finite(value)
    ]


def refuse_not_finite(names: Sequence[str], state: Mapping[str, Tensor], advice: str = '') -> None:
    """Say which tensors hold NaN or infinity, if any do.

    Args:
        names: of :func:`not_finite`.
        state: has them.
        advice: what can be done beside taking another file.

    Raises:
        UnusableValuesError: with their names, and how many of their values.
    """
    if not names:
        return
    shown = listed(f'{name} ({int((~state[name].isfinite()).sum())} of {state[name].numel()} values)' for name in names)
    raise UnusableValuesError(
        f'NaN or infinity in {len(names)} of {len(state)} tensors: {shown}; its training diverged, or the file is '
        f'damaged: take an earlier checkpoint{advice}'
    )


def _quantised(name: str, value: object) -> UnusableValuesError:
    kind = f' of {str(value.dtype).removeprefix("torch.")}' if isinstance(value, Tensor) else ''
    return UnusableValuesError(
        f'the weights are quantised ({name}{kind}), which cannot be taken as numbers; load the file of floats that they '
        'were made from'
    )


def _is_quantised(value: object) -> bool:
    if not isinstance(value, Tensor):
        return False
    # float8 and float4 of any kind: floats of one byte
    return value.is_quantized or (value.dtype.is_floating_point and value.dtype.itemsize == 1)


def _is_finite(value: Tensor) -> bool:
    """Tell it from the sum, which takes no second tensor; a sum can be infinite where no value is."""
    if value.is_meta or not value.is_floating_point():
        return True
    return bool(value.sum().isfinite()) or bool(value.isfinite().all())
