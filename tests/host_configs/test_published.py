"""The host's published configs, made small, through all tools, in the order in which a user tries them.

``MMSEG_VITSEG_HOST_CONFIGS=all python -m pytest tests/host_configs -rP -n 0`` takes one or more of each family and prints a
table; the plain test run takes a few.
"""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from vitseg_tests.host_configs import PUBLISHED, leaf, quick
from vitseg_tests.host_data import HEIGHT, WIDTH, draw_data, pictures_of

ALL = os.environ.get('MMSEG_VITSEG_HOST_CONFIGS') == 'all'

# One pattern a config; those of the first list in every test run.
FEW = (
    'unet/unet-s5-d16_fcn_4xb4-ce-1.0-dice-3.0-40k_drive-*',
    'segmenter/segmenter_vit-t_mask_*',
)
MORE = (
    'pspnet/pspnet_r50-d8_4xb4-80k_ade20k-*',
    'ann/ann_r50-d8_4xb2-40k_cityscapes-512*',
    'apcnet/apcnet_r50-d8_4xb2-40k_cityscapes-512*',
    'beit/beit-base_upernet_8xb2-160k_ade20k-640x640.py',
    'bisenetv1/bisenetv1_r18-d32_4xb4-160k_coco-stuff164k-*',
    'bisenetv2/*ohem*',
    'ccnet/ccnet_r50-d8_4xb2-40k_cityscapes-512*',
    'cgnet/cgnet_fcn_4xb4-60k_*',
    'convnext/convnext-tiny_*',
    'danet/danet_r50-d8_4xb4-20k_voc12aug-*',
    'ddrnet/ddrnet_23-slim*',
    'deeplabv3/deeplabv3_r50-d8_4xb4-20k_coco-stuff10k-*',
    'deeplabv3plus/deeplabv3plus_r50-d8_4xb4-20k_voc12aug-*',
    'deeplabv3plus/deeplabv3plus_r18-d8_4xb4-80k_loveda-*',
    'deeplabv3plus/deeplabv3plus_r18-d8_4xb4-80k_potsdam-*',
    'deeplabv3plus/deeplabv3plus_r101-d8_4xb2-amp-80k_cityscapes-*',
    'dmnet/dmnet_r50-d8_4xb2-40k_cityscapes-512*',
    'dnlnet/dnl_r50-d8_4xb2-40k_cityscapes-512*',
    'dpt/*.py',
    'emanet/emanet_r50*769*',
    'encnet/encnet_r50-d8_4xb2-40k_cityscapes-512*',
    'erfnet/*.py',
    'fastfcn/fastfcn_r50-d32_jpu_aspp_4xb2-80k_cityscapes-*',
    'fastscnn/*.py',
    'fcn/fcn_r50-d8_4xb2-40k_cityscapes-512*',
    'fcn/fcn_r50-d8_4xb4-40k_pascal-context-480*',
    'gcnet/gcnet_r50-d8_4xb2-40k_cityscapes-512*',
    'hrnet/fcn_hr18s_4xb4-40k_pascal-context-59-*',
    'hrnet/fcn_hr18s_4xb4-80k_vaihingen-*',
    'hrnet/fcn_hr18s_4xb4-80k_isaid-*',
    'icnet/icnet_r50-d8_4xb2-80k*',
    'isanet/isanet_r50-d8_4xb2-40k_cityscapes-512*',
    'knet/knet-s3_r50-d8_fcn*',
    'mae/*512x512.py',
    'mask2former/mask2former_r50_8xb2-90k*',
    'maskformer/maskformer_r50*',
    'mobilenet_v2/mobilenet-v2-d8_fcn*ade20k*',
    'mobilenet_v3/mobilenet-v3-d8-s_lraspp*',
    'nonlocal_net/nonlocal_r50-d8_4xb2-40k_cityscapes-512*',
    'ocrnet/ocrnet_hr18s_4xb4-80k_ade20k-*',
    'pidnet/pidnet-s*',
    'point_rend/pointrend_r50*ade20k*',
    'poolformer/*s12*',
    'psanet/psanet_r50-d8_4xb2-40k_cityscapes-512*',
    'resnest/resnest_s101-d8_fcn_4xb2-80k_cityscapes-*',
    'segformer/segformer_mit-b0_8xb2-160k_ade20k-*',
    'segnext/segnext_mscan-t*',
    'sem_fpn/fpn_r50*cityscapes*',
    'setr/setr_vit-l_pup*ade20k-*',
    'setr/setr_vit-l_mla*cityscapes*',
    'stdc/stdc1_4xb12*',
    'swin/swin-tiny*',
    'twins/twins_pcpvt-s_uperhead*',
    'unet/unet-s5-d16_fcn_4xb4-40k_chase-db1-*',
    'unet/unet-s5-d16_pspnet_4xb4-40k_stare-*',
    'unet/unet-s5-d16_fcn_4xb4-40k_hrf-*',
    'unet/unet-s5-d16_fcn_4xb4-160k_cityscapes-*',
    'upernet/upernet_r50_4xb4-20k_voc12aug-*',
    'vit/vit_deit-s16-ln_mln_upernet*',
)
SMALL_AS_PUBLISHED = (
    *('bisenetv2', 'cgnet', 'ddrnet', 'erfnet', 'fastscnn', 'mobilenet_v2', 'mobilenet_v3', 'pidnet', 'segformer'),
    *('segnext', 'stdc'),
)
SIDES = dict(mobilenet_v3=448)  # LRASPP takes means over 49 x 49 places of the map that is 16 times smaller

