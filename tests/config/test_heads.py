"""What a config says of its heads, read as the host would."""

import pytest

from mmseg_vitseg.config.heads import has_one_logit

TWO, ONE = dict(type='FCNHead', num_classes=2), dict(type='FCNHead', num_classes=2, out_channels=1)


@pytest.mark.parametrize(
    ('decode_head', 'one'),
    [
        (ONE, True),
        (TWO, False),
        ([TWO, ONE], True),  # a cascade: the last predicts
        ([ONE, TWO], False),
        (dict(ONE, type='OwnHead'), True),
        (dict(type='Mask2FormerHead', num_classes=2, out_channels=1), False),  # a width
        (None, False),
    ],
)
def test_one_logit(decode_head, one):
    assert has_one_logit(dict(type='EncoderDecoder', decode_head=decode_head)) is one
