"""What is exported: the way from pictures to the logits or labels that the model predicts.

B batch, C channels, H W size of the pictures, K classes.
"""

import json

import torch
from mmseg.models.segmentors import CascadeEncoderDecoder, EncoderDecoder
from torch import Tensor, nn

from mmseg_vitseg import __version__
from mmseg_vitseg.inference.model import build_pipeline, channels_of, pipeline_of
from mmseg_vitseg.models.seg_tta_model import gives_probabilities

INPUT = 'images'
PACKING = 'PackSegInputs'


class Graph(nn.Module):
    """Pictures (B, C, H, W), float32, RGB, 0 to 255, to logits (B, K, H, W), float32, or labels (B, H, W), int64.

    The data preprocessor's normalisation comes first; backbone, neck and decode head are the model's own, in the plain form
    that holds logits at full size; auxiliary heads stay behind. Of a single class, its probability stands for the logits,
    as in the host's predictions; of a mask transformer, the scores that its queries give the classes. Where the model was
    trained on BGR, the channels are swapped first; pictures of other than three channels, or that the config reads by
    another step than one that decodes picture files, are taken as it loads them.

    Args:
        model: of :func:`~mmseg_vitseg.inference.model.load_model`.
        labels: return labels.

    Raises:
        ValueError: a model that is no EncoderDecoder, or whose data preprocessor pads.
    """

    def __init__(self, model: nn.Module, *, labels: bool = False):
        super().__init__()
        if not isinstance(model, EncoderDecoder) or isinstance(model, CascadeEncoderDecoder):
            raise ValueError(f"{type(model).__name__}: cannot be exported; allowed: EncoderDecoder, the host's or ours")
        settings = model.cfg.model.data_preprocessor
        if settings.get('test_cfg'):
            raise ValueError(
                f'data_preprocessor.test_cfg={settings.test_cfg} pads pictures, which an exported graph leaves to its '
                'caller; --cfg-options model.data_preprocessor.test_cfg=None'
            )
        self.channels = channels_of(model)
        swapped = bool(settings.get('bgr_to_rgb') or settings.get('rgb_to_bgr'))  # by the preprocessor
        self.rgb = takes_rgb(model)
        self.swap = self.channels == 3 and swapped != self.rgb
        self.labels = labels
        normalise = settings.get('mean') is not None
        self.register_buffer('mean', model.data_preprocessor.mean if normalise else None)  # (C, 1, 1)
        self.register_buffer('std', model.data_preprocessor.std if normalise else None)
        self.backbone = model.backbone
        self.neck = model.neck if model.with_neck else None
        self.head = model.decode_head
        self.encode = model.extract_feat
        self.scores = 'probability' if model.out_channels == 1 else 'scores' if gives_probabilities(model) else 'logits'
        self.requires_grad_(False).eval()

    @property
    def output(self) -> str:
        """The name of what is returned."""
        return 'labels' if self.labels else self.scores

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, K, H, W), or to (B, H, W)."""
        x = images.flip(1) if self.swap else images
        if self.mean is not None:
            x = (x - self.mean) / self.std
        logits = self.head.predict(self.encode(x), [dict(img_shape=images.shape[-2:])], None)  # (B, K, H, W)
        if self.head.out_channels == 1:
            logits = logits.sigmoid()
            return (logits[:, 0] > self.head.threshold).long() if self.labels else logits
        return logits.argmax(1) if self.labels else logits


def describe_graph(model: nn.Module, graph: Graph, size: tuple[int, int] | None) -> dict[str, str]:
    """Return what somebody who has only the file needs to know; it goes into the file's metadata.

    Args:
        model: see :class:`Graph`.
        graph: of it.
        size: (H, W), where the graph takes pictures of one size only.
    """
    height, width = size or ('height', 'width')
    pipeline = build_pipeline(model) if 'test_dataloader' in model.cfg else None
    colours = 'RGB' if graph.rgb else f'{graph.channels} channel{"s" if graph.channels > 1 else ""}'
    values = (
        '0 to 255'
        if pipeline is None or takes_eight_bits(model)
        else f"as the config's {pipeline.reader.name} reads them"
    )
    of = dict(
        labels=f'int64 (batch, {height}, {width}), the class of each pixel, an index into the classes',
        logits=f'float32 (batch, {graph.head.out_channels}, {height}, {width}), before the softmax over the classes',
        scores=f'float32 (batch, {graph.head.out_channels}, {height}, {width}), sums of probabilities over the queries',
        probability=f'float32 (batch, 1, {height}, {width}), of the one class',
    )
    description = dict(
        input=f'{INPUT}: float32 (batch, {graph.channels}, {height}, {width}), {colours}, {values}, not normalised',
        output=f'{graph.output}: {of[graph.output]}',
    )
    if pipeline is not None:
        steps = [dict(step) for step in pipeline.after if step['type'].rpartition('.')[2] != PACKING]
        if pipeline.reading is not None:
            description['read'] = spell(dict(pipeline.reading))
        description['prepare'] = '; '.join(map(spell, steps)) or 'nothing: pictures go in as they are'
        description['classes'] = json.dumps(model.dataset_meta['classes'])
    description['made_by'] = f'mmseg_vitseg {__version__}, torch {torch.__version__}'
    return description


def takes_rgb(model: nn.Module) -> bool:
    """Tell whether a graph's pictures are RGB: those of three channels, where the config's pipeline decodes files."""
    return channels_of(model) == 3 and ('test_dataloader' not in model.cfg or pipeline_of(model).reader.decodes)


def takes_eight_bits(model: nn.Module) -> bool:
    """Tell whether a graph takes values of 0 to 255, as of files that the pipeline decodes as grey or colours."""
    return 'test_dataloader' not in model.cfg or bool(pipeline_of(model).reader.colours)


def spell(step: dict) -> str:
    """Write a step of a pipeline as a call: ``Resize(scale=(128, 128), keep_ratio=False)``."""
    settings = (f'{name}={value!r}' for name, value in step.items() if name != 'type')
    return f'{step["type"]}({", ".join(settings)})'
