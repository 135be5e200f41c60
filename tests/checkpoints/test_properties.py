"""Names of a file in any order, some lost, some strange: what is loaded is equal, or nothing is and the error lists why."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mmseg_vitseg.checkpoints.loading import load_weights
from mmseg_vitseg.converting.to_projects import to_project
from mmseg_vitseg.models import MixVisionTransformer, VisionTransformer

# the same examples each time, so that CI says the same each time
quick = settings(derandomize=True, deadline=None, max_examples=30, database=None)
PROJECTS = {'ViT': ('ours', 'timm', 'hf', 'mmseg'), 'MiT': ('ours', 'hf', 'mmseg')}


def make(kind: str) -> nn.Module:
    if kind == 'MiT':
        return MixVisionTransformer(embed_dims=4, num_layers=[1] * 4)
    return VisionTransformer(img_size=16, patch_size=8, embed_dims=8, num_layers=2, num_heads=2, final_norm=True)


def filled(kind: str) -> dict[str, torch.Tensor]:
    """Random values everywhere, so that a tensor in another's place shows."""
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(value.shape, generator=generator) for name, value in make(kind).state_dict().items()}


STATES = {
    (kind, project): filled(kind) if project == 'ours' else to_project(filled(kind), project, 3)[0]
    for kind, projects in PROJECTS.items()
    for project in projects
}


def loaded(kind: str, state: dict[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], str | None]:
    """Return what a model has after loading, and the error; after one it has what it had before."""
    model = make(kind)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        load_weights(model, state, 'x.pth')
    except ValueError as error:
        after = model.state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before)
        assert '\n' not in str(error)
        assert 'x.pth' in str(error)
        return after, str(error)
    return model.state_dict(), None


@pytest.mark.parametrize('key', STATES)
def test_the_order_does_not_matter(key):
    @quick
    @given(st.permutations(list(STATES[key])))
    def check(names):
        found, error = loaded(key[0], {name: STATES[key][name] for name in names})
        assert error is None
        assert all(torch.equal(value, found[name]) for name, value in filled(key[0]).items())

    check()


@pytest.mark.parametrize('key', STATES)
def test_what_is_lost_is_listed(key):
    kind, project = key

    @quick
    @given(st.sets(st.sampled_from(list(STATES[key])), min_size=1, max_size=3))
    def check(lost):
        state = {name: value for name, value in STATES[key].items() if name not in lost}
        found, error = loaded(kind, state)
        if error is None:  # only a bias that the host leaves out, which is zero then
            assert project == 'mmseg'
            expected = filled(kind)
            changed = [name for name in expected if not torch.equal(found[name], expected[name])]
            assert len(changed) == len(lost)
            assert all(name.endswith('.bias') and not found[name].any() for name in changed)
            return
        known = 'not a format that is known' in error  # what tells the format is lost itself
        assert known or re.search(r'[1-9]\d* missing \(', error)
        if project == 'ours' and not known:
            assert f'{len(lost)} missing' in error
            assert all(name in error for name in lost)

    check()


@pytest.mark.parametrize('key', STATES)
def test_what_is_strange_is_listed(key):
    @quick
    @given(st.sampled_from(list(STATES[key])), st.sampled_from(['_ema', '.0', 'x']))
    def check(name, suffix):
        state = {**STATES[key], name + suffix: STATES[key][name]}
        _, error = loaded(key[0], state)
        assert error is not None
        assert name + suffix in error

    check()


@pytest.mark.parametrize('key', STATES)
def test_another_shape_is_listed(key):
    @quick
    @given(st.sampled_from(list(STATES[key])))
    def check(name):
        value = STATES[key][name]
        _, error = loaded(key[0], {**STATES[key], name: torch.cat([value, value])})
        assert error is not None
        assert 'of another shape' in error or 'not shapes of this format' in error

    check()