# What a tool says where it cannot: of a family, or of one config. Anything else that fails is a fault of ours. Where --tta
# fails, the host's own does.
ONE_SIZE = 'must match the size'  # of windows, for a table of relative positions
LIMITS: dict[str, dict[str, str]] = {
    'beit': dict(tta=ONE_SIZE),
    'mae': dict(tta=ONE_SIZE),
    'mobilenet_v3': dict(tta='Output size is too small'),  # at half the size
    'unet-s5-d16_fcn_4xb4-160k_cityscapes-512x1024': dict(tta='divisible by the whole downsample rate'),
    # which says `models`
    'bisenetv2_fcn_4xb4-ohem-160k_cityscapes-1024x1024': dict(check='', train="did you mean 'model'?"),
    'convnext': dict(check='custom_imports: mmpretrain.models cannot be imported'),
    'poolformer': dict(check='custom_imports: mmpretrain.models cannot be imported'),
    'maskformer': dict(train='mmdet is not installed'),
    'mask2former': dict(train='mmdet is not installed'),
    'ccnet': dict(train='CrissCrossAttention ops'),  # mmcv without compiled operators
    'psanet': dict(train='PSAMask ops'),
    'point_rend': dict(train='point_sample ops'),
    'ocrnet': dict(export='CascadeEncoderDecoder: cannot be exported', upgrade='has nothing for which'),
    'segnext': dict(export='data_preprocessor.test_cfg'),  # it pads
}
TOOLS = ('check', 'train', 'resume', 'test', 'tta', 'predict', 'report', 'compare', 'export', 'upgrade')
LAST, MIDDLE = 'w/iter_4.pth', 'w/iter_2.pth'
table: dict[str, dict[str, str]] = {}


def found(pattern: str) -> Path:
    return min(path for path in PUBLISHED.glob(pattern) if path.suffix == '.py')


