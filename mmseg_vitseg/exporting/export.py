"""From a config and a checkpoint to a verified file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from torch import nn

from mmseg_vitseg.atomic import whole_together
from mmseg_vitseg.config.reading import read_config
from mmseg_vitseg.exporting.formats import DATA, OPSET, SUFFIXES, Form, check_installed, load, write_graph
from mmseg_vitseg.exporting.graph import Graph, describe_graph
from mmseg_vitseg.exporting.verify import Agreement, verify
from mmseg_vitseg.inference.model import load_model, pipeline_of, prepare

SIDE = 512  # of pictures whose size nothing says
# batch, and how much larger than asked for: what a file for any size is verified at beside the size that is asked for
OTHER = (3, 11, 21)


@dataclass(frozen=True)
class Exported:
    """What :func:`export_file` did."""

    description: dict[str, str]  # what the file says about itself
    findings: list[Agreement]  # none where it was not verified
    files: list[Path]  # the file, and where its weights are in another, that one


def export_file(
    config: str | Path,
    checkpoint: str | Path,
    out: str | Path,
    format: str,
    *,
    options: dict | None = None,
    shape: tuple[int, int] | None = None,
    labels: bool = False,
    fixed: bool = False,
    opset: int | None = None,
    check: bool = False,
    overwrite: bool = False,
    on_step: Callable[[str], None] = lambda text: None,
) -> Exported:
    """Write a trained model as a file that runs without this package; one that does not agree with the model is not written.

    Args:
        config, checkpoint, options: see :func:`~mmseg_vitseg.inference.model.load_model`.
        out: the file; its name ends as :data:`~mmseg_vitseg.exporting.formats.SUFFIXES` says.
        format: ``onnx``, ``torchscript`` or ``pt2``.
        shape: (H, W) of the pictures: what ``fixed`` fixes, and what is verified. Default: the config's sliding window, or
            what its test pipeline makes of a picture of the backbone's ``img_size``.
        labels: return labels, not logits.
        fixed: take pictures of ``shape`` only.
        opset: ONNX's operator set; None for 18.
        check: run what was written, and compare it with the model.
        overwrite: replace ``out`` where it exists.
        on_step: told what is being done.

    Raises:
        FileExistsError: ``out`` exists.
        FileNotFoundError, ImportError, ValueError: what is missing, does not fit, cannot be exported, or does not agree.
    """
    out = Path(out)
    check_target(out, format, overwrite)
    check_format(format, opset, check)
    on_step('reading the model')
    cfg = read_config(config, options)
    window = take_window(cfg)
    model = load_model(cfg, checkpoint, 'cpu')
    graph = Graph(model, labels=labels)
    form = Form(format, shape or window or default_shape(model), fixed, opset or OPSET)
    description = describe_graph(model, graph, form.shape if fixed else None)
    description |= dict(config=Path(config).name, checkpoint=Path(checkpoint).name)
    if window:
        size = f'{window[0]} x {window[1]}'
        description['windows'] = f'the config predicts windows of {size}; this file predicts one of them'
    names = companions(out, format)
    with whole_together(out, *names) as temporary:
        on_step(f'writing {format}')
        write_graph(graph, temporary, form, description)
        findings = verified(model, graph, form, temporary, on_step) if check else []
        check_agreement(out, findings, form)
    files = [out, *(file for file in map(out.with_name, names) if file.exists())]
    return Exported(description, findings, files)


def verified(
    model: nn.Module, graph: Graph, form: Form, file: Path, on_batch: Callable[[str], None]
) -> list[Agreement]:
    """Compare a written file with the model: on one picture of the shape, and on a batch, larger where sizes are free."""
    batch, more_height, more_width = OTHER
    height, width = form.shape
    other = (height, width) if form.fixed else (height + more_height, width + more_width)
    shapes = [(1, graph.channels, height, width), (batch, graph.channels, *other)]
    return verify(model, load(file, form.format), shapes, labels=graph.labels, on_batch=on_batch)


def companions(out: Path, format: str) -> list[str]:
    """Return the names of the files that may belong to a file of a format, beside it."""
    return [f'{out.name}{DATA}'] if format == 'onnx' else []


def check_target(out: Path, format: str, overwrite: bool) -> None:
    """Check that the file may be written.

    Raises:
        FileExistsError, IsADirectoryError, ValueError: it may not.
    """
    if format not in SUFFIXES:
        raise ValueError(f'format={format!r}; allowed: {", ".join(SUFFIXES)}')
    if out.suffix != SUFFIXES[format]:
        raise ValueError(f'--out {out}: a file of format {format} is named NAME{SUFFIXES[format]}')
    for file in (out, *map(out.with_name, companions(out, format))):
        if file.is_dir():
            raise IsADirectoryError(f'--out {out}: {file} is a folder; name a file')
        if file.exists() and not overwrite:
            raise FileExistsError(f'--out {out}: {file} exists; --force replaces it')


def check_format(format: str, opset: int | None, check: bool) -> None:
    """Check that a format can be written here, and run where it is to be verified.

    Raises:
        ImportError, ValueError: it cannot.
    """
    if opset is not None and opset < OPSET:
        raise ValueError(f'--opset {opset}: allowed: {OPSET} or newer')
    if format == 'onnx':
        check_installed('onnx', 'onnxscript', *(['onnxruntime'] if check else []))


def take_window(cfg: Config) -> tuple[int, int] | None:
    """Return the (H, W) of the windows that a config predicts in, and make it predict pictures whole."""
    settings = cfg.model.get('test_cfg') or {}
    window = settings.get('crop_size') if settings.get('mode') == 'slide' else None
    cfg.merge_from_dict({'model.test_cfg.mode': 'whole'})
    return None if window is None else (window[0], window[1])


def default_shape(model) -> tuple[int, int]:
    """Return the (H, W) that the test pipeline makes of a picture of the size that the backbone is built for."""
    size = model.cfg.model.backbone.get('img_size', SIDE)
    height, width = (size, size) if isinstance(size, int) else size
    if 'test_dataloader' not in model.cfg:
        return height, width
    return tuple(prepare(model, pipeline_of(model).blank(height, width))['inputs'].shape[-2:])


def check_agreement(out: Path, findings: list[Agreement], form: Form) -> None:
    """Check what verifying has found.

    Raises:
        ValueError: a batch on which the file does not agree.
    """
    wrong = [str(finding) for finding in findings if not finding.agrees]
    if wrong:
        raise ValueError(
            f'{out}: does not agree with the model, so it is not written: {"; ".join(wrong)} '
            f'(traced at {" x ".join(map(str, form.traced))})'
        )
