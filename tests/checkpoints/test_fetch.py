"""Checkpoints by URL and from Hugging Face's hub; no network is used."""

import http.server
import sys
import threading
from functools import partial
from types import ModuleType, SimpleNamespace

import pytest
import torch

from mmseg_vitseg.checkpoints import fetch
from mmseg_vitseg.checkpoints.fetch import local_file
from mmseg_vitseg.checkpoints.loading import load_pretrained_backbone
from vitseg_tests.published import reference_of


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serve the folder ``site``; torch's cache is a folder of the test's own."""
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    (tmp_path / 'site').mkdir()
    served = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            served.append(self.path)

    site = http.server.ThreadingHTTPServer(('127.0.0.1', 0), partial(Handler, directory=str(tmp_path / 'site')))
    threading.Thread(target=site.serve_forever, daemon=True).start()
    site.address, site.served = f'http://127.0.0.1:{site.server_port}', served
    yield site
    site.shutdown()
    site.server_close()


def test_a_url_is_fetched_once(server, tmp_path):
    from mmseg.registry import MODELS

    reference = reference_of('timm', tmp_path)
    torch.save(reference.state, tmp_path / 'site' / 'vit.pth')
    url = f'{server.address}/vit.pth?raw=1'
    for _ in range(2):
        model = MODELS.build(dict(reference.model, init_cfg=dict(type='Pretrained', checkpoint=url)))
        model.init_weights()
        assert torch.equal(model.norm.weight, reference.state['norm.weight'])
    assert len(server.served) == 1
    assert [path.suffix for path in (tmp_path / 'hub/checkpoints').iterdir()] == ['.pth']


def test_a_web_page_is_not_kept(server, tmp_path):
    (tmp_path / 'site' / 'vit.pth').write_text('<!doctype html><title>Sign in</title>')
    with pytest.raises(ValueError, match=r'http://.*vit\.pth: a web page, not a checkpoint'):
        local_file(f'{server.address}/vit.pth')
    assert list((tmp_path / 'hub/checkpoints').iterdir()) == []


def test_what_is_not_there(server, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.pth: no such file \(HTTP Error 404'):
        local_file(f'{server.address}/none.pth')
    with pytest.raises(FileNotFoundError, match=r'not found\. Put the file there.*init_cfg=None'):
        load_pretrained_backbone(None, f'{server.address}/none.pth')
    assert list((tmp_path / 'hub/checkpoints').iterdir()) == []
    server.shutdown()
    server.server_close()
    with pytest.raises(ConnectionError, match='try again, or fetch the file yourself'):
        local_file(f'{server.address}/other.pth')


@pytest.mark.parametrize(
    ('name', 'error', 'words'),
    [
        ('ftp://host/x.pth', ValueError, r'only local files, http\(s\):// and hf://owner/name'),
        ('http://host/', ValueError, 'names no file'),
        ('hf://owner', ValueError, 'write hf://owner/name'),
        ('nowhere.pth', FileNotFoundError, 'no such checkpoint file'),
        ('.', FileNotFoundError, 'a folder'),
    ],
)
def test_mistakes(name, error, words):
    with pytest.raises(error, match=words):
        local_file(name)


def test_the_hub(monkeypatch, tmp_path):
    hub = pytest.importorskip('huggingface_hub')
    asked = []

    def download(repository, file):
        asked.append((repository, file))
        if file != 'pytorch_model.bin':
            raise hub.errors.EntryNotFoundError('no such file')
        return str(tmp_path / file)

    monkeypatch.setattr(hub, 'hf_hub_download', download)
    monkeypatch.setattr(fetch, '_check_reachable', lambda site, address: None)
    assert local_file('hf://nvidia/mit-b0') == tmp_path / 'pytorch_model.bin'
    assert asked == [('nvidia/mit-b0', 'model.safetensors'), ('nvidia/mit-b0', 'pytorch_model.bin')]
    with pytest.raises(FileNotFoundError, match=r'has no flax_model\.msgpack'):
        local_file('hf://nvidia/mit-b0/flax_model.msgpack')


def test_a_gated_repository_of_the_hub_s(monkeypatch):
    hub = pytest.importorskip('huggingface_hub')

    def download(repository, file):
        raise hub.errors.GatedRepoError('gated', response=SimpleNamespace(headers={}, request=None))

    monkeypatch.setattr(hub, 'hf_hub_download', download)
    monkeypatch.setattr(fetch, '_check_reachable', lambda site, address: None)
    with pytest.raises(FileNotFoundError, match=r'hf://facebook/dinov3: .*gated .*licence accepted .*hf auth login'):
        local_file('hf://facebook/dinov3')


def test_the_hub_without_network(monkeypatch):
    hub = pytest.importorskip('huggingface_hub')
    monkeypatch.setattr(hub.constants, 'ENDPOINT', 'http://127.0.0.1:9')
    with pytest.raises(ConnectionError, match=r'hf://nvidia/mit-b0: no network, or no http.*fetch the file yourself'):
        local_file('hf://nvidia/mit-b0')


def test_an_index_of_the_hub_s(monkeypatch, tmp_path):
    hub = pytest.importorskip('huggingface_hub')
    (tmp_path / 'model.safetensors.index.json').write_text('{"weight_map": {"a": "x-1", "b": "x-2", "c": "x-1"}}')
    asked = []

    def download(repository, file):
        asked.append(file)
        if file in ('model.safetensors', 'pytorch_model.bin'):
            raise hub.errors.EntryNotFoundError('no such file')
        return str(tmp_path / file)

    monkeypatch.setattr(hub, 'hf_hub_download', download)
    monkeypatch.setattr(fetch, '_check_reachable', lambda site, address: None)
    assert local_file('hf://owner/large').name == 'model.safetensors.index.json'
    assert asked == ['model.safetensors', 'pytorch_model.bin', 'model.safetensors.index.json', 'x-1', 'x-2']


def test_the_hub_without_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, 'huggingface_hub', ModuleType('huggingface_hub'))
    with pytest.raises(ImportError, match='pip install huggingface_hub'):
        local_file('hf://nvidia/mit-b0')
