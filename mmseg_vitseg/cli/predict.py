"""Predict pictures, folders of them, scenes, and videos.

Writes, for each picture, NAME_overlay.png with a legend and NAME_mask.png, whose pixels have the numbers that the data set's
masks have: a class's index from 0, or with reduce_zero_label one more (where metainfo.classes picks some of a data set's
classes, their index among these); for each video an overlaid NAME_overlay.mp4; and areas.csv and areas.json, the share of
each class and its number in the masks (value).

With --format coco: instances_masks.json and instances_polygons.json, which CVAT, Label Studio and others import. With
--format geojson, of pictures that have a georeference: NAME.geojson, for maps. docs/formats.md says how to import them.

With --confidence: NAME_confidence.png, 16 bits, the probability of each pixel's class (65535 is 1), and in the tables the
class's mean_confidence, and confident_pixels, those of at least 0.5 (docs/confidence.md).

Of a scene, a picture that does not fit into memory, windows are read, and written: NAME_mask.tif, a GeoTIFF with the scene's
georeference (docs/scenes.md). --resume goes on with one that was cut off.

Pictures are read as the config's test pipeline reads them: grey, of several bands, 16 bits, .npy. What is drawn over has
three of its bands, stretched where it has not 8 bits. A file that cannot be read or predicted is reported and left out, and
the exit status is then 1.

  python tools/predict.py configs/quickstart.py work_dirs/quickstart/epoch_7.pth photo.jpg --out predictions
  python tools/predict.py CONFIG CHECKPOINT photos --out predictions --format png coco
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
from mmseg_vitseg.cli.next_step import note_next_step


def parse_args(arguments: list[str]) -> argparse.Namespace:
    parser = OneLineParser('predict', __doc__)
    add_config_arguments(parser, checkpoint=True)
    parser.add_argument(
        'inputs',
        nargs='+',
        metavar='INPUT',
        help='a picture, a folder (with those inside it, linked ones too), a video, or a pattern: "*.jpg"',
    )
    add_folder_argument(parser, 'the results go; made if it is not there, files of the same names are replaced')
    parser.add_argument(
        '--format',
        nargs='+',
        choices=('png', 'coco', 'geojson'),
        default=['png'],
        metavar='png|coco|geojson',
        help='what is written beside the table of areas, one or more (default: png, overlays and masks)',
    )
    parser.add_argument('--opacity', type=float, metavar='X', help="of the overlays' colours, 0 to 1 (default: 0.5)")
    parser.add_argument('--confidence', action='store_true', help='write how sure the model is of each pixel too')
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
        help='pictures of one size, or frames, at once (default: 1)',
    )
    args = parser.parse_args(arguments)
    if args.opacity is not None and 'png' not in args.format:
        parser.error(f'--opacity is of the overlays, which --format {" ".join(args.format)} does not write; add png')
    args.opacity = 0.5 if args.opacity is None else args.opacity
    if not 0 <= args.opacity <= 1:
        parser.error(f'--opacity {args.opacity}: allowed: 0 to 1')
    return args


def main(args: argparse.Namespace) -> None:
    from rich.progress import Progress

    from mmseg_vitseg.inference.files import predict_files
    from mmseg_vitseg.inference.inputs import find_inputs
    from mmseg_vitseg.inference.model import load_model, suffixes_of
    from mmseg_vitseg.inference.outputs.writer import Writer
    from mmseg_vitseg.inference.scenes.predicting import ScenePredictor

    model = load_model(args.config, args.checkpoint, args.device, args.cfg_options)
    inputs = find_inputs(args.inputs, args.out, suffixes_of(model))
    writer = Writer(model, args.out, args.opacity, args.format, confidence=args.confidence)
    with Progress() as progress:
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
