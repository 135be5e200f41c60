"""Hugging Face's models in the names that transformers 5 gives its modules: what ``torch.save(model.state_dict())`` writes.

Its ``save_pretrained`` still writes the files' names, which are :mod:`hf`'s; here stands in what the modules' differ.
"""

from dataclasses import replace

from mmseg_vitseg.checkpoints.maps import hf
from mmseg_vitseg.checkpoints.maps.source import Source
from mmseg_vitseg.checkpoints.names import Names

# a part of the files' names -> of the modules', one after the other
ATTENTION = {
    'attention.attention.query.': 'attention.q_proj.',
    'attention.attention.key.': 'attention.k_proj.',
    'attention.attention.value.': 'attention.v_proj.',
    'attention.output.dense.': 'attention.o_proj.',
}
VIT = {'encoder.layer.': 'layers.', 'intermediate.dense.': 'mlp.fc1.', '.output.dense.': '.mlp.fc2.'}
SEGFORMER = {
    'encoder.patch_embeddings.{s}.': 'stages.{s}.patch_embeddings.',
    'encoder.patch_embeddings.0.': 'stages.0.patch_embeddings.',
    'encoder.layer_norm.{s}.': 'stages.{s}.layer_norm.',
    'encoder.block.{s}.{i}.': 'stages.{s}.blocks.{i}.',
    'attention.self.query.': 'attention.q_proj.',
    'attention.self.key.': 'attention.k_proj.',
    'attention.self.value.': 'attention.v_proj.',
    'attention.self.sr.': 'attention.sequence_reduction.sequence_reduction.',
    'attention.self.layer_norm.': 'attention.sequence_reduction.layer_norm.',
    'attention.output.dense.': 'attention.o_proj.',
    'layer_norm_1.': 'layernorm_before.',
    'layer_norm_2.': 'layernorm_after.',
    'mlp.dense1.': 'mlp.fc1.',
    'mlp.dense2.': 'mlp.fc2.',
    'decode_head.linear_c.{s}.': 'decode_head.linear_projections.{s}.',
}


def renamed(source: Source, parts: dict[str, str]) -> Source:
    """Return a format of which parts of the names are others."""

    def name(one: str) -> str:
        for old, new in parts.items():
            one = one.replace(old, new)
        return one

    def line(left: Names) -> Names:
        return name(left) if isinstance(left, str) else tuple(map(name, left))

    return replace(
        source,
        what=f"{source.what} in its modules' names",
        encoder={line(left): right for left, right in source.encoder.items()},
        head={line(left): right for left, right in source.head.items()},
        marks=tuple(map(name, source.marks)),
        absent=tuple(map(name, source.absent)),
        forms={name(left): form for left, form in source.forms.items()},
    )


VIT_FILE, DISTILLED_FILE, DINOV2_FILE, GATED_FILE, SEGFORMER_FILE = hf.SOURCES
DINOV2, GATED = renamed(DINOV2_FILE, ATTENTION), renamed(GATED_FILE, ATTENTION)
GATE = 'encoder.layer.{i}.mlp.gate_proj.{kind}'
SOURCES = (
    renamed(VIT_FILE, {**ATTENTION, **VIT}),
    renamed(DISTILLED_FILE, {**ATTENTION, **VIT}),
    replace(DINOV2, absent=('encoder.layer.0.mlp.gate_proj.',)),
    replace(
        GATED,
        encoder={names: ours for names, ours in GATED.encoder.items() if '.mlp.' not in names}
        | {
            (GATE, 'encoder.layer.{i}.mlp.up_proj.{kind}'): 'blocks.{i}.mlp.fc1.{kind}',
            'encoder.layer.{i}.mlp.down_proj.{kind}': 'blocks.{i}.mlp.fc2.{kind}',
        },
        marks=(*DINOV2.marks, 'encoder.layer.0.mlp.gate_proj.weight'),
    ),
    renamed(SEGFORMER_FILE, SEGFORMER),
)
