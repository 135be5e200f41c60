"""The article "Efficient image segmentation, part 4" trained to its end, a CNN beside it, and each thing that it wished for.

  PRETRAINED=FILE PET_ROOT=DIR python benchmarks/article.py --out DIR
  ... --trainings article,cnn --threads 2 --amp           some of it; mixed precision
  ... --table                                             no training: the table and the figure of what is there

What is done is not done again, and an interrupted training goes on after its last epoch: start the same command anew.
DIR/NAME has a training's config, log and row.json, DIR/article/pictures what it predicted epoch by epoch, as a GIF too;
DIR/table.md has all rows, DIR/curves.png the accuracy by epoch.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mmengine.config import Config

from mmseg_vitseg.reporting.log import read_log
from trainings import ROOT, add_arguments, add_names, rows_in, train_for, trained

VALIDATIONS = 10  # of a training


@dataclass(frozen=True)
class Training:
    """A training of the comparison.

    Args:
        title: in the table.
        config: in configs/.
        epochs: how many.
        options: dotted key -> value, changes to the config.
        recipe: in configs/_base_/recipes, where it is not the config's.
    """

    title: str
    config: str
    epochs: int
    options: dict = field(default_factory=dict)
    recipe: str | None = None


TINY = {
    'model.backbone.variant': 'tiny',
    'model.backbone.num_heads': 3,
    'model.decode_head.in_channels': 192,
}
MLP = {'model.decode_head.depth': 2, 'model.decode_head.hidden_channels': 768}
PATCHES = {'model.backbone.patch_size': 8, 'model.decode_head.patch_size': 8}
RATE = {'optim_wrapper.optimizer.lr': 1e-3}
TRAININGS = {
    'article': Training('the article: ViT-B/16, 86.28 M, linear patch head', 'vit_linear_pet', 50),
    'cnn': Training("the host's FCN on ResNet-18, the same recipe", 'fcn_pet', 50, recipe='article_pet'),
    'tiny': Training('the article at width 192 (ViT-Ti/16)', 'vit_linear_pet', 50, TINY),
    'tiny_mlp': Training('... MLP head', 'vit_linear_pet', 50, TINY | MLP),
    'tiny_patches': Training('... patches of 8 pixels', 'vit_linear_pet', 50, TINY | PATCHES),
    'tiny_epochs': Training('... 100 epochs', 'vit_linear_pet', 100, TINY),
    'tiny_rate': Training('... learning rate 1e-3', 'vit_linear_pet', 50, TINY | RATE),
    'tiny_all': Training('... all four', 'vit_linear_pet', 100, TINY | MLP | PATCHES | RATE),
    'drawn': Training(
        'ViT-S/14, linear patch head, from drawn weights',
        'vit_small_pretrained_pet',
        10,
        {'model.backbone.init_cfg': None},
    ),
    'pretrained': Training('... from pretrained weights', 'vit_small_pretrained_pet', 10),
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    add_names(parser, '--trainings', TRAININGS)
    args = parser.parse_args()
    if not args.table and 'PET_ROOT' not in os.environ:
        parser.error('PET_ROOT not set; docs/weights_and_data.md says where to get weights and data')
    return args


def main() -> int:
    """Return the exit status."""
    args = parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    whole = True
    for name in args.trainings if not args.table else ():
        whole &= trained(
            args.out / name,
            partial(composed, name),
            args,
            f'python benchmarks/article.py --out DIR --trainings {name}',
            seed=0,
            name=name,
            title=TRAININGS[name].title,
            epochs=TRAININGS[name].epochs,
        )
    rows = sorted(rows_in(args.out), key=lambda row: list(TRAININGS).index(row['name']))
    (args.out / 'table.md').write_text('\n'.join(table(rows)))
    print((args.out / 'table.md').read_text())
    draw(args.out, rows)
    return int(not whole)


def composed(name: str) -> Config:
    """Return the config of a training."""
    training = TRAININGS[name]
    cfg = Config.fromfile(ROOT / f'configs/{training.config}.py')
    if training.recipe:
        for key, value in Config.fromfile(ROOT / f'configs/_base_/recipes/{training.recipe}.py').items():
            cfg[key] = value
    cfg.merge_from_dict(training.options)
    progress = cfg.default_hooks.get('progress')
    train_for(cfg, training.epochs)
    if name == 'article':
        cfg.default_hooks.progress = progress
    cfg.train_cfg.val_interval = max(training.epochs // VALIDATIONS, 1)
    cfg.default_hooks.checkpoint.update(interval=1, max_keep_ckpts=1, save_best=None)
    return cfg


def table(rows: Sequence[dict]) -> Iterator[str]:
    """Yield the lines of a table of all trainings."""
    yield '| training | epochs | mIoU | aAcc | processor time, min | peak memory, MB |'
    yield '| --- | --- | --- | --- | --- | --- |'
    for row in rows:
        machine = [row[key] if row[key] is not None else 'resumed, not read' for key in ('cpu_minutes', 'peak_mb')]
        figures = [row['epochs'], f'{row["mIoU"]:.2f}', f'{row["aAcc"]:.2f}', *machine]
        yield f'| {row["title"]} | {" | ".join(map(str, figures))} |'
    yield ''


def draw(out: Path, rows: Sequence[dict]) -> None:
    """Draw the accuracy of each training by epoch."""
    import matplotlib.pyplot as plt

    if not rows:
        return
    figure, panel = plt.subplots(figsize=(8, 4.5), layout='constrained')
    for row in rows:
        scores = read_log(out / row['name']).validation
        panel.plot([entry['step'] for entry in scores], [entry['aAcc'] for entry in scores], label=row['title'])
    panel.set(xlabel='epoch', ylabel='pixel accuracy (aAcc), %')
    panel.legend(fontsize=7)
    figure.savefig(out / 'curves.png', dpi=120)
    plt.close(figure)


if __name__ == '__main__':
    sys.exit(main())
