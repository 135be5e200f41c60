"""What a checkpoint says about itself."""

import hashlib

import torch
from torch import nn

from mmseg_vitseg.converting.writing import write_weights
from mmseg_vitseg.reporting.provenance import describe_checkpoint, environment

MODEL = nn.Linear(1000, 2)


def test_of_a_training(tmp_path):
    path = tmp_path / 'x.pth'
    torch.save(dict(state_dict=MODEL.state_dict(), meta=dict(epoch=3, iter=90, seed=None, cfg='...')), path)
    facts = describe_checkpoint(path, MODEL)
    assert facts['epochs trained'] == '3'
    assert facts['parameters of the model'] == '2,002'
    assert facts['SHA-256'] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert 'seed' not in facts
    torch.save(MODEL.state_dict(), path)  # weights only
    assert 'epochs trained' not in describe_checkpoint(path, MODEL)


def test_of_a_conversion(tmp_path):
    for name in ('x.safetensors', 'x.pth'):
        write_weights(
            MODEL.state_dict(), tmp_path / name, dict(source_file='theirs.npz', map='jax -> ours', dropped='')
        )
        facts = describe_checkpoint(tmp_path / name, MODEL)
        assert (facts['source file'], facts['map']) == ('theirs.npz', 'jax -> ours')
        assert 'dropped' not in facts


def test_environment():
    facts = environment('cpu')
    assert facts['torch'] == torch.__version__
    assert all(isinstance(value, str) for value in facts.values())
