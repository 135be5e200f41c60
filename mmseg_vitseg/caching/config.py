"""The config that trains on features of a disk: the user's own, with other data."""

from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config

from mmseg_vitseg.atomic import whole

CONFIG = '''r"""{title}

Written by {command}
It trains as any config does; its checkpoints are those of the config below.
"""

_base_ = {base!r}
model = dict(data_preprocessor=dict(type='mmseg_vitseg.CachedFeaturesPreprocessor'))
{loaders}custom_hooks = [{hooks}dict(type='mmseg_vitseg.CachedFeaturesHook')]
'''
LOADER = """{name}_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='mmseg_vitseg.CachedFeatures',
        folder=r'''{{{{ fileDirname }}}}/{name}''',
        leave_out={leave_out!r},
        dataset=_base_.{name}_dataloader.dataset,
    )
)
"""


def write_config(
    cfg: Config, base: Path | None, out: Path, *, names: Sequence[str], leave_out: Sequence[str], command: str
) -> Path:
    """Write the config beside the features.

    Args:
        cfg: the user's config, as it was read.
        base: its file, which the new one is based on; None: a copy of ``cfg`` is written, and it is based on that.
        out: the folder that holds the features' folders.
        names: of these, ``train`` or both.
        leave_out: steps that are left out of pipelines that have them.
        command: that is to be named in it.

    Returns:
        its path.
    """
    stem = Path(cfg.filename).stem
    if base is None:
        base = out / 'base.py'
        with whole(base) as temporary:
            cfg.dump(temporary)
    path = out / f'{stem}_cached.py'
    loaders = ''.join(LOADER.format(name=name, leave_out=list(leave_out) if name == 'train' else []) for name in names)
    text = CONFIG.format(
        title=f'{stem}, its head trained on features of a disk.',
        command=command,
        base=str(base.resolve()),
        loaders=loaders,
        hooks='*_base_.custom_hooks, ' if cfg.get('custom_hooks') else '',
    )
    with whole(path) as temporary:
        temporary.write_text(text, encoding='utf-8')
    return path
