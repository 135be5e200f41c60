"""The site builds without a warning: each link leads somewhere, each docstring of the API is found."""

import os
import subprocess
import sys
from importlib import util

import pytest

from vitseg_tests.paths import ROOT

if missing := [name for name in ('mkdocs', 'material', 'mkdocstrings') if util.find_spec(name) is None]:
    pytest.skip(f'not installed: {", ".join(missing)}; they come with the extra [docs]', allow_module_level=True)


@pytest.mark.slow
def test_it_builds(tmp_path):
    # not --quiet, with which warnings are no errors either
    command = [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--site-dir', tmp_path]
    result = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ, NO_MKDOCS_2_WARNING='1'), capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert 'WARNING' not in result.stderr
    pages = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob('index.html')}
    assert {'index.html', 'architecture/index.html', 'notebook/index.html', 'api/models/index.html'} <= pages
    models = (tmp_path / 'api/models/index.html').read_text()
    for name in ('VisionTransformer', 'SETRUPHead', 'EncoderDecoder'):
        assert f'id="mmseg_vitseg.models.{name}"' in models
