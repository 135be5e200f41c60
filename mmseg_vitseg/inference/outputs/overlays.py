"""Overlays and index masks."""

import zlib
from pathlib import Path

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.inference.outputs.predicted import Classes, Output, Predicted
from mmseg_vitseg.pictures.drawing import areas, index_mask, overlay, with_legend


class Overlays(Output):
    """Writes ``NAME_overlay.png`` with a legend, and ``NAME_mask.png``.

    The mask's pixels have the numbers that the classes have in the data set's masks; without data 255, of 16 bits 65535.

    Args:
        classes: the data set's.
        folder: that is there.
        opacity: of the classes' colours, 0 to 1.
    """

    def __init__(self, classes: Classes, folder: Path, opacity: float):
        self.classes = classes
        self.folder = folder
        self.opacity = opacity

    def write(self, predicted: Predicted) -> None:
        """Write the picture's overlay and mask."""
        names, palette, name = self.classes.names, self.classes.palette, predicted.name
        blended = overlay(predicted.picture, predicted.labels, palette, self.opacity)
        if predicted.nodata is not None:
            blended[predicted.nodata] = predicted.picture[predicted.nodata]
        drawn = with_legend(blended, areas(predicted.known(predicted.labels), names), names, palette)
        with whole(self.folder / name.with_name(f'{name.name}_overlay.png')) as temporary:
            # runs alone: of a photograph as small as with zlib's search for longer matches, in a quarter of its time
            drawn.save(temporary, format='PNG', compress_type=zlib.Z_RLE)
        with whole(self.folder / name.with_name(f'{name.name}_mask.png')) as temporary:
            mask = index_mask(predicted.labels, palette, self.classes.first, predicted.nodata)
            mask.save(temporary, format='PNG')
