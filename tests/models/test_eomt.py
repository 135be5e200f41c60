"""EoMT against Hugging Face's of the same weights: what the queries predict, in evaluation and at every step of training."""

import copy
import math
import re

import pytest
import torch
from mmcv.cnn.bricks.drop import DropPath
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.checkpoints.fitting import fit_to
from mmseg_vitseg.models import EoMT, EoMTHead
from mmseg_vitseg.registry import MODELS

pytest.importorskip('transformers', reason='no transformers to compare with')

from vitseg_tests.eomt_files import CLASSES, FAMILIES, PATCH, QUERIES, SIDE
from vitseg_tests.equality import same
from vitseg_tests.weights import randomise

DEPTH, BLOCKS = 4, 3
KINDS = ['DINOv2', 'DINOv2-g', 'DINOv3']  # the gated one, Hugging Face has with other heads
PROBS = [(1, 1, 1), (0.5, 1, 1), (0.3, 0.7, 0.9), (0, 0.2, 1), (0, 0, 0)]


def pair(family: str, theirs: dict = {}, **backbone) -> tuple[nn.Module, EoMT]:
    theirs = FAMILIES[family].hugging_face(num_hidden_layers=DEPTH, num_blocks=BLOCKS, **theirs)
    config = FAMILIES[family].segmentor(head=dict(num_blocks=BLOCKS), backbone=dict(num_layers=DEPTH, **backbone))
    ours = MODELS.build(config)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours.eval()


