"""Training beside the host's Runner; importing this registers what a config can name."""

from mmseg_vitseg.engine.amp import CPUAmpOptimWrapper
from mmseg_vitseg.engine.fsdp import FSDPStrategy
from mmseg_vitseg.engine.hooks.cached_features import CachedFeaturesHook
from mmseg_vitseg.engine.hooks.checkpoint import AtomicCheckpointHook
from mmseg_vitseg.engine.hooks.finite_loss import FiniteLossHook
from mmseg_vitseg.engine.hooks.mask_annealing import MaskAnnealingHook
from mmseg_vitseg.engine.hooks.outputs import PredictedLabelsHook, PredictedPicturesHook
from mmseg_vitseg.engine.hooks.prediction_progress import PredictionProgressHook
from mmseg_vitseg.engine.hooks.seed import SeedHook
from mmseg_vitseg.engine.layer_decay import ViTLayerDecayConstructor
from mmseg_vitseg.engine.param_groups import DefaultOptimWrapperConstructor
from mmseg_vitseg.engine.schedules import TwoStageWarmUpPolyLR

__all__ = [
    'AtomicCheckpointHook',
    'CPUAmpOptimWrapper',
    'CachedFeaturesHook',
    'DefaultOptimWrapperConstructor',
    'FSDPStrategy',
    'FiniteLossHook',
    'MaskAnnealingHook',
    'PredictedLabelsHook',
    'PredictedPicturesHook',
    'PredictionProgressHook',
    'SeedHook',
    'TwoStageWarmUpPolyLR',
    'ViTLayerDecayConstructor',
]
