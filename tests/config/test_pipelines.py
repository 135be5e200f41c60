"""What steps of pipelines read, the host's, ours and those of a user's own."""

import pytest
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from mmseg_vitseg.config.pipelines import reads


@TRANSFORMS.register_module()
class OwnTruth(LoadAnnotations): ...


class LoadOwnMask: ...


@pytest.mark.parametrize(
    ('kind', 'what'),
    [
        ('LoadImageFromFile', 'picture'),
        ('LoadMultipleRSImageFromFile', 'picture'),
        ('mmseg_vitseg.LoadImage', 'picture'),
        ('InferencerLoader', 'picture'),
        ('LoadAnnotations', 'truth'),
        ('LoadBiomedicalAnnotation', 'truth'),
        ('mmseg_vitseg.LoadMask', 'truth'),
        ('LoadSomebodysMask', 'truth'),  # of no registry
        (LoadOwnMask, 'truth'),
        (OwnTruth, 'truth'),  # by its base
        ('OwnTruth', 'truth'),
        ('Resize', None),
        ('PackSegInputs', None),
        (None, None),
    ],
)
def test_a_step_reads(kind, what):
    assert reads(dict(type=kind)) == what