def predictions_of(theirs: nn.Module, images: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What HF's predicts before each block and at the end; it returns the last alone."""
    found = []

    def keep(tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        masks, classes = type(theirs).predict(theirs, tokens)
        found.append((classes, masks))
        return masks, classes

    theirs.predict = keep
    theirs(images)
    del theirs.predict
    return found


@pytest.mark.parametrize('family', KINDS)
def test_evaluation_is_theirs_without_masks(family):
    theirs, ours = pair(family)
    images = torch.randn(2, 3, SIDE, SIDE)
    (expected,), (found,) = predictions_of(theirs, images), ours.extract_feat(images)
    assert_close(found, expected, check_dtype=True)


@pytest.mark.parametrize('with_cp', [False, True])
@pytest.mark.parametrize('probs', PROBS)
@pytest.mark.parametrize('family', KINDS)
def test_training_is_theirs_at_each_stage_of_annealing(family, probs, with_cp, monkeypatch):
    """All outputs, and the gradients of a function of them, in float64, where another order of sums makes no difference."""
    theirs, ours = pair(family, with_cp=with_cp)
    outputs = both_trained(theirs.double(), ours.double(), probs, torch.randn(2, 3, SIDE, SIDE).double(), monkeypatch)
    for model_outputs in outputs:
        sum((each * weights_like(each)).sum() for output in model_outputs for each in output).backward()
    assert_close([tuple(found) for found in outputs[1]], outputs[0])
    gradients = {name: value.grad for name, value in theirs.named_parameters() if value.grad is not None}
    expected = fit_to(ours, gradients, 'gradients').weights
    for name, value in ours.named_parameters():
        if name == 'backbone.pos_embed':  # the class token has one here
            assert_close(value.grad[:, :1], ours.backbone.cls_token.grad)
            value.grad[:, :1] = 0
        assert_close(value.grad, expected[name].reshape(value.shape), msg=name)


@pytest.mark.parametrize('probs', PROBS)
@pytest.mark.parametrize('family', KINDS)
def test_training_outputs_are_theirs_in_float32(family, probs, monkeypatch):
    outputs = both_trained(*pair(family), probs, torch.randn(2, 3, SIDE, SIDE), monkeypatch)
    assert len(outputs[1]) == BLOCKS + 1
    assert_close([tuple(found) for found in outputs[1]], outputs[0])


def both_trained(theirs, ours, probs, images, monkeypatch) -> tuple[list, tuple]:
    """Return what both predict in training; queries left free are the same ones."""
    theirs.attn_mask_probs.copy_(torch.tensor(probs))
    ours.decode_head.set_mask_probs(probs)
    drawn = torch.rand(2, QUERIES).clamp(min=1e-3)
    monkeypatch.setattr(torch, 'rand', lambda *args, **kwargs: drawn)
    if images.dtype == torch.float64:  # theirs makes its mask, and ours turns by positions, with float()
        monkeypatch.setattr(torch.Tensor, 'float', torch.Tensor.double)
        if hasattr(theirs, 'rope_embeddings'):  # cosines and sines, float32 in both, are another test's
            table = lambda _: [each.repeat(1, 2) for each in ours.backbone.rotary((SIDE // PATCH,) * 2)]  # noqa: E731
            monkeypatch.setattr(theirs.rope_embeddings, 'forward', table)
    theirs.train()
    ours.train()
    torch.manual_seed(1)  # the rescale of coordinates
    expected = predictions_of(theirs, images)
    torch.manual_seed(1)
    return expected, ours.extract_feat(images)


def check_draws_alike(theirs, ours, probs: list[float], images: torch.Tensor) -> None:
    """In training mode, of one seed, both draw the same."""
    theirs.attn_mask_probs.copy_(torch.tensor(probs))
    ours.decode_head.set_mask_probs(probs)
    torch.manual_seed(3)
    expected = predictions_of(theirs.train(), images)
    torch.manual_seed(3)
    assert_close([tuple(found) for found in ours.train().extract_feat(images)], expected)


@pytest.mark.parametrize('family', ['DINOv2', 'DINOv3'])
def test_drop_path_is_theirs(family):
    """They drop in all blocks at one rate; the same seed drops the same branches, and leaves the same queries free."""
    rate, probs = 0.4, [0.3, 0.6, 0.9]
    theirs, ours = pair(family, theirs=dict(drop_path_rate=rate), drop_path_rate=rate)
    for block in ours.backbone.blocks:
        block.drop_path = DropPath(rate)
    check_draws_alike(theirs, ours, probs, torch.randn(4, 3, SIDE, SIDE))


def weights_like(output: torch.Tensor) -> torch.Tensor:
    return torch.linspace(-1, 1, output[0].numel(), dtype=output.dtype).reshape(output[0].shape)


def test_the_same_seed_leaves_the_same_queries_free():
    theirs, ours = pair('DINOv2')
    probs = [0.3, 0.6, 1]
    check_draws_alike(theirs, ours, probs, torch.randn(2, 3, SIDE, SIDE))


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('family', ['DINOv2', 'DINOv3'])
def test_half_precision_is_no_further_from_float32_than_theirs(family, training, dtype):
    """Of the prediction before the first mask, as a logit near 0 that rounds to the other side is another mask."""
    theirs, ours = pair(family)
    images = torch.randn(8, 3, SIDE, SIDE)
    with torch.no_grad():
        (exact, *_) = predictions_of(theirs, images)
        distances = []
        for model in (theirs, ours):
            model.train(training)
            if family == 'DINOv3':
                model.eval()  # no rescale of coordinates
            with torch.autocast('cpu', dtype):
                found, *_ = predictions_of(theirs, images) if model is theirs else ours.extract_feat(images)
            distances.append(sum((one.float() - other).abs().mean() for one, other in zip(found, exact, strict=True)))
    assert distances[1] < 1.1 * distances[0]


def plain_forward(model: EoMT, images: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Figure 2 with attention written out, one mask of all heads and tokens, and torch's own layers of the same weights."""
    backbone, head = model.backbone, model.decode_head
    tokens, grid = backbone.embed(images)
    prefix = tokens.shape[1] - grid[0] * grid[1]
    found, rotary = [], backbone.rotary(grid)

    def predict() -> None:
        normed = backbone.norm(tokens)
        queries = normed[:, :QUERIES]
        patches = normed[:, QUERIES + prefix :].transpose(1, 2).reshape(len(images), -1, *grid)
        for up in head.upscale:
            patches = up.conv2(up.act(up.conv1(patches)))
            patches = up.norm(patches.movedim(1, -1)).movedim(-1, 1)
        found.append((head.class_head(queries), torch.einsum('bqc,bchw->bqhw', head.mask_head(queries), patches)))

    for index, block in enumerate(backbone.blocks):
        stage = index - DEPTH + BLOCKS
        if stage == 0:
            tokens = torch.cat([head.q.weight[None].repeat(len(images), 1, 1), tokens], 1)
        seen = torch.ones(len(images), 1, tokens.shape[1], tokens.shape[1], dtype=torch.bool)
        if stage >= 0:
            predict()
            logits = nn.functional.interpolate(found[-1][1], grid, mode='bilinear').flatten(2)
            seen[:, 0, :QUERIES, QUERIES + prefix :] = logits > 0
        q, k, v = block.attn.project(block.norm1(tokens), rotary)
        scores = (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).masked_fill(~seen, -torch.inf)
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        tokens = tokens + block.ls1(block.attn.proj(mixed))
        tokens = tokens + block.ls2(block.mlp(block.norm2(tokens)))
    predict()
    return found


@pytest.mark.parametrize('size', [(32, 32), (24, 56), (37, 20)])
@pytest.mark.parametrize('variant', ['tiny', 'dinov2_s', 'dinov3_s_plus'])
def test_any_variant_and_size_is_figure_2_written_out(variant, size):
    """HF's is bound to one size; without its registers, with the MLP with a gate, with patches that are padded."""
    config = FAMILIES['DINOv2'].segmentor(head=dict(num_blocks=BLOCKS), backbone=dict(num_layers=DEPTH))
    config['backbone'] |= dict(variant=variant, final_norm=True, rope_rescale=1)
    model = randomise(MODELS.build(config)).train()
    images = torch.randn(2, 3, *size)
    found = model.extract_feat(images)
    assert found[-1].masks.shape[2:] == tuple(2 * math.ceil(side / PATCH) for side in size)
    assert_close([tuple(each) for each in found], plain_forward(model, images))


@pytest.mark.parametrize(('patch_size', 'times'), [(4, 1), (8, 1), (14, 1), (16, 2), (32, 3)])
def test_patches_are_upscaled_to_a_quarter_of_the_image_or_less(patch_size, times):
    head = EoMTHead(in_channels=8, num_classes=2, patch_size=patch_size)
    assert len(head.upscale) == times
    assert head.covered((3 * 2**times, 5 * 2**times)) == (3 * patch_size, 5 * patch_size)


@pytest.mark.parametrize(('depth', 'blocks'), [(2, 2), (12, 3), (24, 4), (32, 5)])
def test_how_many_blocks_queries_pass_goes_by_depth(depth, blocks):
    config = FAMILIES['DINOv2'].segmentor(backbone=dict(num_layers=depth))
    del config['decode_head']['num_blocks'], config['decode_head']['in_channels'], config['decode_head']['patch_size']
    with torch.device('meta'):
        assert MODELS.build(config).decode_head.num_blocks == blocks


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        (dict(neck=dict(type='mmseg_vitseg.MLANeck')), 'EoMT: neck='),
        (dict(auxiliary_head=dict(type='FCNHead')), 'EoMT: auxiliary_head='),
        (dict(backbone=dict(frozen=True)), 'allowed: frozen_stages'),
        (dict(backbone=dict(final_norm=False)), 'backbone.final_norm=False'),
        (dict(backbone=dict(type='mmseg_vitseg.MixVisionTransformer')), 'the backbone is a MixVisionTransformer'),
        (dict(head=dict(in_channels=7)), 'decode_head.in_channels=7, but the backbone has 24'),
        (dict(head=dict(patch_size=16)), 'decode_head.patch_size=16, but the backbone has 8'),
        (dict(head=dict(num_blocks=9)), 'decode_head.num_blocks=9, but the backbone has 2 blocks'),
        (dict(head=dict(num_blocks=0)), 'num_blocks=0; at least 1'),
        (dict(head=dict(type='FCNHead')), 'the decode_head is a FCNHead; allowed: mmseg_vitseg.EoMTHead'),
        (dict(head=dict(num_classes=1)), 'num_classes=1; at least 2'),
        (dict(head=dict(num_queries=0)), 'num_queries=0'),
    ],
)
def test_what_makes_no_eomt_is_refused(changes, said):
    config = FAMILIES['DINOv2'].segmentor(**changes)
    if config['backbone']['type'].endswith('MixVisionTransformer'):
        config['backbone'] = dict(type=config['backbone']['type'])
    with pytest.raises(ValueError, match=re.escape(said)):
        MODELS.build(config)


@pytest.mark.parametrize('values', [[1, 1], [1, 1, 1.5], [-0.1, 1, 1]])
def test_probabilities_of_masks_are_one_a_block(values):
    head = EoMTHead(in_channels=8, num_classes=2, patch_size=8, num_blocks=3)
    with pytest.raises(ValueError, match='EoMTHead: '):
        head.set_mask_probs(values)
    assert head.masked == (True,) * 3 and head.mask_probs.tolist() == [1] * 3


def samples(size: tuple[int, int], count: int = 2) -> list[SegDataSample]:
    meta = dict(img_shape=size, ori_shape=size, pad_shape=size)
    label = torch.arange(size[0] * size[1]).reshape(1, *size) // 300 % CLASSES
    return [SegDataSample(metainfo=meta, gt_sem_seg=PixelData(data=label.clone())) for _ in range(count)]


def test_what_masks_cover_beyond_the_image_is_ignored():
    """The losses are those of the padded image with padded labels; gradients reach every parameter."""
    model = randomise(MODELS.build(FAMILIES['DINOv2'].segmentor())).train()
    images, given = torch.randn(2, 3, 30, 27), samples((30, 27))
    padded = samples((32, 32))
    for one, other in zip(padded, given, strict=True):
        one.gt_sem_seg.data = nn.functional.pad(other.gt_sem_seg.data, (0, 5, 0, 2), value=255)
    losses = []
    for x, data in ((images, given), (nn.functional.pad(images, (0, 5, 0, 2)), padded)):
        torch.manual_seed(0)
        losses.append(model.loss(x, data))
    assert_close(*losses)
    sum(losses[0].values()).backward()
    assert all(value.grad is not None and value.grad.abs().sum() > 0 for value in model.decode_head.parameters())


def test_labels_that_are_no_class_are_named():
    model, wrong = MODELS.build(FAMILIES['DINOv2'].segmentor()), samples((32, 32))
    wrong[1].gt_sem_seg.data[0, 0, 0] = CLASSES
    wrong[1].set_metainfo(dict(seg_map_path='b.png'))
    with pytest.raises(ValueError, match=re.escape('b.png: labels 3')):
        model.loss(torch.randn(2, 3, 32, 32), wrong)


@pytest.mark.parametrize('training', [False, True])
def test_a_compiler_makes_one_graph_of_it(training):
    model = randomise(MODELS.build(FAMILIES['DINOv3'].segmentor(backbone=dict(rope_rescale=1)))).train(training)
    images = torch.randn(2, 3, SIDE, SIDE)
    compiled = torch.compile(model.extract_feat, fullgraph=True, backend='eager')
    assert_close([tuple(each) for each in compiled(images)], [tuple(each) for each in model.extract_feat(images)])


@pytest.mark.filterwarnings('ignore')  # torch's own, while it compiles
def test_labels_in_any_layout_make_no_new_graph():
    """Masks that a pipeline flipped, or some of them; nor do data samples with other names."""
    torch._dynamo.reset()
    model, graphs = randomise(MODELS.build(FAMILIES['DINOv2'].segmentor())).train(), []

    def backend(graph, _):
        graphs.append(graph)
        return graph

    compiled = copy.deepcopy(model)
    compiled.compile(backend=backend)
    images = torch.randn(2, 3, SIDE, SIDE)
    for flips in ((), (0,), (1,), (0, 1)):
        given = samples((SIDE, SIDE))
        for index in flips:
            given[index].gt_sem_seg.data = (
                given[index].gt_sem_seg.data[0].T.contiguous().T.as_strided((1, SIDE, SIDE), (1, 1, SIDE))
            )
            given[index].set_metainfo(dict(seg_map_path=f'{len(flips)}.png'))
        torch.manual_seed(0)
        found = compiled.loss(images, given)
        torch.manual_seed(0)
        assert_close(found, model.loss(images, given), rtol=0, atol=0)
        assert len(graphs) <= 2
    torch._dynamo.reset()


def test_nothing_is_in_the_state_dict_but_weights():
    model = MODELS.build(FAMILIES['DINOv3'].segmentor())
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()} | {'backbone.rope.periods'}


def test_a_head_starts_from_a_whole_model_or_not_at_all(tmp_path):
    whole = randomise(MODELS.build(FAMILIES['DINOv2'].segmentor()))
    torch.save(whole.state_dict(), tmp_path / 'whole.pth')
    start = dict(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'whole.pth')))
    head = MODELS.build(FAMILIES['DINOv2'].segmentor(head=start)).decode_head
    head.init_weights()
    assert same(head.state_dict(), whole.decode_head.state_dict())
    other = MODELS.build(FAMILIES['DINOv2'].segmentor(head=dict(start, num_queries=QUERIES + 1))).decode_head
    with pytest.raises(ValueError, match=re.escape('q.weight')):
        other.init_weights()
