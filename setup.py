"""Packaging of mmseg_vitseg. Neither host stack is a plain requirement: both write the same folders (see README)."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
VERSION = re.search(r"^__version__ = '(.+)'$", (ROOT / 'mmseg_vitseg/__init__.py').read_text(), re.M)[1]
EXPORT = ['onnx', 'onnxscript', 'onnxruntime']
GEO = ['rasterio>=1.4']
COCO = ['pycocotools>=2.0.8']


class BuildWithConfigs(build_py):
    """Take ``configs/`` along as the package's ``.mim/configs``, where the host and its sister projects have theirs."""

    def run(self):
        """Build anew."""
        if not self.editable_mode:  # setuptools leaves files of an earlier build there, which would come into the wheel
            shutil.rmtree(Path(self.build_lib, 'mmseg_vitseg'), ignore_errors=True)
        super().run()

    def _get_data_files(self):
        files = [str(path.relative_to('configs')) for path in sorted(Path('configs').rglob('*.py'))]
        target = Path(self.build_lib, 'mmseg_vitseg/.mim/configs')
        return [*super()._get_data_files(), ('mmseg_vitseg', 'configs', str(target), files)]


setup(
    name='mmseg_vitseg',
    version=VERSION,
    description='Transformers for segmentation as a plugin of MMSegmentation: plain ViT, SETR, SegFormer, EoMT',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    license_files=['LICENSE'],
    packages=find_packages(include=['mmseg_vitseg', 'mmseg_vitseg.*']),
    package_data={'mmseg_vitseg': ['py.typed', 'weights/*.safetensors'], 'mmseg_vitseg.reporting': ['page.html']},
    cmdclass={'build_py': BuildWithConfigs},
    entry_points={'console_scripts': ['mmseg-vitseg = mmseg_vitseg.cli.command:main']},
    python_requires='>=3.10',
    # all that is imported without an extra, but for cv2: the host brings it, and opencv-python and opencv-python-headless,
    # of which a requirement can name one only, write the same folder
    install_requires=[
        'torch>=2.5',
        'jinja2',
        'matplotlib',
        'numpy',
        'packaging',
        'pillow',
        'prettytable',
        'rich',
        'safetensors>=0.4',
        'scipy',
    ],
    extras_require={
        # the maintained forks of OpenMMLab's packages: the default
        'onedl': ['onedl-mmengine>=0.10.12', 'onedl-mmcv>=2.3.6', 'onedl-mmsegmentation>=1.4.2'],
        # OpenMMLab's own, last released in 2024; mmcv has to be compiled (requirements/openmmlab_light.txt avoids it)
        'openmmlab': ['mmengine==0.10.7', 'mmcv==2.1.0', 'mmsegmentation==1.2.2', 'ftfy', 'regex', 'setuptools<81'],
        # tools/export.py --format onnx; the other formats are torch's own
        'export': EXPORT,
        # TIFF and GeoTIFF of any bands and depth, and scenes that are read and written in windows
        'geo': GEO,
        # predict.py --format coco, and masks from COCO's json
        'coco': COCO,
        # the site, docs/ and mkdocs.yml; not in dev, as its test is skipped without it
        'docs': ['mkdocs>=1.6,<2', 'mkdocs-material>=9.7', 'mkdocstrings>=1', 'mkdocstrings-python>=2'],
        # transformers: the implementation that parity tests compare with; hypothesis: sizes nobody thought of; shapely: a
        # reader of the polygons that we write; triton: comes with torch for CUDA, and without a GPU interprets and compiles
        # the kernels of ops/fused in their tests
        'dev': [
            'pytest>=8',
            'pytest-xdist',
            'hypothesis>=6',
            'ruff>=0.6',
            'mypy>=2.4',
            'pre-commit',
            'transformers>=5',
            "triton; platform_system == 'Linux'",
            'shapely>=2',
            *EXPORT,
            *GEO,
            *COCO,
        ],
    },
    classifiers=[
        'Programming Language :: Python :: 3',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
)
