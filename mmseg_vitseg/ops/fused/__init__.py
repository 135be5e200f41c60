"""Resampling and what follows it in one kernel, written in Triton, for NVIDIA's GPUs.

The environment variable ``MMSEG_VITSEG_FUSED=0`` turns the kernels off (see :mod:`mmseg_vitseg.ops.fused.setting`).
"""
