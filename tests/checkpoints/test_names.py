import pytest
import torch

from mmseg_vitseg.checkpoints.names import apply_table, inverse
from mmseg_vitseg.checkpoints.sources import SOURCES


def test_rename_merge_cut_and_count_otherwise():
    table = {
        'a{s+1}.{i}.w': 'x.{s}.y.{i}.w',
        'p{5-s}': 'q.{s}',
        ('k.{i}', 'v.{i}'): 'kv.{i}',
        'qkv': ('q.w', 'k.kv.w'),
        'head.{rest}': 'tail.{rest}',
    }
    state = {
        'a3.7.w': torch.tensor([1.0]),
        'p2': torch.tensor([2.0]),
        'k.1': torch.tensor([3.0]),
        'v.1': torch.tensor([4.0]),
        'qkv': torch.arange(6.0),
        'head.some.thing': torch.tensor([5.0]),
        'k.2': torch.tensor([6.0]),  # without its v.2
        'a0.1.w': torch.tensor([7.0]),  # counted from 1
        'p6': torch.tensor([8.0]),
    }
    result, rest = apply_table(state, table)
    expected = {
        'x.2.y.7.w': [1.0],
        'q.3': [2.0],
        'kv.1': [3.0, 4.0],
        'q.w': [0.0, 1.0],
        'k.kv.w': [2.0, 3.0, 4.0, 5.0],
        'tail.some.thing': [5.0],
    }
    assert {name: value.tolist() for name, value in result.items()} == expected
    assert rest.keys() == {'k.2', 'a0.1.w', 'p6'}
    back, left = apply_table(result, inverse(table))
    assert left == {}
    assert all(torch.equal(value, state[name]) for name, value in back.items())
    assert back.keys() == state.keys() - rest.keys()


def test_shapes_that_a_line_cannot_have():
    with pytest.raises(ValueError, match=r'not shapes of this format: k \(1, 2\), v \(3,\)'):
        apply_table({'k': torch.ones(1, 2), 'v': torch.ones(3)}, {('k', 'v'): 'kv'})


def test_two_names_of_one_weight():
    with pytest.raises(ValueError, match='b: x stands there twice, under two names'):
        apply_table({'a': torch.ones(1), 'b': torch.ones(1)}, {'a': 'x', 'b': 'x'})


@pytest.mark.parametrize('source', SOURCES, ids=lambda source: source.what)
def test_maps_are_consistent(source):
    """No name stands twice on the left; marks and changed tensors are names of the map."""
    table = source.table('', '')
    left = [name for names in table for name in ((names,) if isinstance(names, str) else names)]
    assert len(left) == len(set(left))
    marked, rest = apply_table({mark: torch.ones(6, 1) for mark in source.marks}, {name: name for name in left})
    assert rest.keys() <= {'mask_token', 'decoder_embed.weight'}  # marks of what is dropped
    assert marked.keys() | rest.keys() == set(source.marks)
    assert set(source.forms) <= set(left)
