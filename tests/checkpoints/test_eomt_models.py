"""EoMT from its files: the masks and classes of Hugging Face's model, and back; from an encoder's; what does not fit."""

import warnings

import pytest
import torch
from mmseg.registry import MODELS
from torch.testing import assert_close

from mmseg_vitseg.checkpoints.loading import load_weights, load_whole_model
from mmseg_vitseg.converting.convert import convert_file
from mmseg_vitseg.converting.to_projects import to_project
from mmseg_vitseg.inference.model import load_model
from vitseg_tests.eomt_files import FAMILIES, HEAD, SIDE, differences_of, of_authors
from vitseg_tests.equality import same
from vitseg_tests.published import reference_of
from vitseg_tests.weights import randomise

FILES = [(name, 'hf') for name in FAMILIES if name != 'DINOv3 gated']
FILES += [(name, 'eomt') for name in FAMILIES if name != 'DINOv2-g']


def compare(ours, theirs):
    """Compare the last prediction of two models in evaluation."""
    images = torch.randn(2, 3, SIDE, SIDE)
    with torch.no_grad():
        prediction, expected = ours.eval().extract_feat(images)[-1], theirs(images)
    assert_close(prediction.classes, expected.class_queries_logits)
    assert_close(prediction.masks, expected.masks_queries_logits)


@pytest.mark.parametrize(('name', 'source'), FILES)
def test_gives_the_reference_s_numbers(name, source, tmp_path):
    family = FAMILIES[name]
    theirs = family.hugging_face()
    state = theirs.state_dict()
    if source == 'eomt':
        state = of_authors(state, family.rotary)
        torch.save({'state_dict': state, 'epoch': 1}, tmp_path / 'pytorch_model.bin')
    else:
        torch.save(state, tmp_path / 'pytorch_model.bin')
    ours = MODELS.build(family.segmentor())
    load_whole_model(ours, tmp_path)
    compare(ours, theirs)
    again = MODELS.build(family.segmentor())
    again.load_state_dict(state)
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in again.state_dict().items())


@pytest.mark.parametrize('name', [name for name, source in FILES if source == 'hf'])
def test_hugging_face_reads_what_is_exported(name):
    """A model of ours, of which nothing was theirs before."""
    family = FAMILIES[name]
    ours, theirs = randomise(MODELS.build(family.segmentor())), family.hugging_face()
    exported, outside = to_project(ours.state_dict(), 'hf', query_blocks=ours.decode_head.num_blocks)
    theirs.load_state_dict(exported)
    assert outside == (['backbone.rope.periods'] if family.rotary else [])
    compare(ours, theirs)


