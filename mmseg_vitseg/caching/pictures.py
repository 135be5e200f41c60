"""The pictures of a data set as its pipeline prepares them, of which nothing may be left to chance."""

import copy
import json
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import RandomFlip

from mmseg_vitseg.config.parts import by
from mmseg_vitseg.datasets.cached import directions_of, files_of, flip_of, leaves_of

COMPARED = 4  # pictures that are prepared twice: a step may have a generator of its own


class Pictures(torch.utils.data.Dataset):
    """A data set's pictures, each in every direction of its RandomFlip: ``inputs``, ``data_samples``, ``files``.

    Args:
        dataset: a built one; it is changed.
        leave_out: steps that have been left out of its pipeline, for messages.
        alike: all are to have one size, for nothing but their batch says to what size they are padded.

    Raises:
        ValueError: a step of the pipeline is random, or sizes differ that are to be alike.
    """

    def __init__(self, dataset: Any, leave_out: Sequence[str] = (), alike: bool = False):
        self.dataset = dataset
        self.alike = alike
        self.size: str | None = None  # the first one's, when they are checked
        self.directions = directions_of(flip_of(dataset))
        self.pipelines = []
        for leaf in leaves_of(dataset):
            leaf.pipeline = FixedPipeline(leaf.pipeline.transforms, self.directions)
            self.pipelines.append(leaf.pipeline)
        self.leave_out = list(leave_out)

    def __len__(self) -> int:
        return len(self.dataset) * len(self.directions)

    def __getitem__(self, place: int) -> dict:
        index, direction = divmod(place, len(self.directions))
        files = files_of(self.dataset.get_data_info(index))  # before they are read: what changes then is found later
        for pipeline in self.pipelines:
            pipeline.direction = self.directions[direction]
        sample = self.dataset[index]
        if drawn := list(dict.fromkeys(name for pipeline in self.pipelines for name in pipeline.drawn)):
            raise ValueError(
                f'{", ".join(drawn)}: changes pictures at random, and a cache has each picture once. Leave it out, '
                f'--leave-out {" ".join([*self.leave_out, *drawn])}, or write a fixed step in its place: Resize for '
                'RandomResize and RandomCrop'
            )
        size = by(sample['inputs'].shape[-2:])
        if self.alike and size != (self.size or size):
            raise ValueError(
                f'{sample["data_samples"].img_path}: {size} pixels behind the pipeline, the first one {self.size}; a '
                'picture, padded to the largest of its batch, has other features in another one; make them alike: '
                'a Resize with keep_ratio=False, or model.data_preprocessor.size=(HEIGHT,WIDTH) of the largest'
            )
        return dict(inputs=sample['inputs'], data_samples=sample['data_samples'], files=json.dumps(files))

    def check(self) -> None:
        """Check that the first pictures are the same when they are prepared again; remember the size of the first.

        Raises:
            ValueError: a step is random.
        """
        self.size = by(self[0]['inputs'].shape[-2:])
        for place in range(min(COMPARED, len(self))):
            if not torch.equal(self[place]['inputs'], self[place]['inputs']):
                raise ValueError(
                    f'{", ".join(type(step).__name__ for step in self.pipelines[0].steps)}: one of these steps changes '
                    'pictures at random, and a cache has each picture once; take it out, or --leave-out it'
                )


class FixedPipeline:
    """Runs the steps of a pipeline, the RandomFlip in a given direction, and notes which steps draw random numbers.

    Args:
        steps: the pipeline's.
        directions: of the RandomFlip.
    """

    def __init__(self, steps: Sequence[Any], directions: Sequence[str | None]):
        self.steps = steps
        self.flips = {direction: [fixed(step, direction) for step in steps] for direction in directions}
        self.direction = directions[0]
        self.drawn: list[str] = []

    def __call__(self, results: dict) -> dict:
        """Run the steps on what a data set knows of a picture."""
        path = results.get('img_path')
        for step in self.flips[self.direction]:
            before = random_states()
            results = step(results)
            if results is None:
                raise ValueError(f'{path}: {type(step).__name__} leaves it out; a cache has all pictures')
            if not isinstance(step, RandomFlip) and random_states() != before:
                self.drawn.append(type(step).__name__)
        return results


def fixed(step: Any, direction: str | None) -> Any:
    """Return a RandomFlip that always turns pictures in this direction; any other step as it is."""
    if not isinstance(step, RandomFlip):
        return step
    turned = copy.copy(step)
    turned.prob, turned.direction = (0.0, 'horizontal') if direction is None else (1.0, direction)
    return turned


def random_states() -> tuple:
    """Return the states of the generators that steps draw from."""
    numpys = np.random.get_state(legacy=False)['state']
    return random.getstate(), numpys['pos'], numpys['key'].tobytes(), torch.get_rng_state().numpy().tobytes()
