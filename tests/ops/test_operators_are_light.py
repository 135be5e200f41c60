"""Loss and labels do without torch's compiler, which takes 150 MB and a second to import."""

import subprocess
import sys

CODE = """
import sys
import torch
from mmseg_vitseg.ops.resampling import unchanged
from mmseg_vitseg.ops.upsample_argmax import argmax_of
from mmseg_vitseg.ops.upsample_loss import upsample_cross_entropy
logits = torch.randn(1, 3, 4, 4, requires_grad=True)
argmax_of(logits[0], unchanged((4, 4)).resized((8, 8), False))
upsample_cross_entropy(logits, torch.zeros(1, 8, 8, dtype=torch.long)).loss.backward()
print('torch._dynamo' in sys.modules)
"""


def test_the_compiler_is_not_imported():
    done = subprocess.run([sys.executable, '-c', CODE], capture_output=True, text=True)
    assert done.stdout.split()[-1:] == ['False'], done.stdout + done.stderr
