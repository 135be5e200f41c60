"""The Runner's load_from, which is mmengine's own function, on files that mmengine does not read by itself."""

import numpy as np
import pytest
import torch
from mmengine.runner import load_checkpoint
from mmseg.registry import MODELS
from safetensors.torch import save_file

from mmseg_vitseg.checkpoints.load_from import checked_file, read_all_checkpoints
from vitseg_tests.published import reference_of, segmentor


@pytest.mark.parametrize(
    ('name', 'file'), [('hf-vit', 'x.safetensors'), ('jax', 'x.npz'), ('mae', 'x.pth'), ('dino', 'x.pth')]
)
def test_mmengine_reads_every_kind_of_file(name, file, tmp_path):
    read_all_checkpoints()
    reference = reference_of(name, tmp_path)
    path = tmp_path / file
    if path.suffix == '.npz':
        np.savez(path, **{key: value.numpy() for key, value in reference.state.items()})
    elif path.suffix == '.safetensors':
        save_file(reference.state, path)
    else:  # where mmengine itself would look for the weights under another name
        torch.save({'teacher' if name == 'dino' else 'model': reference.state, 'epoch': 3}, path)
    config = dict(segmentor(reference.model), from_scratch=['decode_head'])
    model, other = MODELS.build(config), MODELS.build(config)
    content = load_checkpoint(model, str(path))
    other.load_state_dict(reference.state)
    assert all(
        torch.equal(value, other.backbone.state_dict()[key]) for key, value in model.backbone.state_dict().items()
    )
    assert content.get('epoch') == (3 if path.suffix == '.pth' else None)


def test_what_does_not_fit_is_refused(tmp_path):
    reference = reference_of('hf-vit', tmp_path)
    save_file(reference.state, tmp_path / 'x.safetensors')
    model = MODELS.build(segmentor(reference.model))
    with pytest.raises(ValueError, match='It is a backbone only'):
        load_checkpoint(model, str(tmp_path / 'x.safetensors'))


def test_what_was_checked_is_handed_over_once_without_what_starts_from_scratch(tmp_path):
    """The Runner draws weights between the check and the load, and these stay."""
    read_all_checkpoints()
    path = tmp_path / 'x.pth'
    saved = MODELS.build(segmentor())
    torch.save({f'backbone.{name}': value for name, value in saved.backbone.state_dict().items()}, path)
    model = MODELS.build(dict(segmentor(), from_scratch=['decode_head']))
    checked = checked_file(str(path), model)
    assert all(name.startswith('backbone.') for name in checked.content['state_dict'])
    path.unlink()
    torch.nn.init.constant_(model.decode_head.projection[0].weight, 7.0)
    load_checkpoint(model, checked)
    assert torch.equal(model.backbone.norm.weight, saved.backbone.norm.weight)
    assert (model.decode_head.projection[0].weight == 7).all()
    with pytest.raises(FileNotFoundError):
        load_checkpoint(model, checked)
