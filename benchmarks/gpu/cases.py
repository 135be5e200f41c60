"""The models: of the suite that benchmarks/ publishes, and those of its models that a GPU is for."""

from dataclasses import replace
from pathlib import Path

import torch

from gpu.session import Session
from mmseg_vitseg.benchmark.segmentors import Segmentor
from mmseg_vitseg.benchmark.steps import attempt
from mmseg_vitseg.benchmark.suite import CASES, WHOLE, Case
from mmseg_vitseg.benchmark.variants import Variant

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
OF_SUITE = {case.name: case for case in CASES}
B0 = OF_SUITE['SegFormer-B0, 150 classes']
B2 = OF_SUITE['SegFormer-B2, 150 classes']
STREET = OF_SUITE['SegFormer-B0, 150 classes, street']
WINDOWS = OF_SUITE['SegFormer-B0, 19 classes, windows of 768 every 512']
PUP = Case('SETR-PUP ViT-L, 150 classes', 'setr_pup_ade20k', (512, 512), 'stock', WHOLE)
SMALLER = 8  # times, a side, in quick sizes


def of_size(case: Case, session: Session) -> Case:
    """Return a case as it is, or of a quick session one that takes a CPU a second."""
    if not session.quick:
        return case
    height, width = (length // SMALLER for length in case.shape)
    options = dict(case.options)
    if case is PUP:
        options |= {'model.backbone.img_size': (height, width), 'model.backbone.num_heads': 2}
        options |= {'model.backbone.embed_dims': 32}
        for head in ('decode_head', *(f'auxiliary_head.{index}' for index in range(3))):
            options |= {f'model.{head}.in_channels': 32, f'model.{head}.channels': 16}
    if case is WINDOWS:
        options |= {'model.test_cfg.crop_size': (96, 96), 'model.test_cfg.stride': (64, 64)}
    return replace(case, shape=(height, width), options=options)


def place(variant: Variant, device: str) -> Segmentor:
    """Build a variant on a device, where drawing 300 million weights takes no time; or else on the CPU."""

    def build() -> Segmentor:
        with torch.device(device):
            return variant.build()

    segmentor, why = attempt(build)
    return variant.build() if why else segmentor
