"""Overlays, index masks and colours."""

import numpy as np
import pytest

from mmseg_vitseg.pictures.drawing import areas, distinct_colours, index_mask, overlay, with_legend


def test_drawing():
    labels = np.array([[0, 1], [1, 1]])
    palette = np.array([[0, 0, 0], [200, 100, 0], [9, 9, 9]], np.uint8)
    picture = np.full((2, 2, 3), 100, np.uint8)
    assert overlay(picture, labels, palette, 0.5).tolist() == [[[50] * 3, [150, 100, 50]], [[150, 100, 50]] * 2]
    assert np.array_equal(overlay(picture, labels, palette, 0.0), picture)
    table = areas(labels, ['a', 'b', 'c'])
    assert table == [{'class': 'b', 'pixels': 3, 'share': 0.75}, {'class': 'a', 'pixels': 1, 'share': 0.25}]
    sheet = with_legend(picture, table, ['a', 'b', 'c'], palette)
    assert (200, 100, 0) in {colour for _, colour in sheet.getcolors(10000)}
    assert index_mask(labels, palette).getpalette()[3:6] == [200, 100, 0]
    assert index_mask(labels, palette, 1).getpalette()[6:9] == [200, 100, 0]
    assert np.array_equal(np.array(index_mask(labels, palette, 1)), labels + 1)
    assert np.array(index_mask(np.array([[255]]), np.zeros((256, 3), np.uint8), 1)).tolist() == [[256]]
    many = np.zeros((300, 3), np.uint8)
    assert np.array(index_mask(np.array([[299]]), many)).tolist() == [[299]]


@pytest.mark.parametrize('opacity', [0.0, 0.3, 0.35, 0.5, 0.9, 1.0])
def test_an_overlay_is_the_rounded_mean_of_any_two_values(opacity):
    values = np.arange(256)
    palette = np.stack([values, values[::-1], np.roll(values, 7)], axis=1).astype(np.uint8)
    picture = np.tile(values[:, None, None].astype(np.uint8), (1, 256, 3))
    labels = np.tile(values, (256, 1))
    expected = np.round(picture * (1 - opacity) + palette[labels] * opacity)
    assert np.array_equal(overlay(picture, labels, palette, opacity), expected)


def test_colours_differ():
    assert len(set(distinct_colours(150))) == 150
