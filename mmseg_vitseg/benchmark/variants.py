"""What is measured: a model under a name, and how it is run. B batch, H W size of the input in pixels."""

from dataclasses import dataclass, field

from mmseg_vitseg.benchmark.host_twin import host_twin
from mmseg_vitseg.benchmark.huggingface_twin import huggingface_twin
from mmseg_vitseg.benchmark.random_weights import untrained_config
from mmseg_vitseg.benchmark.segmentors import Segmentor
from mmseg_vitseg.config.building import build_model
from mmseg_vitseg.machine import MATMUL_PRECISIONS

MODES = ('predict', 'forward', 'train')


@dataclass(frozen=True)
class Settings:
    """How a model is run.

    Args:
        mode: ``forward``: images to the head's logits; ``predict``: to label maps of the images' size; ``train``: forward,
            loss, backward and a step of AdamW.
        shape: (H, W).
        batch_size: B.
        dtype: ``float32``; ``bfloat16`` or ``float16``, by autocast, with loss scaling for float16 in training; ``float64``,
            in which what differs beyond rounding shows.
        matmul_precision: of products of float32 matrices, for the whole process.
        compile: torch.compile the model.
        device: as torch spells it.
        threads: of torch, on the CPU; None leaves them as they are.
    """

    mode: str = 'predict'
    shape: tuple[int, int] = (512, 512)
    batch_size: int = 1
    dtype: str = 'float32'
    matmul_precision: str = MATMUL_PRECISIONS[0]
    compile: bool = False
    device: str = 'cpu'
    threads: int | None = None


@dataclass(frozen=True)
class Variant:
    """A model to measure.

    Args:
        name: what the report calls it.
        config: a config file.
        kind: ``config``: the config's own model; ``stock``: the host's twin of it; ``hf``: Hugging Face's.
        options: dotted key -> value, put over the config's.
    """

    name: str
    config: str
    kind: str = 'config'
    options: dict = field(default_factory=dict)

    def build(self) -> Segmentor:
        """Build it, with whatever weights its constructor leaves.

        Raises:
            ValueError: there is no such twin; and what a constructor raises.
        """
        cfg = untrained_config(self.config, self.options)
        notes: list[str] = []
        channels = cfg.model.backbone.get('in_channels', 3)
        if self.kind == 'stock':
            cfg.model = host_twin(cfg.model, notes)
        model = build_model(cfg)
        return huggingface_twin(model, channels) if self.kind == 'hf' else Segmentor(model, channels, notes)
