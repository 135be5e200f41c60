"""Marks that several files give their tests."""

import os

import pytest

LONG = pytest.mark.skipif(not os.environ.get('MMSEG_VITSEG_LONG'), reason='takes long; MMSEG_VITSEG_LONG=1 runs it')
