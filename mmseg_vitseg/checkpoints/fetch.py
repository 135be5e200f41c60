"""Checkpoints by name: local files, URLs, and repositories on Hugging Face's hub."""

import hashlib
import http.client
import tempfile
import urllib.error
import urllib.request
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import torch

from mmseg_vitseg.checkpoints.reading import refuse_text
from mmseg_vitseg.checkpoints.sharded import INDEX, WEIGHT_FILES, listed_parts, weights_in
from mmseg_vitseg.config.shipped import find_weights
from mmseg_vitseg.download import download
from mmseg_vitseg.errors import first_line

HUB = 'hf://'
SECONDS = 5  # to wait for the hub's first answer
YOURSELF = 'try again, or fetch the file yourself and name it here'


def local_file(name: str | Path) -> Path:
    """Return a checkpoint as a local file, fetched to torch's cache (``TORCH_HOME``) or the hub's where it is not local yet.

    Args:
        name: a path (of a folder: the file, or the index, in it), ``http(s)://...``, ``hf://owner/name`` or
            ``hf://owner/name/file``; ``quickstart`` for the weights that come with that config of ours.

    Raises:
        FileNotFoundError: no such file, here or there.
        ConnectionError: the network failed.
        ValueError: another kind of address, or a web page in the file's place.
        ImportError: ``hf://`` without huggingface_hub.
    """
    text = str(name)
    if text.startswith(('http://', 'https://')):
        return _from_web(text)
    if text.startswith(HUB):
        return _from_hub(text)
    if '://' in text:
        raise ValueError(f'{text}: only local files, http(s):// and hf://owner/name')
    path = Path(text)
    if path.is_dir():
        return weights_in(path)
    if path.exists():
        return path
    if path.suffix or (shipped := find_weights(path)) is None:
        raise FileNotFoundError(f'{path}: no such checkpoint file')
    return shipped


def _from_web(url: str) -> Path:
    """Fetch a file once; it appears in the cache when it is complete."""
    name = PurePosixPath(urlsplit(url).path).name
    if not name:
        raise ValueError(f'{url}: names no file')
    # files of one name at two addresses are two files
    target = Path(torch.hub.get_dir(), 'checkpoints', f'{hashlib.sha256(url.encode()).hexdigest()[:8]}-{name}')
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=target.parent, prefix='.fetching-'
    ) as folder:  # each of several processes its own
        part = Path(folder, name)
        try:
            download(url, part)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if getattr(error, 'code', None) in (404, 410):
                raise FileNotFoundError(f'{url}: no such file ({error})') from error
            raise ConnectionError(f'{url}: {error}; {YOURSELF}') from error
        refuse_text(part, url)
        return part.replace(target)


def _from_hub(address: str) -> Path:
    """Fetch a file of a repository, or its weights where none is named, into the hub's cache; an index with its parts."""
    try:
        from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
        from huggingface_hub.errors import (
            EntryNotFoundError,
            HfHubHTTPError,
            LocalEntryNotFoundError,
            RepositoryNotFoundError,
        )
    except ImportError as error:
        raise ImportError(f'{address}: needs huggingface_hub: pip install huggingface_hub') from error
    repository, candidates = _on_the_hub(address)

    def fetch(one: str) -> Path:
        cached = try_to_load_from_cache(repository, one)
        return Path(cached if isinstance(cached, str) else hf_hub_download(repository, one))

    cached = [one for one in candidates if isinstance(try_to_load_from_cache(repository, one), str)]
    if not cached:
        _check_reachable(constants.ENDPOINT, address)  # the hub's own attempts take a minute
    for candidate in cached or candidates:
        try:
            found = fetch(candidate)
            if found.name.endswith(INDEX):
                for part in listed_parts(found):
                    fetch(str(PurePosixPath(candidate).with_name(part)))
            return found
        except RepositoryNotFoundError as error:
            raise FileNotFoundError(
                f'{address}: no such repository, or it is not public; a gated one wants its licence accepted on its page, '
                'and `hf auth login` here'
            ) from error
        except LocalEntryNotFoundError as error:  # neither here nor to be asked for
            raise ConnectionError(f'{address}: {first_line(error)}; {YOURSELF}') from error
        except EntryNotFoundError:
            continue
        except (HfHubHTTPError, OSError) as error:
            raise ConnectionError(f'{address}: {first_line(error)}; {YOURSELF}') from error
    raise FileNotFoundError(f'{address}: has no {" and no ".join(candidates)}')


def _on_the_hub(address: str) -> tuple[str, tuple[str, ...]]:
    """Return the repository of an address, and the files in it that may be meant."""
    owner, _, rest = address.removeprefix(HUB).partition('/')
    name, _, file = rest.partition('/')
    if not owner or not name:
        raise ValueError(f'{address}: write hf://owner/name, or hf://owner/name/file')
    return f'{owner}/{name}', (file,) if file else WEIGHT_FILES


def _check_reachable(site: str, address: str) -> None:
    """Check that a site answers, whatever it answers.

    Raises:
        ConnectionError: it does not, within seconds.
    """
    try:
        urllib.request.urlopen(urllib.request.Request(site, method='HEAD'), timeout=SECONDS).close()
    except urllib.error.HTTPError:
        return
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionError(
            f'{address}: no network, or no {site} ({getattr(error, "reason", error)}); {YOURSELF}'
        ) from error
