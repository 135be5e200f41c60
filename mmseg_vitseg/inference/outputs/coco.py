"""COCO's json, as CVAT, Label Studio, FiftyOne and others read it. H W size in pixels.

The format: https://cocodataset.org/#format-data
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mmseg_vitseg.datasets.run_lengths import decoded
from mmseg_vitseg.inference.outputs.json_lists import write_list
from mmseg_vitseg.inference.outputs.packages import check_packages
from mmseg_vitseg.inference.outputs.polygons import NO_DATA, area, simple_regions
from mmseg_vitseg.inference.outputs.predicted import Classes, Output, Predicted


class Coco(Output):
    """Writes ``instances_masks.json`` and ``instances_polygons.json``, each with all pictures.

    In the first, what a picture has of a class is one annotation: run lengths, with ``iscrowd`` 1, which is COCO's word for
    a group of objects. In the second, each region is one: a polygon, with ``iscrowd`` 0. COCO's polygons have no holes; a
    region with holes is cut into several. Both cover the same pixels. A category's ``id`` is the class's index plus 1, since
    some readers take 0 for none; ``value`` is its number in the data set's masks.

    What is held of a picture until the end are its run lengths.

    Args:
        classes: the data set's.
        folder: that is there.

    Raises:
        ValueError: pycocotools or rasterio are not installed.
    """

    def __init__(self, classes: Classes, folder: Path):
        check_packages('coco', 'pycocotools', 'rasterio')
        self.classes = classes
        self.folder = folder
        self.images: list[dict] = []
        self.masks: list[dict[int, dict]] = []  # of each image: class -> run lengths

    def write(self, predicted: Predicted) -> tuple[Path, tuple[int, int], dict[int, dict]]:
        """Return the picture's place, its size, and of each class that it has the run lengths."""
        return (
            predicted.name.parent / predicted.file.name,
            predicted.labels.shape,
            run_lengths(predicted.labels, predicted.nodata),
        )

    def remember(self, file: Path, written: tuple[Path, tuple[int, int], dict[int, dict]]) -> None:
        """Remember a picture's run lengths."""
        place, (height, width), masks = written
        number = len(self.images) + 1
        self.images.append(dict(id=number, file_name=place.as_posix(), width=width, height=height, file=file))
        self.masks.append(masks)

    def finish(self) -> None:
        """Write both files."""
        times = Counter(image['file_name'] for image in self.images)
        for image in self.images:
            file = image.pop('file')
            if times[image['file_name']] > 1:  # of the same place in two folders that were named
                image['file_name'] = file.as_posix()
        for name, annotations in (('masks', self._masks()), ('polygons', self._polygons())):
            head = dict(
                info=dict(description='Predictions of mmseg_vitseg'), images=self.images, categories=self._categories()
            )
            numbered = (dict(id=number, **one) for number, one in enumerate(annotations, start=1))
            write_list(self.folder / f'instances_{name}.json', head, 'annotations', numbered)

    def _categories(self) -> list[dict]:
        return [
            dict(id=index + 1, name=name, supercategory='', isthing=0, color=colour, value=index + self.classes.first)
            for index, (name, colour) in enumerate(zip(self.classes.names, self.classes.palette.tolist(), strict=True))
        ]

    def _masks(self) -> Iterator[dict]:
        from pycocotools import mask as coco

        for image, masks in zip(self.images, self.masks, strict=True):
            for index, mask in masks.items():
                yield dict(
                    image_id=image['id'],
                    category_id=index + 1,
                    segmentation=dict(mask, counts=mask['counts'].decode('ascii')),
                    area=int(coco.area(mask)),
                    bbox=coco.toBbox(mask).astype(int).tolist(),
                    iscrowd=1,
                )

    def _polygons(self) -> Iterator[dict]:
        for image, masks in zip(self.images, self.masks, strict=True):
            for index, ring in simple_regions(label_map(masks)) if masks else ():
                if index == NO_DATA:
                    continue
                left, top = ring.min(axis=0).tolist()
                right, bottom = ring.max(axis=0).tolist()
                yield dict(
                    image_id=image['id'],
                    category_id=index + 1,
                    segmentation=[ring[:-1].ravel().tolist()],
                    area=area(ring),
                    bbox=[left, top, right - left, bottom - top],
                    iscrowd=0,
                )


def run_lengths(labels: np.ndarray, nodata: np.ndarray | None = None) -> dict[int, dict]:
    """Return the run lengths of each class that a label map (H, W) has: ``size``, ``counts`` (COCO's compressed form).

    Pixels without data, (H, W) bool, are of none.
    """
    from pycocotools import mask as coco

    if nodata is not None:
        labels = np.where(nodata, NO_DATA, labels)
    columns = np.ascontiguousarray(labels.T)  # runs go down the columns
    return {
        int(index): coco.encode((columns == index).view(np.uint8).T)
        for index in np.flatnonzero(np.bincount(labels.ravel()))
        if index != NO_DATA
    }


def label_map(masks: dict[int, dict]) -> np.ndarray:
    """Return the label map (H, W), uint16, of :func:`run_lengths`, ``NO_DATA`` where no class is."""
    labels = np.full(next(iter(masks.values()))['size'], NO_DATA, np.uint16)
    for index, mask in masks.items():
        labels[decoded(mask)] = index
    return labels
