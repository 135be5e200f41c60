"""A trained model from a command line."""

import argparse

from mmseg_vitseg.cli.progress import shown_progress


def load(config: str, checkpoint: str, args: argparse.Namespace):
    """Load a model for ``--device`` and ``--cfg-options``; see :func:`mmseg_vitseg.load_model`."""
    from mmseg_vitseg.inference.model import load_model

    with shown_progress() as progress:
        progress(f'loading {checkpoint}')
        return load_model(config, checkpoint, args.device, args.cfg_options)
