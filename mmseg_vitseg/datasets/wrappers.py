"""Data sets that are built, inside of their wrappers; what a config says of them is in config/datasets.py."""

from typing import Any

from mmengine.dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset

from mmseg_vitseg.datasets.cached import CachedFeatures


def datasets_inside(dataset: Any, until: type | tuple = ()) -> list[Any]:
    """Return a built data set, or those inside its wrappers; wrappers of the kind ``until`` are not looked into."""
    if isinstance(dataset, until):
        return [dataset]
    if isinstance(dataset, ConcatDataset):
        return [inside for one in dataset.datasets for inside in datasets_inside(one, until)]
    if isinstance(dataset, (RepeatDataset, ClassBalancedDataset, CachedFeatures)):
        return datasets_inside(dataset.dataset, until)
    return [dataset]
