"""The kernels compiled for GPUs that are not here, by triton's own ptxas: registers that suffice."""

import subprocess

import pytest


@pytest.fixture
def compilers(tmp_path, monkeypatch):
    """Triton, which compiles anew here."""
    triton = pytest.importorskip('triton', reason='triton is not installed; it comes with the extra [dev]')
    if not hasattr(triton, 'knobs') or triton.knobs.runtime.interpret:
        pytest.skip('this triton is older than 3.4, or interprets')
    monkeypatch.setenv('TRITON_CACHE_DIR', str(tmp_path))
    return triton


def kernel(name):
    """Return a kernel, and its constants but for the taps."""
    from mmseg_vitseg.ops.fused import argmax_kernel, loss_kernels

    functions = dict(losses=loss_kernels._losses, gradient=loss_kernels._gradient, argmax=argmax_kernel._argmax)
    return functions[name], dict(CONFIDENT=True) if name == 'argmax' else dict(WEIGHTED=True)


def type_of(argument, logits):
    """Return the type of a kernel's argument, a pointer or a size."""
    if argument in ('logits', 'labels'):
        return dict(logits=f'*{logits}', labels='*i64')[argument]
    if argument.endswith('_index') and argument != 'ignore_index':
        return '*i32'
    floats = 'lse_in', 'lse_out', 'parts', 'gradient', 'probabilities'
    return '*fp32' if argument.endswith('_weight') or argument in floats else 'i32'


def machine_code(function, constants, capability, logits):
    from triton import compile
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from mmseg_vitseg.ops.fused.interpolation import LAUNCH

    names, constants = function.arg_names, dict(**constants, P=LAUNCH['P'])
    signature = {name: 'constexpr' if name in constants else type_of(name, logits) for name in names}
    source = ASTSource(
        fn=function,
        signature=signature,
        constexprs={(names.index(name),): value for name, value in constants.items()},
        attrs={(i,): [['tt.divisibility', 16]] for i, name in enumerate(names) if signature[name].startswith('*')},
    )
    options = {name: value for name, value in LAUNCH.items() if name not in names}
    return compile(source, target=GPUTarget('cuda', capability, 32), options=options).asm['cubin']


@pytest.mark.parametrize('name', ['losses', 'gradient', 'argmax'])
@pytest.mark.parametrize(
    ('capability', 'logits', 'taps'),
    [(80, 'fp32', 2), (89, 'fp32', 2), (90, 'fp32', 2), (90, 'bf16', 2), (90, 'fp16', 1), (90, 'fp32', 6)],
)
def test_nothing_is_spilt(compilers, name, capability, logits, taps, tmp_path):
    function, constants = kernel(name)
    file = tmp_path / 'kernel.cubin'
    file.write_bytes(machine_code(function, dict(**constants, TR=taps, TC=taps), capability, logits))
    command = [compilers.knobs.nvidia.nvdisasm.path, '-c', file]
    instructions = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert 'LDG' in instructions  # it is a listing
    assert not any(spill in instructions for spill in ('LDL', 'STL'))
