"""Getting Oxford-IIIT Pet: fetch, verify, unpack, check every pair."""

import http.client
import shutil
import tarfile
import tempfile
import urllib.error
from dataclasses import dataclass
from pathlib import Path

from rich.progress import track

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.datasets.load_image import LoadImage
from mmseg_vitseg.datasets.load_mask import LoadMask
from mmseg_vitseg.datasets.pet import TRIMAP_VALUES
from mmseg_vitseg.download import digest, download

SPLITS = ('trainval', 'test')
ATTEMPTS = 3
TOLERATED = 0.01  # share of a split's pairs that may be damaged: the published data have a few


@dataclass(frozen=True)
class Archive:
    """A published file: its name, its MD5 as published, and the folder that it unpacks to."""

    name: str
    md5: str
    folder: str


URL = 'https://www.robots.ox.ac.uk/~vgg/data/pets/data'
ARCHIVES = (
    Archive('images.tar.gz', '5c4f3ee8e5d25df40f4fd59a7f44e54c', 'images'),
    Archive('annotations.tar.gz', '95a8c909bbe2e81eed6a22bccdf3f68f', 'annotations'),
)


def prepare_pet(
    out: Path, *, archives: Path | None = None, url: str = URL, published: tuple[Archive, ...] = ARCHIVES
) -> dict[str, str]:
    """Make ``out`` an OxfordPetDataset root; what is there already is kept, so an interrupted call can be repeated.

    Args:
        out: the data root: gets ``images/`` and ``annotations/``.
        archives: a folder that holds the archives; default: they are fetched to ``out``, and removed when unpacked.
        url: where they are fetched from.
        published: names and sums.

    Returns:
        name -> reason, of the pairs that are damaged and were taken off the splits.

    Raises:
        FileNotFoundError: an archive is not in ``archives``.
        ValueError: an archive's sum is not the published one, or it holds something unsafe.
        ConnectionError: the network failed; call again to go on.
    """
    if archives is not None and not archives.is_dir():
        raise FileNotFoundError(f'--archives {archives}: no such folder')
    missing = [archive for archive in published if not (out / archive.folder).is_dir()]
    if archives is not None:
        for archive in missing:
            if not (archives / archive.name).is_file():
                raise FileNotFoundError(f'{archives / archive.name}: no such archive; get it from {URL}/{archive.name}')
    elif missing:
        check_url(url)
    if out.exists() and not out.is_dir():
        raise ValueError(f'{out}: a file; name a folder')
    out.mkdir(parents=True, exist_ok=True)
    for archive in missing:
        if archives is None:
            path = fetch(f'{url.rstrip("/")}/{archive.name}', out / archive.name, archive.md5)
        else:
            path = check_sum(archives / archive.name, archive.md5)
        unpack(path, archive.folder, out)
        if archives is None:
            path.unlink()
    return check_pairs(out)


def fetch(url: str, target: Path, md5: str) -> Path:
    """Download to ``target``, from where an interrupted download stopped, and verify the sum.

    Raises:
        ValueError: the URL is not http(s), or the whole file has another sum (it is removed).
        ConnectionError: the network failed; what arrived is kept in ``<target>.part``.
    """
    check_url(url)
    if target.is_file():
        try:
            return check_sum(target, md5)
        except ValueError:
            target.unlink()  # not what is published: fetched again
    part = target.with_name(f'{target.name}.part')
    for attempt in range(ATTEMPTS):
        try:
            download(url, part)
            break
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a URL that is none
            if attempt == ATTEMPTS - 1 or (isinstance(error, urllib.error.HTTPError) and error.code < 500):
                arrived = part.stat().st_size if part.is_file() else 0
                raise ConnectionError(
                    f'{url}: {error}; {arrived} bytes are kept, run the command again to go on, or fetch the file yourself '
                    'and name its folder with --archives'
                ) from error
    try:
        check_sum(part, md5)
    except ValueError:
        part.unlink()
        raise
    return part.rename(target)


def check_url(url: str) -> None:
    """Raise ValueError where a URL is not http(s)."""
    if not url.startswith(('http://', 'https://')):
        raise ValueError(f'{url}: only http and https')


