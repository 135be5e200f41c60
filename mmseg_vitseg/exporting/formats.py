"""The three formats: how a graph is written in each, and how the file is run.

B batch, C channels, H W size of the pictures.
"""

import io
import json
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import util
from pathlib import Path

import torch
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from mmseg_vitseg.errors import first_line
from mmseg_vitseg.exporting.graph import INPUT, Graph

SUFFIXES = dict(onnx='.onnx', torchscript='.pt', pt2='.pt2')
OPSET = 18  # the one that torch writes; later ones are made from it
# bytes of weights above which an ONNX file has them in a second one: its own format ends at 2 GiB
LARGE = 1_500_000_000
DATA = '.data'  # what the second one is called after the first one's name
DESCRIPTION = 'description.json'  # the file's name in a TorchScript or torch.export archive
DYNAMIC = {0: 'batch', 2: 'height', 3: 'width'}
# of the batch and sizes that a graph for any size is traced at: none is 1, equal to another or a multiple of anything
TRACED = (2, 37, 59)
# what torch says when a size became a number of the trace
NUMBERS = (
    'Converting a tensor to a Python integer',
    'Converting a tensor to a Python float',
    'Using len to get tensor',
)


def check_installed(*packages: str) -> None:
    """Check that packages of the extra [export] are there.

    Raises:
        ImportError: with the command that installs them.
    """
    missing = [name for name in packages if util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f'ONNX needs {", ".join(missing)}: the extra [export], '
            "pip install -c requirements/tested.txt -e '.[export]', or pip install onnx onnxscript onnxruntime"
        )


@dataclass(frozen=True)
class Form:
    """How a graph is written.

    Args:
        format: one of :data:`SUFFIXES`.
        shape: (H, W), the only size of the pictures where ``fixed``.
        fixed: fix the size; the batch is always free.
        opset: ONNX's operator set.
    """

    format: str
    shape: tuple[int, int]
    fixed: bool = False
    opset: int = OPSET

    @property
    def traced(self) -> tuple[int, int, int]:
        """Batch, H and W that the graph is traced at."""
        batch, more_height, more_width = TRACED
        height, width = self.shape
        return (batch, height, width) if self.fixed else (batch, height + more_height, width + more_width)

    @property
    def free(self) -> dict[int, str]:
        """The axes whose length is free, and their names."""
        return {axis: name for axis, name in DYNAMIC.items() if axis == 0 or not self.fixed}


def write_graph(graph: Graph, path: Path, form: Form, description: dict[str, str]) -> None:
    """Write a graph, which is on the CPU, with a description of it.

    Raises:
        ValueError: the model, or this opset, cannot be written so.
    """
    batch, height, width = form.traced
    example = torch.zeros(batch, graph.channels, height, width)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            WRITERS[form.format](graph, path, example, form, description)
    except (OSError, ValueError):  # a picture too small for the model, an opset that torch has not
        raise
    except Exception as error:  # torch's, of many kinds
        sizes = f'of {height} x {width}' if form.fixed else 'of any size; one size may work: --fixed-size'
        reason = error.__cause__ or error  # a warning that was made an error reaches us as a SystemError
        raise ValueError(
            f'the model cannot be written as {form.format} for pictures {sizes} '
            f'({type(reason).__name__}: {first_line(reason)})'
        ) from error


def capture(graph: nn.Module, example: Tensor, form: Form) -> ExportedProgram:
    """Capture a graph with torch.export."""
    program = torch.export.export(graph, (example,), dynamic_shapes={INPUT: dict.fromkeys(form.free, Dim.DYNAMIC)})
    program.example_inputs = None  # or it would be in the file, as would the paths of our code
    for node in program.graph.nodes:
        node.meta.pop('stack_trace', None)
    return program


def write_pt2(graph: Graph, path: Path, example: Tensor, form: Form, description: dict[str, str]) -> None:
    """Capture and save."""
    file = io.BytesIO()
    program = capture(graph, example, form)
    torch.export.save(program, file, extra_files={DESCRIPTION: json.dumps(description)})
    path.write_bytes(file.getbuffer())


