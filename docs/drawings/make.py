"""Draw the models of docs/models.md: python docs/drawings/make.py

Names stand here; shapes and numbers of parameters come from the models (shapes.py). A test compares the files.
"""

from collections.abc import Callable
from pathlib import Path

from boxes import Arrow, Box, svg
from mmengine.logging import MMLogger
from shapes import Traced

FOLDER = Path(__file__).parent
PARTS = dict(backbone='backbone', neck='neck', decode_head='head', auxiliary_head='auxiliary heads')
UPSAMPLED = (
    'Logits of the last size are never held: labels and losses are computed from the small ones, strip by strip.'
)

FROZEN = 'The backbone is frozen, its norm included. Positions are rotary: blocks turn queries and keys by them.'
OF_LEVELS = 'In training, each of the four levels of 3x3 convolutions has an auxiliary head.'


class Drawing:
    """A model's boxes and arrows, as they are added."""

    def __init__(self, traced: Traced):
        self.traced, self.model = traced, traced.model
        self.boxes: list[Box] = []
        self.arrows: list[Arrow] = []

    def box(self, column: float, row: float, kind: str, words: str, name: str, *before: Box, label: str = '') -> Box:
        """Add a box for the shape of that name, and the arrows from the boxes before it."""
        box = Box(column, row, kind, words, self.traced.shapes[name])
        self.boxes.append(box)
        for one in before:
            self.arrow(one, box, label)
        return box

    def arrow(self, start: Box, end: Box, label: str = '') -> None:
        """Add an arrow; to what is there in training only, a dashed one."""
        self.arrows.append(Arrow(start, end, label, 'aside' if end.kind == 'training' else ''))

    def text(self, title: str, notes: list[str]) -> str:
        """Return the figure."""
        parts = ', '.join(f'{PARTS[name]} {count:.2f} M' for name, count in self.traced.millions().items())
        size = self.traced.size
        first = f'{self.traced.config}.py, one picture of {size} x {size}. Parameters: {parts}.'
        return svg(title, self.boxes, self.arrows, [first, *notes])


def tokens(draw: Drawing) -> Box:
    """Draw a ViT up to its first block, in the first column."""
    vit = draw.model.backbone
    box = draw.box(0, 0, 'data', 'picture', 'picture')
    row = 1
    if vit.input_norm is not None:
        box = draw.box(0, row, 'encoder', 'batch norm', 'backbone.input_norm', box)
        row += 1
    side = vit.patch_size
    box = draw.box(0, row, 'encoder', f'patches of {side} x {side},\nlinear', 'backbone.patch_embed', box)
    extra = {
        'class token': vit.cls_token is not None,
        'registers': vit.reg_token is not None,
        'positions': vit.pos_embed is not None,
    }
    words = [word for word, there in extra.items() if there]
    lines = ',\n'.join(filter(None, [words[0], ', '.join(words[1:])]))
    return draw.box(0, row + 1, 'encoder', f'+ {lines}', 'backbone.blocks.0<', box)


def blocks(draw: Drawing, before: Box, first: int, last: int) -> Box:
    """Draw blocks of a ViT, counted from 0, below a box."""
    words = f'blocks {first + 1} to {last + 1}'
    return draw.box(before.column, before.row + 1, 'encoder', words, f'backbone.blocks.{last}', before)


def levels(draw: Drawing) -> list[Box]:
    """Draw a ViT; return the boxes that its output levels leave."""
    found: list[Box] = []
    box, first = tokens(draw), 0
    for last in draw.model.backbone.out_indices:
        box = blocks(draw, box, first, last)
        found.append(box)
        first = last + 1
    return found


def auxiliary(draw: Drawing, boxes: list[Box]) -> None:
    """Draw the heads that levels have in training, beside them."""
    for index, box in enumerate(boxes):
        draw.box(1, box.row, 'training', 'auxiliary head:\nlogits', f'auxiliary_head.{index}.conv_seg', box)


def vit_linear(draw: Drawing) -> None:
    """ViT with a linear patch head."""
    (last,) = levels(draw)
    box = draw.box(1, last.row, 'decoder', 'linear: all logits\nof a patch', 'decode_head.projection', last)
    draw.box(2, last.row, 'data', 'logits', 'logits', box)


def linear_probe(draw: Drawing) -> None:
    """A linear probe."""
    (last,) = levels(draw)
    norm = draw.box(0, last.row + 1, 'encoder', 'norm', 'backbone.norm', last)
    box = draw.box(1, norm.row, 'encoder', 'patches as a map', 'features:0', norm)
    box = draw.box(2, norm.row, 'decoder', 'batch norm', 'decode_head.bn', box)
    draw.box(3, norm.row, 'data', '1x1 convolution:\nlogits', 'decode_head.conv_seg', box)


def setr_up(draw: Drawing) -> None:
    """SETR-Naive and SETR-PUP."""
    *others, last = levels(draw)
    auxiliary(draw, others)
    head = draw.model.decode_head
    size = f'{head.up_convs[0][0].conv.kernel_size[0]}x' * 2
    scale = f'x{head.up_scale}'
    box = draw.box(0, last.row + 1, 'encoder', 'patches as a map,\nlayer norm', f'features:{len(others)}', last)
    count = len(head.up_convs)
    for index in range(count):
        words, name = f'{size[:-1]} convolution,\nnorm, ReLU', f'decode_head.up_convs.{index}.0.activate'
        box = draw.box(index + 1, box.row, 'decoder', words, name, box, label=scale if index else '')
    column = min(count + 1, 4)
    row = box.row + (count + 1 > column)
    box = draw.box(column, row, 'decoder', '1x1 convolution:\nlogits', 'decode_head.conv_seg', box)
    draw.box(column, row + 1, 'data', 'upsampled logits', 'logits', box, label=scale)


