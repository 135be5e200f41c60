"""tools/benchmark.py --count."""

import json

import pytest

from mmseg_vitseg.cli.benchmark import main, parse_args
from vitseg_tests.paths import config_path


@pytest.mark.parametrize(
    ('flags', 'named'),
    [
        (['--repeats', '3'], '--repeats'),
        (['--plot', 'a.png', '--compile'], '--plot, --compile'),
        (['--device', 'cpu'], '--device'),
        (['--threads', '1'], '--threads'),
    ],
)
def test_what_times_is_refused(flags, named, capsys):
    with pytest.raises(SystemExit) as stopped:
        parse_args([str(config_path('quickstart')), '--count', *flags])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert f'not allowed with it: {named};' in error
    assert error.count('\n') == 1


def test_json(tmp_path, capsys):
    """Of a config of ours, at its own size, against two others."""
    config, file = str(config_path('segformer_b0_ade20k')), tmp_path / 'out.json'
    main(parse_args([config, '--against', 'stock', config, '--count', '--batch-size', '8', '--json', str(file)]))
    output = capsys.readouterr()
    assert output.err == 'counting segformer_b0_ade20k, predict\n'
    found = json.loads(output.out.splitlines()[-1])
    assert found == json.loads(file.read_text())
    assert found['device'] == 'meta'
    ours, host, again = found['rows']
    assert {**ours, 'variant': ''} == {**again, 'variant': ''}
    assert ours['latency_ms'] is None
    assert ours['launches'] <= host['launches'] + 10
    assert ours['waits'] == 0


def test_a_model_of_the_suite(capsys):
    main(parse_args(['--suite', 'SETR-PUP ViT-S, 19', '--mode', 'predict', '--count', '--shape', '64', '64']))
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])['rows']
    assert [row['variant'] for row in rows] == ['ours', 'stock']
    assert all(row['launches'] for row in rows)
