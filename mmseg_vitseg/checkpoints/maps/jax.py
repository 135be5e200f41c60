"""Google's ViT releases (google-research/vision_transformer), flax parameters in an .npz file.

M heads, d = D / M. Kernels have their inputs first: (in, out) of a dense layer, (p, p, C, D) of the patches; queries,
keys and values are (D, M, d) with biases (M, d), the attention's output (M, d, D).
"""

from torch import Tensor

from mmseg_vitseg.checkpoints.maps.source import Source
from mmseg_vitseg.checkpoints.names import Table

BLOCK = 'Transformer/encoderblock_{i}/'
ATTENTION = f'{BLOCK}MultiHeadDotProductAttention_1/'
VISION_TRANSFORMER: Table = {
    'cls': 'cls_token',
    'Transformer/posembed_input/pos_embedding': 'pos_embed',
    'embedding/kernel': 'patch_embed.proj.weight',
    'embedding/bias': 'patch_embed.proj.bias',
    f'{BLOCK}LayerNorm_0/scale': 'blocks.{i}.norm1.weight',
    f'{BLOCK}LayerNorm_0/bias': 'blocks.{i}.norm1.bias',
    (f'{ATTENTION}query/kernel', f'{ATTENTION}key/kernel', f'{ATTENTION}value/kernel'): 'blocks.{i}.attn.qkv.weight',
    (f'{ATTENTION}query/bias', f'{ATTENTION}key/bias', f'{ATTENTION}value/bias'): 'blocks.{i}.attn.qkv.bias',
    f'{ATTENTION}out/kernel': 'blocks.{i}.attn.proj.weight',
    f'{ATTENTION}out/bias': 'blocks.{i}.attn.proj.bias',
    f'{BLOCK}LayerNorm_2/scale': 'blocks.{i}.norm2.weight',
    f'{BLOCK}LayerNorm_2/bias': 'blocks.{i}.norm2.bias',
    f'{BLOCK}MlpBlock_3/Dense_0/kernel': 'blocks.{i}.mlp.fc1.weight',
    f'{BLOCK}MlpBlock_3/Dense_0/bias': 'blocks.{i}.mlp.fc1.bias',
    f'{BLOCK}MlpBlock_3/Dense_1/kernel': 'blocks.{i}.mlp.fc2.weight',
    f'{BLOCK}MlpBlock_3/Dense_1/bias': 'blocks.{i}.mlp.fc2.bias',
    'Transformer/encoder_norm/scale': 'norm.weight',
    'Transformer/encoder_norm/bias': 'norm.bias',
}


def patch_kernel(kernel: Tensor) -> Tensor:
    """(p, p, C, D) to (D, C, p, p)."""
    return kernel.permute(3, 2, 0, 1)


def dense(kernel: Tensor) -> Tensor:
    """(in, out) to (out, in)."""
    return kernel.T


def projection(kernel: Tensor) -> Tensor:
    """(D, M, d) to (M d, D)."""
    return kernel.flatten(1).T


def projection_bias(bias: Tensor) -> Tensor:
    """(M, d) to (M d)."""
    return bias.flatten()


def output(kernel: Tensor) -> Tensor:
    """(M, d, D) to (D, M d)."""
    return kernel.flatten(0, 1).T


SOURCES = (
    Source(
        name='jax',
        what="Google's JAX ViT",
        encoder=VISION_TRANSFORMER,
        marks=('embedding/kernel', 'Transformer/posembed_input/pos_embedding'),
        prefixes=('', 'opt/target/'),
        drop=('head/{rest}', 'pre_logits/{rest}'),
        forms={
            'embedding/kernel': (patch_kernel, None),
            **{f'{ATTENTION}{part}/kernel': (projection, None) for part in ('query', 'key', 'value')},
            **{f'{ATTENTION}{part}/bias': (projection_bias, None) for part in ('query', 'key', 'value')},
            f'{ATTENTION}out/kernel': (output, None),
            f'{BLOCK}MlpBlock_3/Dense_0/kernel': (dense, None),
            f'{BLOCK}MlpBlock_3/Dense_1/kernel': (dense, None),
        },
    ),
)