def write_torchscript(graph: Graph, path: Path, example: Tensor, form: Form, description: dict[str, str]) -> None:
    """Trace and save; a size that became a number is an error unless sizes are fixed."""
    if not form.fixed:
        for message in NUMBERS:
            warnings.filterwarnings('error', message=message)
    traced = torch.jit.trace(graph, (example,), check_trace=False)
    if form.fixed and not _takes_any_batch(traced, graph, example):
        print_log('The number of pictures is fixed by the model: the file takes them one by one.', logger='current')
        traced = torch.jit.script(OneByOne(torch.jit.trace(graph, (example[:1],), check_trace=False)))
    file = io.BytesIO()  # on a full disk, torch itself would abort the process
    torch.jit.save(traced, file, _extra_files={DESCRIPTION: json.dumps(description)})
    path.write_bytes(file.getbuffer())


class OneByOne(nn.Module):
    """A traced graph of one picture, for any number of them: Swin's windows, say, make a number of the batch.

    Args:
        graph: maps (1, C, H, W) to (1, ...).
    """

    def __init__(self, graph: torch.jit.ScriptModule):
        super().__init__()
        self.graph = graph

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, ...)."""
        return torch.cat([self.graph(image) for image in images.split(1)])


def _takes_any_batch(traced: torch.jit.ScriptModule, graph: nn.Module, example: Tensor) -> bool:
    """Tell whether a trace does with one picture what the graph does; a batch that became a number goes wrong in silence."""
    picture = torch.rand(1, *example.shape[1:], generator=torch.Generator().manual_seed(0)) * 255
    try:
        given, wanted = traced(picture), graph(picture)
    except RuntimeError:
        return False
    return given.shape == wanted.shape and torch.allclose(given, wanted, rtol=1e-3, atol=1e-3)


def write_onnx(graph: Graph, path: Path, example: Tensor, form: Form, description: dict[str, str]) -> None:
    """Translate and save, without the paths and lines of the code that each node comes from.

    Weights of more than :data:`LARGE` bytes are in a second file beside it, named as it is with :data:`DATA` after it.

    Raises:
        ValueError: torch cannot write this opset.
    """
    program = capture(graph, example, form)
    for name in ('torch.onnx', 'onnxscript', 'onnx_ir'):
        logging.getLogger(name).setLevel(logging.ERROR)  # of operators and foldings that are not needed
    written = torch.onnx.export(
        program,
        input_names=[INPUT],
        output_names=[graph.output],
        dynamic_shapes={INPUT: form.free},
        opset_version=form.opset,
        verbose=False,
    )
    model = written.model
    if model.opset_imports[''] != form.opset:
        raise ValueError(f'--opset {form.opset}: torch {torch.__version__} cannot write it; leave it out for {OPSET}')
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
    model.metadata_props.clear()
    model.metadata_props.update(description)
    weights = sum(
        value.const_value.nbytes for value in model.graph.initializers.values() if value.const_value is not None
    )
    written.save(path, external_data=weights > LARGE)


WRITERS: dict[str, Callable[..., None]] = dict(onnx=write_onnx, torchscript=write_torchscript, pt2=write_pt2)


def load(path: Path, format: str) -> Callable[[Tensor], Tensor]:
    """Return what runs a written file: images (B, C, H, W), float32, to its output, on the CPU."""
    if format == 'onnx':
        import onnxruntime

        try:
            session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
        except Exception as error:  # a class of its own for each of its error codes
            raise ValueError(
                f'{path}: onnxruntime {onnxruntime.__version__} cannot load it ({first_line(error)}); '
                'a newer onnxruntime or an older --opset may'
            ) from error
        return lambda images: torch.from_numpy(session.run(None, {INPUT: images.numpy()})[0])
    if format == 'pt2':
        return torch.export.load(path).module()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)  # of TorchScript altogether
        return torch.jit.load(str(path))
