"""Fetching, verifying and unpacking, against a server on the loopback interface."""

import hashlib
import http.server
import io
import socket
import tarfile
import threading

import pytest
from PIL import Image

from mmseg_vitseg.datasets import pet_archives
from mmseg_vitseg.datasets.pet_archives import Archive, fetch, prepare_pet, unpack
from vitseg_tests.user_errors import check_user_error


class Server(http.server.ThreadingHTTPServer):
    """Serves ``files``; drops the connection after ``break_after`` bytes, ``breaks`` times; may not know ranges."""

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.files: dict[str, bytes] = {}
        self.break_after, self.breaks, self.ranges, self.requested = 0, 0, True, []
        self.url = f'http://127.0.0.1:{self.server_address[1]}'


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/away':
            self.send_response(302)
            self.send_header('Location', 'ftp://127.0.0.1/x')
            self.end_headers()
            return
        content = self.server.files.get(self.path.lstrip('/'))
        asked = self.headers.get('Range')
        self.server.requested.append((self.path, asked))
        if content is None:
            self.send_error(404)
            return
        start = int(asked.split('=')[1].rstrip('-')) if asked and self.server.ranges else 0
        if start and start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header('Content-Length', str(len(content) - start))
        self.end_headers()
        if self.server.breaks:
            self.server.breaks -= 1
            self.wfile.write(content[start : start + self.server.break_after])
            self.close_connection = True
        else:
            self.wfile.write(content[start:])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def pack(root, folder: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w:gz') as archive:
        archive.add(root / folder, folder)
    return buffer.getvalue()


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def published(server, small_pet):
    """The archives of the small data set on the server; returns their names and sums."""
    archives = []
    for folder in ('images', 'annotations'):
        content = server.files[f'{folder}.tar.gz'] = pack(small_pet, folder)
        archives.append(Archive(f'{folder}.tar.gz', md5(content), folder))
    return tuple(archives)


def test_prepare_fetches_and_unpacks(server, published, tmp_path):
    out = tmp_path / 'out'
    assert prepare_pet(out, url=server.url, published=published) == {}
    assert sorted(path.name for path in out.iterdir()) == ['annotations', 'images']
    assert len(list((out / 'images').iterdir())) == 5
    server.requested.clear()
    prepare_pet(out, url=server.url, published=published)
    assert server.requested == []  # nothing is fetched twice


def test_prepare_takes_local_archives(server, published, tmp_path):
    for name, content in server.files.items():
        (tmp_path / name).write_bytes(content)
    prepare_pet(tmp_path / 'out', archives=tmp_path, published=published)
    assert (tmp_path / 'images.tar.gz').is_file()  # the user's own files stay
    assert server.requested == []
    (tmp_path / 'images.tar.gz').unlink()
    with pytest.raises(FileNotFoundError, match=r'images\.tar\.gz: no such archive'):
        prepare_pet(tmp_path / 'out2', archives=tmp_path, published=published)
    with pytest.raises(FileNotFoundError, match='no such folder'):
        prepare_pet(tmp_path / 'out2', archives=tmp_path / 'nowhere', published=published)


@pytest.mark.parametrize('ranges', [True, False])
def test_a_broken_download_goes_on(server, tmp_path, ranges):
    content = bytes(range(256)) * 40
    server.files['a.tar.gz'], server.break_after, server.breaks, server.ranges = content, 4000, 2, ranges
    assert fetch(f'{server.url}/a.tar.gz', tmp_path / 'a.tar.gz', md5(content)).read_bytes() == content
    assert [asked for _, asked in server.requested] == [None, 'bytes=4000-', f'bytes={8000 if ranges else 4000}-']


def test_what_arrived_is_kept_for_the_next_call(server, tmp_path):
    content, target = bytes(range(256)) * 40, tmp_path / 'a.tar.gz'
    server.files['a.tar.gz'], server.break_after, server.breaks = content, 2000, 3
    with pytest.raises(ConnectionError, match='6000 bytes are kept'):
        fetch(f'{server.url}/a.tar.gz', target, md5(content))
    assert not target.exists()
    assert fetch(f'{server.url}/a.tar.gz', target, md5(content)).read_bytes() == content


def test_a_complete_part_is_not_fetched_again(server, tmp_path):
    content = b'all of it'
    server.files['a.tar.gz'] = content
    (tmp_path / 'a.tar.gz.part').write_bytes(content)
    assert fetch(f'{server.url}/a.tar.gz', tmp_path / 'a.tar.gz', md5(content)).read_bytes() == content


def test_a_wrong_sum_is_refused_and_removed(server, published, tmp_path):
    server.files['images.tar.gz'] = b'something else'
    with pytest.raises(ValueError, match='MD5'):
        prepare_pet(tmp_path / 'out', url=server.url, published=published)
    assert list((tmp_path / 'out').iterdir()) == []


def test_a_missing_file_is_not_asked_for_again(server, tmp_path):
    with pytest.raises(ConnectionError, match='404'):
        fetch(f'{server.url}/none', tmp_path / 'none', '')
    assert len(server.requested) == 1


def test_only_http(tmp_path):
    with pytest.raises(ValueError, match='only http'):
        fetch('file:///etc/passwd', tmp_path / 'x', '')


def test_a_server_that_sends_us_elsewhere(server, tmp_path):
    with pytest.raises(ConnectionError, match='unknown url type: ftp'):
        fetch(f'{server.url}/away', tmp_path / 'x', '')


def archive_with(member: tarfile.TarInfo, path):
    with tarfile.open(path, 'w:gz') as archive:
        folder = tarfile.TarInfo('images')
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        archive.addfile(member, io.BytesIO(b'x' * member.size))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = '') -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, 3 if kind == tarfile.REGTYPE else 0
    return info


