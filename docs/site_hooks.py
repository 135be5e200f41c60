"""What the site needs beside its pages: files of the repository outside docs/, notebooks and docstrings in Markdown.

MkDocs calls the functions ``on_...``; mkdocstrings uses :class:`Roles`. Pages are written for GitHub too, where they link to
files all over the repository.
"""

import base64
import json
import posixpath
import re
from pathlib import Path

from griffe import Extension, Object
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
FILES = ('CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', 'configs/README.md', 'benchmarks/*.md', 'benchmarks/*.png')
FOLDER = 'repository'  # of the site, in which these are
LINK = re.compile(r'(!?)\[([^\]]*)\]\(([^)\s]+)\)')
ROLE = re.compile(r':\w+:`~?(?:[\w.]+\.)?(\w+)`')  # :class:`~package.module.Name`


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the repository that docs/ links to, and a page for each notebook."""
    for pattern in FILES:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, f'{FOLDER}/{name}', abs_src_path=str(path)))
    for path in sorted((ROOT / 'docs').glob('*.ipynb')):
        text, pictures = as_markdown(json.loads(path.read_text()), path.stem)
        files.append(File.generated(config, f'{path.stem}.md', content=text))
        for name, content in pictures.items():
            files.append(File.generated(config, name, content=content))
    return files


def as_markdown(notebook: dict, name: str) -> tuple[str, dict[str, bytes]]:
    """Return a notebook with what its code printed, and the pictures that it drew, by their names in the text."""
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in notebook['cells']:
        source = ''.join(cell['source'])
        parts.append(source if cell['cell_type'] == 'markdown' else f'```python\n{source}\n```')
        for output in cell.get('outputs', ()):
            if 'text' in output:
                parts.append(f'```text\n{"".join(output["text"]).strip()}\n```')
            elif picture := output['data'].get('image/png'):
                file = f'{name}_{len(pictures) + 1}.png'
                pictures[file] = base64.b64decode(picture)
                parts.append(f'![What the code draws]({file})')
    return '\n\n'.join(parts), pictures


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to files outside docs/ lead to their pages, or of files that have none say the file's name."""
    inside = page.file.src_uri.startswith(f'{FOLDER}/')
    folder = posixpath.dirname(page.file.src_uri.removeprefix(f'{FOLDER}/') if inside else f'docs/{page.file.src_uri}')

    def replaced(link: re.Match) -> str:
        image, words, target = link.groups()
        if '://' in target or target.startswith('#'):
            return link[0]
        path, _, anchor = target.partition('#')
        place = posixpath.normpath(posixpath.join(folder, path))  # in the repository
        uri = place.removeprefix('docs/') if place.startswith('docs/') else f'{FOLDER}/{place}'
        uri = re.sub(r'\.ipynb$', '.md', uri)
        if place == 'README.md':
            uri, anchor = 'index.md', ''
        if files.get_file_from_path(uri) is None:
            return words if not image and (ROOT / place).exists() else link[0]  # strict: of what is nowhere, a warning
        there = posixpath.relpath(uri, posixpath.dirname(page.file.src_uri) or '.')
        return f'{image}[{words}]({there}{"#" + anchor if anchor else ""})'

    return LINK.sub(replaced, markdown)


class Roles(Extension):
    """Docstrings have Sphinx's roles, and formulas with brackets; here they are names as code, and no links."""

    def on_object(self, *, obj: Object, **arguments) -> None:
        """Turn one docstring into Markdown."""
        if obj.docstring:
            parts = ROLE.sub(r'`\1`', obj.docstring.value).split('`')  # every other one is code
            obj.docstring.value = '`'.join(
                part.replace('[', r'\[') if i % 2 == 0 else part for i, part in enumerate(parts)
            )
