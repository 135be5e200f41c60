"""Whether features on a disk are those that a model's backbone would compute."""

import hashlib

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import nn

from mmseg_vitseg.config.changed_settings import first_change, plain
from mmseg_vitseg.datasets.cached import CachedFeatures
from mmseg_vitseg.datasets.feature_files import FeatureFile
from mmseg_vitseg.datasets.wrappers import datasets_inside
from mmseg_vitseg.registry import HOOKS

# Settings of a backbone that do not change its features, or are compared by its weights.
NO_MATTER = ('init_cfg', 'pretrained', 'frozen', 'with_cp')


@HOOKS.register_module()
class CachedFeaturesHook(Hook):
    """Compares cached features with the model, once it has its weights; without this hook they are not used.

    Raises:
        ValueError: they were computed by other weights, another backbone or with other means and deviations.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self.weights: str | None = None

    def before_train(self, runner) -> None:
        """Compare the training data's, and the validation's, with the weights that the training starts with."""
        self.weights = None
        self._check(runner, runner.train_dataloader)
        if runner.val_loop is not None:
            self._check(runner, runner.val_dataloader)

    def before_val(self, runner) -> None:
        """Compare the validation data's; in a training the backbone is frozen, so it is as it was."""
        self._check(runner, runner.val_dataloader)

    def before_test(self, runner) -> None:
        """Compare the test data's."""
        self._check(runner, runner.test_dataloader)

    def _check(self, runner, loader) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        for dataset in datasets_inside(loader.dataset, until=CachedFeatures):
            if isinstance(dataset, CachedFeatures):
                self.weights = self.weights or weights_digest(model.backbone)
                assert dataset.file is not None
                compare_with_model(dataset.file, model_recipe(runner.cfg.model), self.weights)
                model.data_preprocessor.confirmed = True


def model_recipe(model: dict) -> dict:
    """Return the settings of a model that its backbone's features depend on, but for the weights."""
    backbone = {name: value for name, value in model['backbone'].items() if name not in NO_MATTER}
    preprocessor = {name: value for name, value in model['data_preprocessor'].items() if name != 'type'}
    return plain(dict(backbone=backbone, data_preprocessor=preprocessor))


def weights_digest(module: nn.Module) -> str:
    """Return the SHA-256 of a module's weights, their names, dtypes and shapes."""
    found = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        found.update(f'{name} {value.dtype} {tuple(value.shape)}'.encode())
        found.update(value.detach().cpu().reshape(-1).view(torch.uint8).numpy())
    return found.hexdigest()


def compare_with_model(file: FeatureFile, settings: dict, weights: str) -> None:
    """Compare features with a model.

    Raises:
        ValueError: they are not its own.
    """
    then = file.manifest['model']
    if found := first_change(settings, then, 'model'):
        raise ValueError(f'{file.folder}: features of another model: {found}; {file.again()}')
    if weights != file.manifest['weights']:
        raise ValueError(
            f"{file.folder}: features of other weights: the backbone's have SHA-256 {weights[:12]}..., those that the "
            f'features were computed with {file.manifest["weights"][:12]}...; {file.again()}'
        )