@pytest.mark.parametrize(
    'bad',
    [
        member('../outside'),
        member('images/../../outside'),
        member('images/link', tarfile.SYMTYPE, '../../outside'),
        member('images/link', tarfile.LNKTYPE, '../outside'),
        member('images/device', tarfile.CHRTYPE),
    ],
)
def test_nothing_leaves_the_target(bad, tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    with pytest.raises(ValueError, match='nothing was unpacked'):
        unpack(archive_with(bad, tmp_path / 'bad.tar.gz'), 'images', out)
    assert list(out.iterdir()) == []
    assert not (tmp_path / 'outside').exists()


def test_an_absolute_name_stays_inside(tmp_path):
    """Python's data filter strips the slash; the file lands beside the wanted folder and goes with the scratch folder."""
    out = tmp_path / 'out'
    out.mkdir()
    unpack(archive_with(member('/outside'), tmp_path / 'bad.tar.gz'), 'images', out)
    assert [path.name for path in out.iterdir()] == ['images']


@pytest.mark.parametrize('content', [b'', b'not an archive'])
def test_not_an_archive(content, tmp_path):
    path = tmp_path / 'x.tar.gz'
    path.write_bytes(content)
    with pytest.raises(ValueError, match='nothing was unpacked'):
        unpack(path, 'images', tmp_path)


@pytest.fixture
def tolerant(monkeypatch):
    monkeypatch.setattr(pet_archives, 'TOLERATED', 0.5)


def test_damaged_pairs_are_taken_off_the_splits(small_pet, tolerant):
    Image.new('L', (5, 5), 1).save(small_pet / 'annotations/trimaps/pug_3.png')
    (small_pet / 'images/pug_5.jpg').write_bytes(b'GIF')
    for _ in range(2):  # a second call starts from the official splits again
        assert set(pet_archives.check_pairs(small_pet)) == {'pug_3', 'pug_5'}
        assert (small_pet / 'annotations/trainval.txt').read_text() == 'Bengal_1 1 1 1\nBengal_2 1 1 1\n'
        assert (small_pet / 'annotations/test.txt').read_text() == 'Bengal_4 1 1 1\n'
    Image.new('L', (40, 30), 1).save(small_pet / 'annotations/trimaps/pug_3.png')  # mended
    assert set(pet_archives.check_pairs(small_pet)) == {'pug_5'}
    assert 'pug_3' in (small_pet / 'annotations/trainval.txt').read_text()


def test_an_incomplete_data_set_is_an_error_and_its_splits_stay(small_pet, tolerant):
    before = (small_pet / 'annotations/trainval.txt').read_text()
    (small_pet / 'images/Bengal_2.jpg').unlink()
    with pytest.raises(FileNotFoundError, match=r'incomplete.*Bengal_2\.jpg'):
        pet_archives.check_pairs(small_pet)
    assert (small_pet / 'annotations/trainval.txt').read_text() == before


def test_many_damaged_pairs_are_an_error(small_pet):
    (small_pet / 'images/Bengal_2.jpg').write_bytes(b'GIF')
    with pytest.raises(ValueError, match='1 of 3 pairs of trainval are damaged'):
        pet_archives.check_pairs(small_pet)


def test_a_server_that_talks_nonsense(tmp_path):
    """A socket that answers what is no HTTP."""
    with socket.create_server(('127.0.0.1', 0)) as listener:

        def answer():
            for _ in range(pet_archives.ATTEMPTS):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1000)
                    connection.sendall(b'nonsense\r\n\r\n')

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(ConnectionError, match='run the command again'):
            fetch(f'http://127.0.0.1:{listener.getsockname()[1]}/x', tmp_path / 'x', '')
        thread.join()


def test_a_url_that_is_none(tmp_path):
    with pytest.raises(ConnectionError, match='abc'):
        fetch('http://127.0.0.1:abc/x', tmp_path / 'x', '')


def test_a_wrong_file_at_the_target_is_fetched_again(server, tmp_path):
    server.files['a.tar.gz'] = b'right'
    (tmp_path / 'a.tar.gz').write_bytes(b'wrong')
    assert fetch(f'{server.url}/a.tar.gz', tmp_path / 'a.tar.gz', md5(b'right')).read_bytes() == b'right'


def test_tool_by_local_archives(run_tool, tmp_path):
    check_user_error(run_tool('prepare_pet.py', '--out', 'o', '--archives', 'none', check=False), 'no such folder')
    (tmp_path / 'images.tar.gz').write_bytes(b'x')
    check_user_error(run_tool('prepare_pet.py', '--out', 'o', '--archives', '.', check=False), 'annotations.tar.gz')
    (tmp_path / 'annotations.tar.gz').write_bytes(b'x')
    check_user_error(run_tool('prepare_pet.py', '--out', 'o', '--archives', '.', check=False), 'MD5', 'damaged')
