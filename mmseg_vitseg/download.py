"""Downloading a file, with its progress, from where an interrupted download stopped; checksums."""

import hashlib
import urllib.error
import urllib.request
from pathlib import Path

from rich.progress import DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

CHUNK = 1 << 20  # bytes
HANDLERS = (  # what urllib has by default, without ftp:// and file://, to which a server could send us on
    urllib.request.ProxyHandler,
    urllib.request.UnknownHandler,
    urllib.request.HTTPHandler,
    urllib.request.HTTPSHandler,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPRedirectHandler,
    urllib.request.HTTPErrorProcessor,
)


def download(url: str, part: Path) -> None:
    """Append to ``part`` what it lacks of the file at ``url``; a server that cannot continue sends all again."""
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={'Range': f'bytes={have}-'} if have else {})
    columns = (*Progress.get_default_columns()[:2], DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    opener = urllib.request.OpenerDirector()
    for handler in HANDLERS:
        opener.add_handler(handler())
    try:
        response = opener.open(request, timeout=60)
    except urllib.error.HTTPError as error:
        if have and error.code == 416:  # nothing after what we have: it is complete, or wrong, which its sum tells
            return
        raise
    with response, Progress(*columns) as progress:
        resumed = response.status == 206
        expected = int(response.headers.get('Content-Length') or 0) + (have if resumed else 0)
        task = progress.add_task(part.stem, total=expected or None, completed=have if resumed else 0)
        with open(part, 'ab' if resumed else 'wb') as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                progress.advance(task, len(chunk))
    if expected and part.stat().st_size < expected:
        raise ConnectionError(f'the connection closed after {part.stat().st_size} of {expected} bytes')


def digest(path: Path, algorithm: str = 'sha256') -> str:
    """Return a file's checksum in hexadecimal; ``algorithm`` is one of hashlib's."""
    found = hashlib.new(algorithm)
    with path.open('rb') as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()
