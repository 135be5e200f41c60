"""What the host's own test loop says of a model."""

import torch
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator
from mmseg.registry import DATASETS
from torch import nn


def host_scores(model: nn.Module) -> dict[str, str]:
    """Return the scores, as texts, of the host's own data set, model call and metric on a model's test data."""
    dataset = DATASETS.build(model.cfg.test_dataloader.dataset)
    evaluator = Evaluator(model.cfg.test_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    for index in range(len(dataset)):
        with torch.no_grad():
            outputs = model.test_step(pseudo_collate([dataset[index]]))
        evaluator.process(data_samples=outputs)
    return {name: f'{value:.2f}' for name, value in evaluator.evaluate(len(dataset)).items()}
