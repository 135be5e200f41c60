"""tools/report.py and its page."""

import json
import re
import shutil
import subprocess
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from mmseg_vitseg.datasets.shapes import ShapesDataset
from mmseg_vitseg.reporting.evaluating import evaluate
from mmseg_vitseg.reporting.page import confusion_of, make_page
from vitseg_tests.host_scores import host_scores
from vitseg_tests.paths import config_path
from vitseg_tests.user_errors import check_user_error

CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
FIVE = ['--cfg-options', 'test_dataloader.dataset.length=5']
VOID = ('meta', 'img', 'line', 'polyline', 'circle')


class Page(HTMLParser):
    """The elements of a page, its texts by id, and a check that whatever is opened is closed."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.addresses, self.open, self.texts, self.named = [], [], [], [], {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ('src', 'href', 'srcset', 'action', 'data')]
        if tag not in VOID:
            self.open.append((tag, dict(attrs).get('id')))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop()[0] == tag

    def handle_data(self, data):
        self.texts.append(data.strip())
        if self.open and self.open[-1][1]:
            self.named[self.open[-1][1]] = data


def check_alone(text: str) -> None:
    """Check that a page needs nothing else: no script, no address but data."""
    page = Page(text)
    assert not {'script', 'link', 'iframe', 'object'} & set(page.tags)
    assert all(address.startswith('data:image/') for address in page.addresses)
    assert not re.search(r'@import|url\(|https?:', re.sub(r'<pre>.*?</pre>', '', text, flags=re.S))


def write_log(folder) -> None:
    path = folder / '20260101_000000/vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    entries = [dict(lr=0.1, loss=3.0 / step, iter=step, epoch=step, step=step) for step in range(1, 9)]
    path.write_text('\n'.join(json.dumps(entry) for entry in [*entries, dict(mIoU=41.5, step=8)]))


def test_the_tool(run_tool, checkpoint, model, tmp_path):
    write_log(checkpoint.parent)
    out = tmp_path / 'new/folder'
    result = run_tool(
        'report.py', config_path('quickstart'), checkpoint, '--out', out, '--count', 2, '--device', 'cpu', *FIVE
    )
    text = (out / 'report.html').read_text()
    check_alone(text)
    page = Page(text)
    expected = host_scores(model)
    assert {name: page.named[name] for name in expected} == expected
    assert all(f'{name} {value}' in result.stdout for name, value in expected.items())
    assert page.named['ECE'] == f'{100 * evaluate(model, 0).reliability.error:.2f}'
    assert page.tags.count('img') == 2 * 2 * 3
    assert page.tags.count('svg') == 3
    assert 'mIoU 41.5' in page.texts
    assert 'epochs trained' in page.texts
    assert any("type='mmseg_vitseg.VisionTransformer'" in text for text in page.texts)
    assert [path.name for path in out.iterdir()] == ['report.html']


def test_without_a_log(model, checkpoint):
    text, _ = make_page(model, checkpoint, 0)
    check_alone(text)
    page = Page(text)
    assert 'svg' not in page.tags
    assert any(text.startswith('No log of a training beside the checkpoint') for text in page.texts)


def test_what_others_named_is_escaped(model, checkpoint, monkeypatch):
    bad = '<script>alert("x")</script>'
    monkeypatch.setattr(ShapesDataset, 'METAINFO', dict(classes=(bad, 'b&c', 'ü', 'd'), palette=[[1, 2, 3]] * 4))
    text, _ = make_page(model, checkpoint, 1)
    check_alone(text)
    assert {bad, 'b&c', 'ü'} <= set(Page(text).texts)


def test_many_classes_are_a_picture():
    drawn = confusion_of(np.eye(150, dtype=np.int64), [str(index) for index in range(150)])
    assert drawn['picture'].startswith('data:image/png;base64,')
    assert 'rows' not in drawn


@pytest.mark.parametrize('count', [24, 150])
@pytest.mark.skipif(CHROMIUM is None, reason='no Chromium to show the page in')
def test_a_phone_and_a_desk_show_it_without_scrolling_sideways(model, checkpoint, tmp_path, monkeypatch, count):
    write_log(checkpoint.parent)
    names = [f'a class with a long_long_long_long_long_name, {index}' for index in range(count)]
    monkeypatch.setattr(ShapesDataset, 'METAINFO', dict(classes=names, palette=[[1, 2, 3]] * count))
    text, _ = make_page(model, checkpoint, 1)
    assert widths_needed(text, (390, 1200), tmp_path) == [390, 1200]


def widths_needed(text: str, widths: tuple[int, ...], folder: Path) -> list[int]:
    """Return how wide a page is that is shown in frames of these widths; Chromium's windows have at least 500 pixels."""
    frames = ''.join(f'<iframe width="{width}" frameborder="0" srcdoc="{escape(text)}"></iframe>' for width in widths)
    measure = '[...document.querySelectorAll("iframe")].map(x => x.contentDocument.documentElement.scrollWidth)'
    page = f'<body>{frames}<script>onload = () => document.title = {measure}</script>'
    (folder / 'x.html').write_text(page)
    command = [
        CHROMIUM,
        '--headless=new',
        '--no-sandbox',
        '--disable-gpu',
        '--dump-dom',
        '--hide-scrollbars',
        '--virtual-time-budget=5000',
    ]
    command += [f'--user-data-dir={folder / "profile"}', f'file://{folder / "x.html"}']
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return [int(width) for width in re.search(r'<title>([\d,]+)</title>', result.stdout)[1].split(',')]


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (dict(checkpoint='nowhere.pth'), ['nowhere.pth']),
        (dict(options=['--count', '-1']), ['--count -1']),
        (dict(options=['--out', 'a_file/x']), ['a_file']),
    ],
)
def test_mistakes_are_one_line(run_tool, checkpoint, tmp_path, change, words):
    (tmp_path / 'a_file').touch()
    arguments = [config_path('quickstart'), change.get('checkpoint', checkpoint), '--out', tmp_path / 'out']
    result = run_tool('report.py', *arguments, *change.get('options', []), *FIVE, check=False)
    check_user_error(result, *words)
    assert not (tmp_path / 'out').exists()