def check_sum(path: Path, md5: str) -> Path:
    """Return ``path`` if its MD5 is the published one.

    Raises:
        ValueError: it is not.
    """
    found = digest(path, 'md5')
    if found != md5:
        raise ValueError(f'{path}: its MD5 is {found}, published is {md5}; the file is damaged, fetch it again')
    return path


def unpack(path: Path, folder: str, out: Path) -> None:
    """Unpack the folder of an archive into ``out``, whole or not at all.

    Raises:
        ValueError: a member would be written outside of the target, is a device or a link that leads out, or the archive
            has no such folder.
    """
    if not hasattr(tarfile, 'data_filter'):
        raise ValueError(
            f'{path}: this Python cannot unpack safely; update it (3.10.12, 3.11.4 or newer) or unpack it yourself'
        )
    with tempfile.TemporaryDirectory(dir=out, prefix='.unpacking-') as scratch:
        try:
            with tarfile.open(path) as archive:
                archive.extraction_filter = tarfile.data_filter
                members = archive.getmembers()
                for member in track(members, description=f'unpacking {path.name}'):
                    archive.extract(member, scratch)
        except tarfile.TarError as error:
            raise ValueError(f'{path}: {error}; nothing was unpacked') from error
        if not Path(scratch, folder).is_dir():
            raise ValueError(f'{path}: has no folder {folder!r}; nothing was unpacked')
        shutil.move(Path(scratch, folder), out / folder)


def check_pairs(root: Path) -> dict[str, str]:
    """Decode every pair of the splits and write the splits without those that are damaged.

    The official splits are kept as ``<split>.official.txt``, and are what is checked when this is called again.

    Returns:
        name -> reason, of the pairs that were left out.

    Raises:
        FileNotFoundError: a split, an image or a mask is missing: the data set is incomplete, not damaged.
        ValueError: more than ``TOLERATED`` of a split's pairs are damaged.
    """
    left_out = {}
    for split in SPLITS:
        path, official = (root / 'annotations' / f'{split}{suffix}' for suffix in ('.txt', '.official.txt'))
        source = official if official.is_file() else path
        if not source.is_file():
            raise FileNotFoundError(f'{path}: no such split file; remove {root / "annotations"} and prepare it again')
        try:
            lines = source.read_text(encoding='utf-8-sig').splitlines(keepends=True)
        except UnicodeDecodeError as error:
            raise ValueError(
                f'{source}: not a text file in UTF-8; remove {root / "annotations"} and prepare it again'
            ) from error
        if not any(line.split('#')[0].strip() for line in lines):
            raise ValueError(f'{source}: names no image; remove {root / "annotations"} and prepare it again')
        kept, damaged = _check_lines(root, lines, f'checking {split}')
        if len(damaged) > TOLERATED * len(lines):
            raise ValueError(
                f'{root}: {len(damaged)} of {len(lines)} pairs of {split} are damaged, as {next(iter(damaged))}'
            )
        if damaged:
            write_text(official, ''.join(lines))
        if damaged or official.is_file():
            write_text(path, ''.join(kept))
        left_out.update(damaged)
    return left_out


def _check_lines(root: Path, lines: list[str], description: str) -> tuple[list[str], dict[str, str]]:
    """Part a split's lines into those whose pair is sound and, name -> reason, those whose pair is damaged."""
    load_image, load_mask = LoadImage(), LoadMask(values=TRIMAP_VALUES)
    kept, damaged = [], {}
    for line in track(lines, description=description):
        name = line.split('#')[0].split()[:1]
        try:
            if name:
                load_mask(load_image(_sample(root, name[0])))
            kept.append(line)
        except FileNotFoundError as error:
            raise FileNotFoundError(f'{root} is incomplete: {error}; remove it and prepare it again') from error
        except ValueError as error:
            damaged[name[0]] = str(error)
    return kept, damaged


def _sample(root: Path, name: str) -> dict:
    return dict(
        img_path=str(root / 'images' / f'{name}.jpg'),
        seg_map_path=str(root / 'annotations' / 'trimaps' / f'{name}.png'),
        reduce_zero_label=True,
        seg_fields=[],
    )


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(text)