def setr_mla(draw: Drawing) -> None:
    """SETR-MLA."""
    found = levels(draw)
    deeper: list[Box] = []
    ends = []
    for index, level in reversed(list(enumerate(found))):
        place = len(found) - 1 - index  # of the neck's outputs, deep to shallow
        words, name = 'layer norm, 1x1 conv,\nnorm, ReLU', f'neck.mla.channel_proj.{index}.activate'
        box = draw.box(1, level.row, 'decoder', words, name, level)
        for one in deeper:
            draw.arrow(one, box, '+')
        deeper = [box]
        words, name = '3x3 convolution,\nnorm, ReLU', f'neck.mla.feat_extract.{place}.activate'
        box = draw.box(2, level.row, 'decoder', words, name, box)
        words, name = 'two 3x3\nconvolutions', f'decode_head.up_convs.{place}.1.activate'
        ends.append(draw.box(3, level.row, 'decoder', words, name, box))
    middle = found[0].row
    box = draw.box(4, middle, 'decoder', 'concatenated', 'decode_head.conv_seg<', *ends)
    box = draw.box(4, middle + 1, 'decoder', '1x1 convolution:\nlogits', 'decode_head.conv_seg', box)
    scale = draw.model.decode_head.up_scale
    draw.box(4, middle + 2, 'data', 'upsampled logits', 'logits', box, label=f'x{scale}')


def segformer(draw: Drawing) -> None:
    """SegFormer."""
    box = draw.box(0, 0, 'data', 'picture', 'picture')
    ends = []
    for index, stage in enumerate(draw.model.backbone.stages):
        words = f'stage {index + 1}: patches,\n{len(stage.blocks)} blocks'
        box = draw.box(0, index + 1, 'encoder', words, f'backbone:{index}', box)
        ends.append(draw.box(1, index + 1, 'decoder', 'linear', f'decode_head.convs.{index}.activate', box))
    words = 'upsampled, added,\nnorm, ReLU'
    box = draw.box(2, 1, 'decoder', words, 'decode_head.fusion_conv.activate', *ends)
    draw.box(3, 1, 'data', '1x1 convolution:\nlogits', 'decode_head.conv_seg', box)


def eomt(draw: Drawing) -> None:
    """EoMT."""
    head, depth = draw.model.decode_head, len(draw.model.backbone.blocks)
    first = depth - head.num_blocks
    before = blocks(draw, tokens(draw), 0, first - 1)
    joined = draw.box(0, before.row + 1, 'encoder', '+ queries, in front', f'backbone.blocks.{first}<', before)
    last = blocks(draw, joined, first, depth - 1)
    norm = draw.box(0, last.row + 1, 'encoder', 'norm', 'backbone.norm', last)
    queries = draw.box(1, norm.row - 1, 'encoder', 'queries', 'decode_head.mask_head<', norm)
    pixels = draw.box(1, norm.row, 'encoder', 'patches as a map', 'decode_head.upscale<', norm)
    classes = draw.box(2, norm.row - 2, 'decoder', 'linear:\nclasses, "no object"', 'decode_head.class_head', queries)
    masks = draw.box(2, norm.row - 1, 'decoder', 'MLP', 'decode_head.mask_head', queries)
    fine = draw.box(2, norm.row, 'decoder', 'upscaled', 'decode_head.upscale', pixels)
    product = draw.box(3, norm.row - 1, 'decoder', 'product: masks', 'features:0:1', masks, fine)
    draw.box(4, norm.row - 2, 'data', 'sum over queries:\nscores', 'logits', classes, product)


# Name of the file -> what draws it, its title, config, the picture's size, options, and what is said below.
FIGURES: dict[str, tuple[Callable[[Drawing], None], str, str, int, dict, list[str]]] = {
    'vit_linear': (vit_linear, 'ViT with a linear patch head', 'vit_linear_pet', 128, {}, []),
    'setr_naive': (setr_up, 'SETR-Naive', 'setr_naive_ade20k', 512, {}, [UPSAMPLED]),
    'setr_pup': (setr_up, 'SETR-PUP', 'setr_pup_ade20k', 512, {}, [UPSAMPLED]),
    'setr_mla': (setr_mla, 'SETR-MLA', 'setr_mla_ade20k', 512, {}, [UPSAMPLED, OF_LEVELS]),
    'segformer': (
        segformer,
        'SegFormer-B0',
        'segformer_b0_ade20k',
        512,
        {'model.decode_head.linear_projection': False},  # else a level's layer and its part of the next are one matrix
        [],
    ),
    'linear_probe': (linear_probe, 'Linear probe on DINOv3-S', 'dinov3_s_linear_ade20k', 512, {}, [FROZEN]),
    'eomt': (
        eomt,
        'EoMT-L on DINOv2',
        'eomt_l_ade20k',
        512,
        {},
        ['In training, the same is predicted before each block that queries pass, and a query looks at its mask only.'],
    ),
}


def drawn(name: str) -> str:
    """Return a figure's file."""
    draw_model, title, config, size, options, notes = FIGURES[name]
    draw = Drawing(Traced(config, size, options))
    draw_model(draw)
    return draw.text(title, notes)


if __name__ == '__main__':
    MMLogger.get_current_instance().setLevel('WARNING')
    for name in FIGURES:
        Path(FOLDER, f'{name}.svg').write_text(drawn(name))
