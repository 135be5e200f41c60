"""Predict pictures, folders of them, videos, and scenes that do not fit into memory.

  python tools/predict.py configs/quickstart.py work_dirs/quickstart/epoch_7.pth photo.jpg --out predictions
  python tools/predict.py CONFIG CHECKPOINT photos video.mp4 --out predictions
  python tools/predict.py CONFIG CHECKPOINT photos --out predictions --format png coco

Written for each picture: NAME_overlay.png, the picture under the colours of the classes, with a legend; and NAME_mask.png,
each pixel the number of its class: 0 for the first one, or 1 with reduce_zero_label. These are not the colours or values
that masks were read with (LoadMask). For each video: NAME_overlay.mp4. For all: areas.csv and areas.json, the share of
each class, and its number (value).

  --format coco      instances_masks.json and instances_polygons.json, for CVAT, Label Studio and others (docs/formats.md)
  --format geojson   NAME.geojson, for maps, of pictures that have a georeference (docs/formats.md)
  --confidence       NAME_confidence.png, 16 bits, the probability of each pixel's class (65535 is 1); in the tables
                     mean_confidence of each class, and confident_pixels, those of at least 0.5 (docs/confidence.md)

A scene is read and predicted in windows, and gives NAME_mask.tif, a GeoTIFF with the scene's georeference (docs/scenes.md).
Pictures are read as the config's test pipeline reads them: grey, of several bands, of 16 bits, .npy (docs/bands.md). A file
that cannot be read or predicted is named and left out, and the exit status is 1.
"""

import argparse
import sys

from mmseg_vitseg.cli.arguments import (
    OneLineParser,
    add_config_arguments,
    add_device_argument,
    add_folder_argument,
    positive,
)
from mmseg_vitseg.cli.loading import load
from mmseg_vitseg.cli.next_step import note_next_step
from mmseg_vitseg.cli.progress import shown_bars


def parse_args(arguments: list[str]) -> argparse.Namespace:
    parser = OneLineParser('predict', __doc__)
    add_config_arguments(parser, checkpoint=True)
    parser.add_argument(
        'inputs',
        nargs='+',
        metavar='INPUT',
        help='a picture, a video, a folder (with all folders in it), or a pattern in quotes: "*.jpg"',
    )
    add_folder_argument(
        parser, 'the results go: a folder, made if it is not there; files of the same names are replaced'
    )
    parser.add_argument(
        '--format',
        nargs='+',
        choices=('png', 'coco', 'geojson'),
        default=['png'],
        metavar='png|coco|geojson',
        help='what is written beside the tables, one or more of them (default: png, overlays and masks)',
    )
    parser.add_argument(
        '--opacity',
        type=float,
        metavar='X',
        help='how strongly the colours cover the picture in overlays, from 0 to 1 (default: 0.5)',
    )
    parser.add_argument('--confidence', action='store_true', help='write also how sure the model is of each pixel')
    parser.add_argument(
        '--scene',
        choices=('auto', 'yes', 'no'),
        default='auto',
        metavar='auto|yes|no',
        help='whether pictures are scenes, read and predicted in windows (default: auto, TIFF files of more than 16 million '
        'pixels, others of more than 64 million)',
    )
    parser.add_argument(
        '--resume', action='store_true', help='go on with scenes that were cut off, and leave out those that are done'
    )
    add_device_argument(parser)
    parser.add_argument(
        '--batch-size',
        type=positive,
        default=1,
        metavar='N',
        help='how many pictures of one size, or frames of a video, go through the model at once (default: 1)',
    )
    args = parser.parse_args(arguments)
    if args.opacity is not None and 'png' not in args.format:
        parser.error(f'--opacity is of the overlays, which --format {" ".join(args.format)} does not write; add png')
    args.opacity = 0.5 if args.opacity is None else args.opacity
    if not 0 <= args.opacity <= 1:
        parser.error(f'--opacity {args.opacity}: allowed: 0 to 1')
    return args


def main(args: argparse.Namespace) -> None:
    from mmseg_vitseg.inference.files import predict_files
    from mmseg_vitseg.inference.inputs import find_inputs
    from mmseg_vitseg.inference.model import suffixes_of
    from mmseg_vitseg.inference.outputs.writer import Writer
    from mmseg_vitseg.inference.scenes.predicting import ScenePredictor

    model = load(args.config, args.checkpoint, args)
    inputs = find_inputs(args.inputs, args.out, suffixes_of(model))
    writer = Writer(model, args.out, args.opacity, args.format, confidence=args.confidence)
    with shown_bars() as progress:
        task = progress.add_task('predicting', total=len(inputs))

        def on_done(file, error):
            progress.advance(task)
            if error is not None:
                print(f'left out: {error}', file=sys.stderr)

        def on_progress(file, share):
            note_next_step('the same command with --resume goes on')
            if file not in parts:
                parts[file] = progress.add_task(file.name, total=1)
            progress.update(parts[file], completed=share)

        parts: dict = {}
        scenes = ScenePredictor(model, writer, which=args.scene, resume=args.resume, on_progress=on_progress)
        failures = predict_files(model, inputs, writer, batch_size=args.batch_size, scenes=scenes, on_done=on_done)
    print(f'{len(inputs) - failures} of {len(inputs)} predicted: {args.out}')
    if failures:
        sys.exit(1)
