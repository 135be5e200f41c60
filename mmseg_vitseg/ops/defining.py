"""How operators of ours enter torch's library."""

import torch

# Within an operator, tables are made at the first use of a size, and kept. While torch's compiler records a CUDA graph
# (mode='reduce-overhead'), nothing may be kept of the memory that it hands out: it ends one graph before such an operator,
# calls it, and begins the next. Old versions of torch know no such tag.
TAGS = tuple(getattr(torch.Tag, name) for name in ('cudagraph_unsafe',) if hasattr(torch.Tag, name))


def define(name: str, signature: str) -> None:
    """Define an operator: one node of a compiled graph.

    Not by custom_op, whose first call imports torch's compiler: 150 MB and a second.
    """
    torch.library.define(name, signature, tags=TAGS)