@pytest.mark.parametrize('name', ['DINOv2', 'DINOv3'])
def test_hugging_face_reads_what_the_tool_writes(name, tmp_path):
    """By from_pretrained; the config says how many blocks the queries pass, or the file that was read."""
    import transformers

    family = FAMILIES[name]
    ours, theirs = randomise(MODELS.build(family.segmentor())), family.hugging_face()
    torch.save(dict(state_dict=ours.state_dict(), meta={}), tmp_path / 'iter_1.pth')
    (tmp_path / 'config.py').write_text(f'model = {family.segmentor()}')
    to = tmp_path / 'model.safetensors'
    with pytest.raises(
        ValueError, match='how many blocks the queries of EoMT pass is not in these weights: name their'
    ):
        convert_file(tmp_path / 'iter_1.pth', to, to='hf')
    convert_file(tmp_path / 'iter_1.pth', to, to='hf', config=tmp_path / 'config.py')
    theirs.config.save_pretrained(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        read, told = getattr(transformers, type(theirs).__name__).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(told.values())
    compare(ours, read.eval())
    compare(load_model(tmp_path / 'config.py', to, device='cpu'), read)
    convert_file(to, tmp_path / 'again.pth', to='hf')
    again = torch.load(tmp_path / 'again.pth')['state_dict']
    assert all(torch.equal(again[name], value) for name, value in read.state_dict().items())


def test_without_registers_too():
    """DINOv2 without registers has a position of the class token, which theirs has not."""
    family = FAMILIES['DINOv2']
    ours = randomise(MODELS.build(family.segmentor(backbone=dict(variant='dinov2_s'))))
    theirs = family.hugging_face(num_register_tokens=0)
    theirs.load_state_dict(to_project(ours.state_dict(), 'hf', query_blocks=1)[0])
    compare(ours, theirs)


def test_differences_with_their_base(tmp_path):
    family = FAMILIES['DINOv3']
    theirs = family.hugging_face()
    differences, base = differences_of(of_authors(theirs.state_dict(), rotary=True))
    torch.save(differences, tmp_path / 'differences.bin')
    torch.save(base, tmp_path / 'base.pth')
    ours = MODELS.build(family.segmentor())
    with pytest.raises(ValueError, match=r'differences\.bin: .* --base DINOV3'):
        load_whole_model(ours, tmp_path / 'differences.bin')
    report = convert_file(tmp_path / 'differences.bin', tmp_path / 'whole.pth', base=tmp_path / 'base.pth')
    assert report['map'] == "the EoMT authors' on DINOv3 -> ours"
    load_whole_model(ours, tmp_path / 'whole.pth')
    compare(ours, theirs)


@pytest.mark.parametrize('name', ['timm', 'hf-vit-model', 'hf-dinov2', 'hf-dinov2-registers', 'dinov2', 'hf-eomt'])
def test_starts_from_an_encoder_s_file(name, tmp_path):
    """As any VisionTransformer: the encoder's numbers, and a head that was drawn."""
    if name == 'hf-eomt':
        family = FAMILIES['DINOv2']
        state, backbone = family.hugging_face().state_dict(), family.backbone()
    else:
        reference = reference_of(name, tmp_path)
        state, backbone = reference.state, reference.model
    torch.save(state, tmp_path / 'x.pth')
    start = dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth'))
    alone = MODELS.build(dict(backbone, init_cfg=start))
    alone.init_weights()
    model = dict(type='mmseg_vitseg.EoMT', backbone=dict(backbone, init_cfg=start), decode_head=HEAD)
    model = MODELS.build(model)
    drawn = model.decode_head.q.weight.clone()
    model.init_weights()
    for key, value in alone.state_dict().items():
        assert torch.equal(model.backbone.state_dict()[key], value), key
    assert torch.equal(model.decode_head.q.weight, drawn)


# ---------------------------------------------------------------------------------------------------- what does not fit

GIVEN, TWO = 'DINOv2', dict(num_classes=2)
MISFITS = [
    (dict(head=dict(num_queries=7)), r'at 32 with 5 queries; your config says ViT .* at 32 with 7 queries$'),
    (dict(head=dict(num_queries=7, num_classes=9)), r'with 5 queries; your config says .* with 7 queries$'),
    (
        dict(head=dict(num_blocks=2)),
        r'the last 1 blocks, your config says the last 2: model\.decode_head\.num_blocks=1$',
    ),
    (dict(backbone=dict(num_layers=3)), r'is a ViT of 2 blocks, .*; your config says ViT of 3 blocks'),
    (
        dict(backbone=dict(variant='dinov3_s')),
        r'is a ViT of 2 blocks, .* with 5 queries; your config says DINOv3 of 2 blocks',
    ),
]


@pytest.mark.parametrize(('change', 'words'), MISFITS)
def test_both_are_named(change, words):
    family = FAMILIES[GIVEN]
    with pytest.raises(ValueError, match=words) as info:
        load_weights(MODELS.build(family.segmentor(**change)), family.hugging_face().state_dict(), 'x.pth')
    assert '\n' not in str(info.value)


@pytest.mark.parametrize('classes', [2, 150])
@pytest.mark.parametrize('name', ['DINOv2', 'DINOv3'])
def test_other_classes(name, classes):
    """Queries, mask head and upscaling stay; the message says how."""
    family = FAMILIES[name]
    state = family.hugging_face().state_dict()
    other = dict(num_classes=classes)
    with pytest.raises(
        ValueError, match=rf"has 3 classes, your config {classes}: .*from_scratch=\['decode_head\.class_head'\]"
    ):
        load_weights(MODELS.build(family.segmentor(other)), state, 'x.pth')
    model = MODELS.build(family.segmentor(other, from_scratch=['decode_head.class_head']))
    drawn = model.decode_head.class_head.weight.clone()
    model.load_state_dict(state)
    head = model.decode_head
    assert torch.equal(head.class_head.weight, drawn)
    assert torch.equal(head.q.weight, state['query.weight'])
    assert torch.equal(head.mask_head[4].bias, state['mask_head.fc3.bias'])
    assert torch.equal(head.upscale[0].conv2.weight, state['upscale_block.block.0.conv2.weight'])


def test_another_head_is_refused_both_ways(tmp_path):
    family = FAMILIES['DINOv2']
    linear = dict(type='mmseg_vitseg.LinearHead', in_channels=24, num_classes=3)
    probe = MODELS.build(dict(type='mmseg_vitseg.EncoderDecoder', backbone=family.backbone(), decode_head=linear))
    advice = r"your config's backbone under another head: .* \"model\.from_scratch=\['decode_head'\]\"$"
    with pytest.raises(ValueError, match=advice):
        load_weights(probe, family.hugging_face().state_dict(), 'x.pth')
    with pytest.raises(ValueError, match=advice):
        load_weights(MODELS.build(family.segmentor()), probe.state_dict(), 'x.pth')
    model = MODELS.build(family.segmentor(from_scratch=['decode_head']))
    model.load_state_dict(probe.state_dict())
    assert same(model.backbone.state_dict(), probe.backbone.state_dict())
    other = MODELS.build(family.segmentor(backbone=dict(num_layers=3)))
    with pytest.raises(
        ValueError, match=r'This file is a ViT of 2 blocks, .* at 32; your config says ViT of 3 blocks,'
    ):
        load_weights(other, probe.state_dict(), 'x.pth')
