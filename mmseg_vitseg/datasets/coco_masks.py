"""Masks drawn from polygons or run lengths of a COCO json. H W size in pixels.

It is drawn by pycocotools, which the extra [coco] brings.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from mmengine import fileio

from mmseg_vitseg.datasets.mask_names import ALL_OTHERS, labels_by_name
from mmseg_vitseg.datasets.run_lengths import decoded
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.labels import IGNORED

NO_PYCOCOTOOLS = (
    "drawn by pycocotools, which is not installed: pip install pycocotools, or this package's extra, '.[coco]'"
)


class Annotated(NamedTuple):
    """A picture of the json, and its annotations as they stand there."""

    height: int
    width: int
    annotations: list[dict]


class UnlistedError(ValueError):
    """A picture that the json does not have."""


class CocoMasks:
    """The masks of a COCO json of instances or stuff, read when the first is asked for.

    Args:
        path: the json's.
        classes: their labels are their places.
        merge: see :func:`~mmseg_vitseg.datasets.mask_names.labels_by_name`; categories are what has names.
        background: what pixels without an annotation are, one of ``classes``, or 255, which is ignored.
        backend_args: mmengine's.

    Raises:
        ValueError: ``background`` is neither.
    """

    def __init__(
        self,
        path: str,
        classes: Sequence[str] | None,
        merge: Mapping[str, str | None],
        background: str | int | None,
        backend_args: dict | None,
    ):
        known: list[str | int] = [*(classes or ())]
        if background not in known and background != IGNORED:
            raise ValueError(
                f'coco with background={background!r}; say what pixels without an annotation are: a name of '
                f'classes={known}, or {IGNORED} for ignored'
            )
        self.path = path
        self.classes = classes
        self.merge = merge
        self.background = background
        self.filled = IGNORED if background == IGNORED else known.index(background)
        self.backend_args = backend_args

    def draw(self, img_path: str) -> np.ndarray:
        """Draw the mask of a picture, (H, W) uint8: the largest object first, the smallest on top.

        Raises:
            FileNotFoundError, ValueError: the json is missing, or none of COCO's; the picture is not in it; an annotation
                cannot be drawn; a category is no class.
        """
        picture = self.find(img_path)
        labels, _ = self._content
        drawn = np.full((picture.height, picture.width), self.filled, np.uint8)
        objects = [(one, self._object(one, picture, img_path)) for one in picture.annotations]
        for annotation, pixels in sorted(objects, key=lambda pair: -int(pair[1].sum())):
            drawn[pixels] = labels[annotation['category_id']]
        return drawn

    def find(self, img_path: str) -> Annotated:
        """Return the picture whose ``file_name`` is the end of a path, the longest such.

        Raises:
            UnlistedError: there is none.
            FileNotFoundError, ValueError: the json is missing, or none of COCO's; a category is no class.
        """
        _, pictures = self._content
        parts = PurePosixPath(str(img_path).replace('\\', '/')).parts
        for start in range(len(parts)):
            if found := pictures.get('/'.join(parts[start:])):
                return found
        example = f', as in {next(iter(pictures))!r}' if pictures else ''
        raise UnlistedError(
            f'{img_path}: not in {self.path}, whose {len(pictures)} pictures are found by file_name, the end of their path'
            f'{example}; add it, or take the picture off the split'
        )

    def _object(self, annotation: dict, picture: Annotated, img_path: str) -> np.ndarray:
        """Draw an annotation, (H, W) bool, as pycocotools' ``annToMask`` does."""
        try:
            from pycocotools import mask
        except ImportError as error:
            raise ValueError(f'{self.path}: {NO_PYCOCOTOOLS}') from error
        shape, size = annotation.get('segmentation'), (picture.height, picture.width)
        what = f'{self.path}: annotation {annotation.get("id")} of {img_path}'
        if not shape:
            raise ValueError(f'{what} has no segmentation; draw a polygon, or take it out')
        try:
            if isinstance(shape, list):
                if 4 in map(len, shape):  # which pycocotools takes for boxes (x, y, width, height)
                    raise ValueError('a polygon of 2 points; it needs 3')
                shape = mask.merge(mask.frPyObjects(shape, *size))
            elif isinstance(shape['counts'], list):
                shape = mask.frPyObjects(shape, *size)
            drawn = decoded(shape)
        except Exception as error:  # pycocotools has several
            raise ValueError(f'{what} cannot be drawn ({first_line(error)}); a polygon is [x, y, x, y, ...]') from error
        if drawn.shape != size:
            raise ValueError(f'{what} is {drawn.shape[0]} x {drawn.shape[1]}, its picture {size[0]} x {size[1]}')
        return drawn

    @cached_property
    def _content(self) -> tuple[dict[int, int], dict[str, Annotated]]:
        """The label of each category, and the pictures by name."""
        try:
            content = json.loads(fileio.get(self.path, backend_args=self.backend_args))
        except FileNotFoundError as error:
            raise FileNotFoundError(f'{self.path}: no such file, which LoadMask(coco=...) names') from error
        except ValueError as error:
            raise ValueError(f'{self.path}: no json, or damaged ({first_line(error)})') from error
        try:
            names = {one['id']: str(one['name']) for one in content['categories']}
            pictures = self._pictures(content, names)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f'{self.path}: no COCO json of images (id, file_name, height, width), categories (id, name) and '
                f'annotations (image_id, category_id, segmentation): {type(error).__name__} {first_line(error)}'
            ) from error
        return self._labels(names, {one['category_id'] for one in content['annotations']}), pictures

    def _pictures(self, content: dict, names: dict[int, str]) -> dict[str, Annotated]:
        by_name: dict[str, Annotated] = {}
        by_id: dict[int, Annotated] = {}
        for image in content['images']:
            name = str(PurePosixPath(image['file_name'].replace('\\', '/')))
            if name in by_name:
                raise ValueError(f'{self.path}: two pictures have the file_name {name!r}')
            by_name[name] = by_id[image['id']] = Annotated(image['height'], image['width'], [])
        for one in content['annotations']:
            for key, known in (('category_id', names), ('image_id', by_id)):
                if one[key] not in known:
                    raise ValueError(
                        f'{self.path}: annotation {one.get("id")} has the {key} {one[key]}, which is not there'
                    )
            by_id[one['image_id']].annotations.append(one)
        return by_name

    def _labels(self, names: dict[int, str], drawn: set[int]) -> dict[int, int]:
        """Return the label of each category; one that nothing is of may be unknown, as the parents that some tools write."""
        known = {*self.merge, *(self.classes or ())}
        misspelt = {*self.merge} - {*names.values(), ALL_OTHERS}  # then the message needs all of them
        used = {key: name for key, name in names.items() if key in drawn or name in known or misspelt}
        labels = labels_by_name(dict.fromkeys(used.values()), self.classes, self.merge, self.path, [self.background])
        return {key: labels[name] for key, name in used.items()}
