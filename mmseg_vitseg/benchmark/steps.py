"""One step of a model in a mode: what is timed, whose memory is measured, whose results are compared."""

import contextlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mmseg_vitseg.benchmark.counting.autocast import autocast
from mmseg_vitseg.benchmark.segmentors import Segmentor
from mmseg_vitseg.benchmark.variants import Settings
from mmseg_vitseg.errors import NO_COMPILER, whole_message

AUTOCAST = {'bfloat16': torch.bfloat16, 'float16': torch.float16}


class Step:
    """One step of a variant in a mode, on the same random batch each time.

    Args:
        segmentor: what to run; it is moved to the device, put into the mode's state and, if asked for, compiled.
        settings: how.
        seed: of images and labels.
    """

    def __init__(self, segmentor: Segmentor, settings: Settings, *, seed: int = 1):
        self.segmentor, self.settings = segmentor, settings
        self.dtype = settings.dtype
        self.device = torch.device(settings.device)
        generator = torch.Generator().manual_seed(seed)
        size = (settings.batch_size, *settings.shape)
        images = torch.randn(settings.batch_size, segmentor.channels, *settings.shape, generator=generator)
        numbers = torch.float64 if settings.dtype == 'float64' else torch.float32
        self.images = images.to(self.device, numbers)
        self.labels = torch.randint(0, max(segmentor.classes, 2), size, generator=generator).to(self.device)
        model = segmentor.model.to(self.device, numbers).train(settings.mode == 'train')
        if settings.mode == 'train':
            self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
            self.scaler = torch.amp.GradScaler(self.device.type, enabled=settings.dtype == 'float16')
        if settings.compile:
            model.compile()

    def __call__(self) -> Any:
        """Run the step once; in ``train`` it changes the weights."""
        result = self.without_update()
        if self.settings.mode == 'train':
            self.scaler.step(self.optimizer)
            self.scaler.update()
        return result

    def without_update(self) -> Any:
        """Run the step once; in ``train`` without the optimizer's part, so that weights stay."""
        if self.settings.mode == 'train':
            self.optimizer.zero_grad(set_to_none=True)
            with self._autocast():
                loss = self.segmentor.loss(self.images, self.labels)
            self.scaler.scale(loss).backward()
            return loss
        run = self.segmentor.predict if self.settings.mode == 'predict' else self.segmentor.forward
        with torch.inference_mode(), self._autocast():
            return run(self.images)

    def outputs(self) -> list[Tensor]:
        """Return what a comparison looks at: logits and labels; of ``train`` the loss and the images' gradient.

        Dropout is off in training, since two implementations need not draw in the same order.
        """
        if self.settings.mode != 'train':
            with torch.inference_mode():
                result = self()
                logits, labels = (
                    self.segmentor.read(result) if self.settings.mode == 'predict' else (result, result.argmax(1))
                )
            return [_at_least_float32(logits), labels]
        images = self.images.clone().requires_grad_()
        with _without_dropout(self.segmentor.model), self._autocast():
            loss = self.segmentor.loss(images, self.labels)
        loss.backward()
        self.segmentor.model.zero_grad(set_to_none=True)
        gradient = torch.zeros_like(images) if images.grad is None else images.grad  # none through a frozen backbone
        return [_at_least_float32(loss.detach()), gradient]

    def _autocast(self) -> contextlib.AbstractContextManager:
        dtype = AUTOCAST.get(self.dtype)
        if self.device.type == 'meta':  # which torch.autocast does not know
            return autocast(dtype)
        return torch.autocast(self.device.type, dtype, enabled=dtype is not None)


def _at_least_float32(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


@contextlib.contextmanager
def _without_dropout(model: nn.Module):
    # by name: mmcv and Hugging Face each have a DropPath of their own
    modules = [module for module in model.modules() if 'Drop' in type(module).__name__ and module.training]
    for module in modules:
        module.eval()
    try:
        yield
    finally:
        for module in modules:
            module.train()


def attempt(run: Callable[[], Any]) -> tuple[Any, str]:
    """Run something that may fail: return its result and '', or None and why there is none, in one line."""
    try:
        return run(), ''
    except Exception as error:
        memory = isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)
        if cure := next((cure for text, cure in NO_COMPILER.items() if text in str(error)), None):
            return None, cure
        return None, 'out of memory' if memory else f'{type(error).__name__}: {whole_message(error)}'[:300]
