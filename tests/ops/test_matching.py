"""Hungarian matching against every assignment there is, and as an operator."""

from itertools import permutations

import pytest
import torch
from torch.library import opcheck

from mmseg_vitseg.ops.matching import match


def least(cost: torch.Tensor) -> float:
    """Return the cost of the cheapest assignment of (Q, C)."""
    cost = cost if len(cost) >= cost.shape[1] else cost.T
    queries, columns = cost.shape
    return min(
        sum(cost[query, column] for column, query in enumerate(each)) for each in permutations(range(queries), columns)
    )


@pytest.mark.parametrize(('queries', 'columns'), [(5, 3), (3, 5), (4, 4), (1, 4), (5, 1)])
def test_the_cheapest(queries, columns):
    costs = torch.randn(2, 3, queries, columns, generator=torch.Generator().manual_seed(0))
    matched = match(costs)
    for place, cost in zip(matched.flatten(0, 1), costs.flatten(0, 1), strict=True):
        used = place >= 0
        assert used.sum() == min(queries, columns)
        assert place[used].unique().numel() == used.sum()
        assert cost[used, place[used]].sum() == pytest.approx(float(least(cost)))


def test_places_without_a_class():
    costs = torch.randn(1, 3, 4, 5)
    costs[:, 0, :, [0, 3]] = torch.nan
    costs[:, 1] = torch.nan
    first, second, third = match(costs)[0]
    assert sorted(first[first >= 0].tolist()) == [1, 2, 4]
    assert (second == -1).all()
    assert (third >= 0).all()


def test_is_an_operator():
    opcheck(torch.ops.mmseg_vitseg.match.default, (torch.randn(2, 2, 4, 3),))
