"""Write random models of timm's and torchvision's, with what they compute: run it in an environment that has them.

python -m venv timm-env && timm-env/bin/pip install torch==2.13.0 torchvision==0.28.0 timm safetensors
timm-env/bin/python tests/helpers/parity_timm.py FOLDER  # by itself
TIMM_PYTHON=timm-env/bin/python python -m pytest tests/checkpoints/test_timm.py     # and compared with ours

timm may not stand in our own environment: it imports torchvision, and a torchvision that does not fit torch stops every
Runner of the host's. Where torchvision's operators do not load (PyPI's beside a CPU torch), two are declared here.
"""

import json
import sys
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file

SIZES = dict(img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=4, num_classes=5)
OURS = dict(img_size=32, patch_size=8, embed_dims=24, num_layers=2, num_heads=4, final_norm=True)
OURS |= dict(norm_cfg=dict(type='LN', eps=1e-6), antialias=True)


def declare_operators() -> None:
    """Let torchvision be imported without its compiled operators."""
    library = torch.library.Library('torchvision', 'DEF')
    for name in ('nms', 'qnms'):
        library.define(f'{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    globals()['_library'] = library  # declared as long as this lives


def draw(model: torch.nn.Module) -> torch.nn.Module:
    for name, value in model.named_parameters():
        std = value[0].numel() ** -0.5 if value.ndim > 1 else 0.2
        torch.nn.init.normal_(value, mean=float(value.ndim == 1 and name.endswith('weight')), std=std)
    return model.eval()


def timm_models() -> dict:
    from timm.layers import LayerNorm, SwiGLUPacked
    from timm.models.deit import VisionTransformerDistilled
    from timm.models.eva import Eva
    from timm.models.vision_transformer import VisionTransformer

    def vit(**arguments):
        return VisionTransformer(**SIZES, dynamic_img_size=True, **arguments)

    def dinov3(**arguments):
        rope = dict(rope_type='dinov3', rope_temperature=100, rope_rotate_half=True, use_rot_pos_emb=True)
        tokens = dict(use_abs_pos_emb=False, num_reg_tokens=4, use_fc_norm=False, init_values=1e-5)
        sizes = dict(SIZES, num_heads=3, dynamic_img_size=True)
        return Eva(**sizes, **rope, **tokens, norm_layer=partial(LayerNorm, eps=1e-5), **arguments)

    def dinov3_of_ours(variant):
        return dict(variant=variant, num_heads=3, norm_cfg=dict(type='LN', eps=1e-5))

    return {
        'dinov3': (dinov3(qkv_bias=False), dinov3_of_ours('dinov3_s'), [(32, 32), (40, 56)]),
        'dinov3-qkvb': (dinov3(qkv_bias=True), dinov3_of_ours('dinov3_b'), [(32, 32), (40, 56)]),
        'dinov3-swiglu': (
            dinov3(qkv_bias=False, swiglu_mlp=True, swiglu_align_to=8, mlp_ratio=4),
            dinov3_of_ours('dinov3_s_plus'),
            [(40, 56)],
        ),
        'dinov2-g': (
            vit(init_values=1e-5, mlp_layer=SwiGLUPacked, mlp_ratio=2 * 2.66667, act_layer=torch.nn.SiLU),
            dict(variant='dinov2_g'),
            [(40, 56)],
        ),
        'vit': (vit(), {}, [(32, 32), (48, 24)]),
        'vit-without-qkv-bias': (vit(qkv_bias=False), dict(qkv_bias=False), [(32, 32)]),
        'vit-average': (
            vit(class_token=False, global_pool='avg', final_norm=True, fc_norm=False),
            dict(with_cls_token=False),
            [(32, 32)],
        ),
        'dinov2': (vit(init_values=1e-5), dict(layer_scale=1.0), [(32, 32), (40, 56)]),
        'dinov2-registers': (
            vit(init_values=1e-5, reg_tokens=4, no_embed_class=True),
            dict(layer_scale=1.0, num_registers=4),
            [(32, 32), (40, 56)],
        ),
        'deit': (VisionTransformer(**SIZES), {}, [(32, 32)]),
        'deit-distilled': (VisionTransformerDistilled(**SIZES), dict(num_registers=1), [(32, 32)]),
        'mae': (VisionTransformer(**{**SIZES, 'num_classes': 0}), {}, [(32, 32)]),
    }


def torchvision_model() -> tuple:
    from torchvision.models import VisionTransformer

    model = VisionTransformer(32, 8, 2, 4, 24, 96, num_classes=5)

    def tokens(images):
        x = model._process_input(images)
        return model.encoder(torch.cat([model.class_token.expand(len(x), -1, -1), x], dim=1))

    return model, tokens


def main(folder: Path) -> None:
    try:
        import torchvision
    except RuntimeError:
        sys.modules.pop('torchvision', None)
        declare_operators()
    import timm
    import torchvision
    from timm.layers import resample_patch_embed
    from timm.models import adapt_input_conv

    torch.manual_seed(0)
    models = {}
    with torch.no_grad():
        for name, (model, arguments, sizes) in timm_models().items():
            draw(model)
            state = model.state_dict()
            if name == 'mae':  # its pre-training's decoder, of which nothing is used
                state = {**state, 'mask_token': torch.ones(1, 1, 8), 'decoder_embed.weight': torch.ones(8, 24)}
            save_file({key: value.contiguous() for key, value in state.items()}, folder / f'{name}.safetensors')
            models[name] = dict(OURS, **arguments)
            pairs = {}
            for height, width in sizes:
                images = torch.randn(2, 3, height, width)
                grid = height // 8, width // 8
                tokens = model.forward_features(images)[:, -grid[0] * grid[1] :]
                pairs[f'images-{height}x{width}'] = images
                pairs[f'features-{height}x{width}'] = tokens.transpose(1, 2).unflatten(2, grid).contiguous()
            save_file(pairs, folder / f'{name}.features.safetensors')
        model, tokens = torchvision_model()
        save_file(draw(model).state_dict(), folder / 'torchvision.safetensors')
        images = torch.randn(2, 3, 32, 32)
        features = tokens(images)[:, 1:].transpose(1, 2).unflatten(2, (4, 4)).contiguous()
        save_file({'images-32x32': images, 'features-32x32': features}, folder / 'torchvision.features.safetensors')
        models['torchvision'] = OURS
        kernel = torch.randn(24, 3, 8, 8)
        kernels = {f'{q}-{mode}': (q, mode) for q in (4, 12, 16) for mode in ('bilinear', 'bicubic')}
        resized = {
            name: resample_patch_embed(kernel, [q, q], interpolation=mode, antialias=False)
            for name, (q, mode) in kernels.items()
        }
        adapted = {f'channels-{count}': adapt_input_conv(count, kernel).contiguous() for count in (1, 4, 6)}
        save_file({'kernel': kernel, **resized, **adapted}, folder / 'kernels.safetensors')
    versions = dict(timm=timm.__version__, torchvision=torchvision.__version__, torch=torch.__version__)
    (folder / 'models.json').write_text(json.dumps(dict(models=models, versions=versions), indent=1))
    print(f'{len(models)} models are in {folder}', versions)


if __name__ == '__main__':
    main(Path(sys.argv[1]))
