"""torch.compile of our segmentor: one graph a step, no other for other pictures, the same results."""

import copy

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.testing import assert_close

from mmseg_vitseg.benchmark.random_weights import draw
from mmseg_vitseg.benchmark.variants import Variant
from vitseg_tests.paths import config_path
from vitseg_tests.user_errors import raises_with

pytestmark = pytest.mark.filterwarnings('ignore')  # torch's own, while it compiles

SIZE = {'model.data_preprocessor.size': (64, 64)}
B0 = {  # its first two stages
    **SIZE,
    **{f'model.backbone.{name}': value for name, value in dict(embed_dims=8, num_stages=2, out_indices=(0, 1)).items()},
    'model.backbone.num_layers': (1, 1),
    'model.backbone.num_heads': (1, 2),
    'model.backbone.patch_sizes': (7, 3),
    'model.backbone.strides': (4, 2),
    'model.backbone.sr_ratios': (8, 4),
    'model.decode_head.in_channels': [8, 16],
    'model.decode_head.in_index': [0, 1],
    'model.decode_head.channels': 16,
    'model.decode_head.num_classes': 5,
}
PUP = {
    **SIZE,
    'model.backbone.img_size': (64, 64),
    'model.backbone.embed_dims': 16,
    'model.backbone.num_layers': 4,
    'model.backbone.num_heads': 2,
    'model.backbone.out_indices': (0, 1, 2, 3),
    'model.test_cfg.crop_size': (64, 64),
    'model.test_cfg.stride': (43, 43),
}
for head in ('decode_head', *(f'auxiliary_head.{index}' for index in range(3))):
    PUP |= {f'model.{head}.{name}': size for name, size in dict(in_channels=16, channels=8, num_classes=5).items()}
CONFIGS = dict(
    segformer=('segformer_b0_ade20k', B0),
    setr=('setr_pup_ade20k', PUP),
    linear=('vit_tiny_linear_pet', {'model.backbone.num_layers': 2}),
)


class Graphs:
    """How many graphs torch has made, and where it could not go on with one."""

    def __init__(self):
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()

    @property
    def count(self) -> int:
        return torch._dynamo.utils.counters['stats']['unique_graphs']

    @property
    def breaks(self) -> list[str]:
        return list(torch._dynamo.utils.counters['graph_break'])


@pytest.fixture
def graphs():
    import torch._dynamo.utils  # takes a second

    yield Graphs()
    torch._dynamo.reset()


def build(name: str):
    config, sizes = CONFIGS[name]
    segmentor = Variant('model', config_path(config), options=sizes).build()
    draw(segmentor.model)
    return segmentor.model


def batch(count: int, size: tuple[int, int], number: int) -> dict:
    """A batch as the data loader makes it; pictures differ in their names, their own sizes and how they were resized."""
    samples = []
    for index in range(count):
        own = (size[0] + number, size[1] + 2 * number)
        meta = dict(
            img_path=f'{number}_{index}.jpg',
            ori_shape=own,
            img_shape=size,
            pad_shape=size,
            scale_factor=(size[0] / own[0], size[1] / own[1]),
            flip=bool(number % 2),
            flip_direction='horizontal' if number % 2 else None,
        )
        mask = torch.randint(0, 2, (1, *(size if count > 1 else own)))
        samples.append(SegDataSample(metainfo=meta, gt_sem_seg=PixelData(data=mask)))
    return dict(inputs=[torch.randint(0, 255, (3, *size), dtype=torch.uint8) for _ in samples], data_samples=samples)


def losses(model, number: int) -> dict:
    torch.manual_seed(number)
    data = model.data_preprocessor(batch(2, (64, 64), number), True)
    return model(**data, mode='loss')


@pytest.mark.parametrize(('name', 'is_mixed'), [('segformer', False), ('setr', False), ('linear', True)])
def test_losses_are_one_graph_for_all_batches(graphs, name, is_mixed):
    model = build(name).train()
    plain = copy.deepcopy(model)
    model.compile(backend='eager')
    for number in range(4):
        with torch.autocast('cpu', torch.bfloat16, enabled=is_mixed):
            found, expected = losses(model, number), losses(plain, number)
        assert_close(found, expected)
    sum(value for key, value in found.items() if 'loss' in key).backward()
    sum(value for key, value in expected.items() if 'loss' in key).backward()
    for parameter, other in zip(model.parameters(), plain.parameters(), strict=True):
        assert_close(parameter.grad, other.grad)
    assert (graphs.count, graphs.breaks) == (1, [])
    assert list(model.state_dict()) == list(plain.state_dict())


@pytest.mark.parametrize(('name', 'most'), [('segformer', 3), ('setr', 1)])
def test_labels_are_of_few_graphs_for_pictures_of_many_sizes(graphs, name, most):
    """Of windows one. Of whole pictures one of the first size, one of any, one where torch runs convolutions otherwise."""
    model = build(name).eval()
    plain = copy.deepcopy(model)
    model.compile(backend='eager')
    for number in range(5):
        size = tuple(torch.randint(80, 130, (2,)).tolist())
        data = batch(1, size, number)
        with torch.no_grad():
            (found,), (expected,) = (one.test_step(copy.deepcopy(data)) for one in (model, plain))
        assert torch.equal(found.pred_sem_seg.data, expected.pred_sem_seg.data)
        assert_close(found.seg_logits.data, expected.seg_logits.data)
    assert graphs.count <= most
    assert graphs.breaks == []


@pytest.mark.parametrize(('mode', 'options'), [('tensor', {}), ('predict', dict(keep_logits=True))])
def test_logits_at_full_size_are_compiled_too(graphs, mode, options):
    model = build('segformer').eval()
    model.test_cfg.update(options)
    plain = copy.deepcopy(model)
    model.compile(backend='eager')
    images = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        found, expected = model(images, mode=mode), plain(images, mode=mode)
    if mode == 'predict':
        found, expected = (torch.stack([one.seg_logits.data for one in samples]) for samples in (found, expected))
    assert_close(found, expected)
    assert (graphs.count, graphs.breaks) == (1, [])


def test_a_copy_computes_with_its_own_weights(graphs):
    model = build('segformer').eval()
    model.compile(backend='eager')
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.decode_head.conv_seg.weight.zero_()
        other.decode_head.conv_seg.bias.zero_()
        images = torch.randn(1, 3, 64, 64)
        assert not other(images).any()
        assert model(images).any()


def test_a_label_that_is_no_class_is_named_with_its_mask(graphs):
    model = build('segformer').train()
    model.compile(backend='eager')
    data = batch(2, (64, 64), 0)
    data['data_samples'][1].gt_sem_seg.data[0, 5, 5] = 77
    data = model.data_preprocessor(data, True)
    with raises_with(ValueError, '0_1.jpg', '77'):
        model(**data, mode='loss')


def test_checkpointed_blocks_are_compiled(graphs):
    """The forward pass is done again in the backward pass, and gives the same gradients."""
    model = build('linear').train()
    plain = copy.deepcopy(model)
    model.backbone.with_cp = True
    model.compile(backend='aot_eager')
    for one in (model, plain):
        losses(one, 0)['decode.loss_ce'].backward()
    for parameter, other in zip(model.parameters(), plain.parameters(), strict=True):
        assert_close(parameter.grad, other.grad)
    assert graphs.breaks == []
