"""Training beside the host's Runner; importing this registers what a config can name."""

from mmseg_vitseg.engine.amp import CPUAmpOptimWrapper
from mmseg_vitseg.engine.checkpoint_hook import AtomicCheckpointHook
from mmseg_vitseg.engine.finite_loss_hook import FiniteLossHook
from mmseg_vitseg.engine.layer_decay import ViTLayerDecayConstructor
from mmseg_vitseg.engine.output_hooks import PredictedLabelsHook, PredictedPicturesHook
from mmseg_vitseg.engine.progress_hook import PredictionProgressHook
from mmseg_vitseg.engine.seed_hook import SeedHook
from mmseg_vitseg.engine.sharding import FSDPStrategy

__all__ = [
    'AtomicCheckpointHook',
    'CPUAmpOptimWrapper',
    'FSDPStrategy',
    'FiniteLossHook',
    'PredictedLabelsHook',
    'PredictedPicturesHook',
    'PredictionProgressHook',
    'SeedHook',
    'ViTLayerDecayConstructor',
]
