"""Which heads may be trained, and predict, from small logits: decided by whose methods a class has, when it is made."""

import pytest
from mmseg.models.decode_heads import EncHead, FCNHead

from mmseg_vitseg.models import LinearPatchHead, SegformerHead
from mmseg_vitseg.models.small_logits import predicts_small, trains_small


class Own:
    """Methods of the host's, of somebody's own."""

    def method(self, *args):
        raise AssertionError

    forward = loss_by_feat = predict = predict_by_feat = loss = classify = method


def derived(base: type, *methods: str, mixin: bool = False) -> type:
    """Derive a class with methods of its own, or of a class that stands before the base."""
    own = {name: getattr(Own, name) for name in methods}
    return type('Derived', (type('Mixin', (), own), base), {}) if mixin else type('Derived', (base,), own)


CASES = [  # base, methods of its own, trained from small logits, predicts from them
    (SegformerHead, (), True, True),
    (LinearPatchHead, (), True, True),
    (LinearPatchHead, ('loss_by_feat',), False, True),
    (SegformerHead, ('forward',), False, False),
    (SegformerHead, ('loss_by_feat',), False, True),
    (SegformerHead, ('loss',), True, True),  # what is called, and calls ours or does not
    (SegformerHead, ('predict',), True, False),
    (SegformerHead, ('predict_by_feat',), True, False),
    (SegformerHead, ('classify',), True, True),
    (SegformerHead, ('classify', 'forward', 'predict_by_feat'), True, True),  # who makes both says that they fit
    (FCNHead, (), True, True),
    (FCNHead, ('forward',), True, True),
    (FCNHead, ('loss',), False, True),
    (FCNHead, ('loss_by_feat',), False, True),
    (FCNHead, ('predict',), True, False),
    (EncHead, (), False, False),
]


@pytest.mark.parametrize('mixin', [False, True])
@pytest.mark.parametrize(('base', 'methods', 'training', 'prediction'), CASES)
def test_a_class_that_overrides_the_hosts_methods_is_called_by_them(base, methods, training, prediction, mixin):
    cls = derived(derived(base, *methods, mixin=mixin))
    head = cls.__new__(cls)
    assert (trains_small(head), predicts_small(head)) == (training, prediction)
