"""Test-time augmentation: the config's own, in the place of its test pipelines and model."""

from collections.abc import Iterator, Sequence

from mmengine.config import Config
from mmengine.logging import print_log

from mmseg_vitseg.config.datasets import datasets_in
from mmseg_vitseg.config.heads import has_one_logit, is_hosts_tta
from mmseg_vitseg.config.pipelines import reads
from mmseg_vitseg.config.reading import ConfigError

CURE = 'configs/_base_/datasets/shapes.py and configs/_base_/default_runtime.py have them, to be copied'


def set_tta(cfg: Config) -> None:
    """Put the config's test-time augmentation in the place of its test pipelines and model.

    The host's model becomes ours where it has one logit, or is asked for its confidence.

    Pictures and masks are read as each data set's test pipeline reads them: scores of masks that are read otherwise, or of
    pictures of other channels, would be of other data.

    Raises:
        ConfigError, ValueError: it has none, or no data set that it can be put into.
    """
    missing = [name for name in ('tta_pipeline', 'tta_model', 'test_dataloader') if name not in cfg]
    if missing:
        raise ConfigError(f'--tta: {cfg.filename} has no {" and no ".join(missing)}; {CURE}')
    for dataset in datasets_in(cfg, 'test_dataloader'):
        steps = read_alike(cfg.tta_pipeline, dataset.get('pipeline') or ())
        if steps != cfg.tta_pipeline:
            print_log(
                '--tta: pictures and masks are read as test_dataloader has it, not tta_pipeline.', logger='current'
            )
        dataset.pipeline = steps
    model = {**cfg.tta_model, 'module': cfg.model}
    asked = (cfg.model.get('test_cfg') or {}).get('confidence')  # the host's would leave that of one view
    if is_hosts_tta(cfg.tta_model) and (has_one_logit(cfg.model) or asked):
        model['type'] = 'mmseg_vitseg.SegTTAModel'
    cfg.model = model


def read_alike(steps: Sequence[dict], pipeline: Sequence[dict]) -> list[dict]:
    """Return the steps of test-time augmentation with those of a pipeline where they read pictures and masks.

    What a pipeline reads by no step that :func:`~mmseg_vitseg.config.pipelines.reads` knows, it reads in a way of its own,
    and those of ``steps`` stay. But where it reads pictures and no masks, no masks are read.
    """
    reading = {kind: [step for step in pipeline if reads(step) == kind] for kind in ('picture', 'truth')}
    # each is put in once, in the place of the first of its kind
    given: dict[str | None, Iterator[dict]] = {kind: iter(found) for kind, found in reading.items() if found}
    if 'picture' in given:
        given.setdefault('truth', iter(()))
    changed: list[dict] = []
    for step in steps:
        if isinstance(step.get('transforms'), (list, tuple)):  # TestTimeAug: lists of alternatives
            branches: list = []
            for branch in step['transforms']:
                kind = reads(branch[0]) if len(branch) == 1 else None
                branches += [[one] for one in given[kind]] if kind in given else [branch]
            changed.append({**step, 'transforms': branches})
        else:
            changed += given.get(reads(step), [step])
    return changed