class Journey:
    """A config through the tools, and what came of each."""

    def __init__(self, published: Path, call, host):
        self.call, self.host = call, host
        self.side = SIDES.get(published.parent.name, 64)
        self.limits = {**LIMITS.get(published.parent.name, {}), **LIMITS.get(published.stem, {})}
        self.row = table.setdefault(f'{published.parent.name}/{published.stem}', {})

    def run(self, tool: str, line: str) -> str:
        """Run a tool: it ends well, or says its limit; returns what it printed, '' where it did not end well."""
        result = self.call(line)
        self.row[tool] = str(result.status)
        if result.status == 0:
            return result.out
        said = (result.err.strip() or result.out.strip()).splitlines()
        assert tool in self.limits, (line, result)
        assert self.limits[tool] in said[-1], (line, result)
        return ''

    def scores(self, tool: str, flags: str) -> str:
        """Test, and compare with the host's own tool: the same counts of each picture, so the same scores."""
        ours = self.run(tool, f'test leaf.py {LAST} {flags}')
        counts = self.host.counts
        if ours:
            assert counts
            assert self.host.test('leaf.py', LAST, *flags.split()) == counts
            self.row[tool] += ' ='
        else:
            with pytest.raises((AssertionError, RuntimeError), match=self.limits[tool]):
                self.host.test('leaf.py', LAST, *flags.split())
            self.row[tool] += ' (the host too)'
        return ours

    def export(self) -> None:
        """Export, for one size where the tool says that it cannot for any."""
        self.limits.setdefault('export', '--fixed-size')
        line = f'export leaf.py {LAST} --format torchscript --out exported.pt --verify'
        if not self.run('export', line) and self.limits['export'] == '--fixed-size':
            self.run('export', f'{line} --fixed-size')
            self.row['export'] += ' one size'


def numbers(printed: str) -> dict[str, float]:
    """Read the scores that a tool prints."""
    return {name: float(value) for name, value in re.findall(r'(mIoU|mDice|mFscore|aAcc|mAcc) ([\d.]+|nan)', printed)}


@pytest.mark.slow
@pytest.mark.parametrize('pattern', [*FEW, *(MORE if ALL else ())])
def test_all_tools(pattern, call, host, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    published = found(pattern)
    journey = Journey(published, call, host)
    try:
        cfg = Config.fromfile(published)
    except ImportError:  # of a package that is not here, which the host needs too
        journey.run('check', f'check_config {published}')
        return
    family = published.parent.name
    cfg = quick(cfg, narrowed=family not in SMALL_AS_PUBLISHED, side=journey.side)
    draw_data(cfg, tmp_path / 'data')
    Path('leaf.py').write_text(leaf(published, cfg))
    journey.run('check', 'check_config leaf.py --data')
    amp = '--amp' if cfg.optim_wrapper.type == 'AmpOptimWrapper' else ''  # which is for a GPU as published
    train = f'train leaf.py --work-dir w {amp}'
    journey.run('train', train)
    if journey.limits.get('train') and not Path(LAST).exists():
        if 'check' not in journey.limits:
            return
        call(train := f'{train} --no-check')
    Path(LAST).unlink()  # as if it had been interrupted
    Path('w/last_checkpoint').write_text(str(tmp_path / MIDDLE))
    journey.run('resume', f'{train} --resume')
    assert Path(LAST).exists()
    use(journey, cfg)


def use(journey: Journey, cfg: Config) -> None:
    """What follows a training."""
    seed = '--cfg-options randomness.seed=0'  # SegNeXt's head draws numbers when it predicts
    tested = numbers(journey.scores('test', seed))
    if 'tta_model' in cfg and 'tta_pipeline' in cfg:
        journey.scores('tta', f'--tta {seed}')
    picture, *_ = pictures_of(cfg)
    journey.run('predict', f'predict leaf.py {LAST} {picture} --out predicted')
    mask = np.asarray(Image.open(f'predicted/{picture.stem}_mask.png'))
    assert mask.shape == (HEIGHT, WIDTH)
    reported = numbers(journey.run('report', f'report leaf.py {LAST} --out report'))
    if 'segnext' not in cfg.filename:
        assert tested == pytest.approx({name: reported[name] for name in tested}, abs=0.011)  # DRIVE's are Dice, no IoU
    journey.run('compare', f'compare --a leaf.py {LAST} --b leaf.py {MIDDLE} --out compared.png')
    journey.export()
    journey.run('upgrade', f'upgrade_config leaf.py upgraded.py --shape {journey.side} {journey.side}')


@pytest.mark.skipif(not ALL, reason='of the long form')
def test_the_table():
    width = max(map(len, table))
    print(f'{"":{width}}', *(f'{tool:9}' for tool in TOOLS))
    for name, row in sorted(table.items()):
        print(f'{name:{width}}', *(f'{row.get(tool, "-"):9}' for tool in TOOLS))
