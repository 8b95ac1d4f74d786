"""The page's present files, by the path that pages request, and a key for all of them together.

Generated files are `app.zip`, all styles of a page as one file, its scripts joined to a few, the login page, the page
of the service worker, and the compiled catalogues with their list. Icons are drawn into the tree, as templates are
compiled there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.page import icon_png, templates
from gateway.page.archive import PACKAGES, Archive, make_archive
from gateway.page.home_screen import AWAY, DRAWN_ICONS, PARTS, away_page, drawn_icon
from gateway.page.index_page import CLASSIC_SCRIPTS, CONFIG, SCRIPTS, STYLE_LINKS, STYLES, PageText, imported_by
from gateway.page.joining import Join, join_modules, only_joined
from gateway.page.languages import FOLDER as LOCALES
from gateway.page.languages import Language, for_no_script, locale_files, read_languages
from gateway.whole_file import PUBLIC, write_whole

LENGTH = 32  # of a digest, in characters
ARCHIVE = "app.zip"
LOGIN, LOGIN_STYLES = "static/login.html", "static/login.css"
MAIN = "app/main.py"
PAGE = "index.html"
_SOURCES = tuple(f"{package}/" for package in PACKAGES)
# Styles of a page are in one file, catalogues are compiled, the tests' tools have a path of their own, and the
# records of set-up are not for pages.
LEFT_OUT = (
    "static/css/", PARTS, f"{LOCALES}/", "static/vendor/licences/", "static/vendor/mooring.json",
    "static/vendor/rollup/", "static/vendor/test/",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Build:
    """A key for what the page loads, and the digest of each of its paths."""

    key: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tree:
    """The page's files, as they were read."""

    build: Build
    contents: Mapping[str, Path | bytes]  # by digest
    page: PageText
    archive: Archive


class PageTree:
    """The files below the repository's root that belong to the page, current as of each call."""

    is_fixed = False

    def __init__(self, root: Path, join: Join | None = None) -> None:
        self._root = root
        self._join = join
        self._archive = Archive(b"", "", "")
        self._seen: dict[str, tuple[int, int]] = {}  # the files that the tree was made from
        self._digests: dict[str, str] = {}
        self._tree: Tree | None = None

    def current(self) -> Tree:
        """Return the present files. Reads files: call it in one thread at a time."""
        if self._tree is not None and _files(self._root) == self._seen:
            return self._tree
        self._draw_icons()
        templates.update(self._root)
        seen = _files(self._root)  # before they are read: what changes meanwhile is seen at the next call
        changed = {name for name, _state in seen.items() ^ self._seen.items()}
        if self._tree is None or any(name.startswith(_SOURCES) for name in changed):
            self._archive = make_archive(self._root)
        digests = {
            name: digest((self._root / name).read_bytes()) if name in changed else self._digests[name]
            for name in seen
            if name.startswith("static/") or name in (PAGE, CONFIG, MAIN)
        }
        self._tree = self._read(digests)
        self._seen, self._digests = seen, digests
        return self._tree

    def _draw_icons(self) -> None:
        """Draw the icons whose SVG has changed since they were drawn, or never were: it takes a third of a start."""
        drawing = Path(icon_png.__file__).stat().st_mtime_ns
        for name, (source, _size) in DRAWN_ICONS.items():
            svg, icon = self._root / source, self._root / name
            if not svg.is_file() or (
                icon.is_file() and icon.stat().st_mtime_ns >= max(drawing, svg.stat().st_mtime_ns)
            ):
                continue
            write_whole(icon, drawn_icon(name, svg.read_text("utf-8")), PUBLIC)

    def _read(self, all_digests: Mapping[str, str]) -> Tree:
        digests = dict(all_digests)
        languages, html = read_languages(self._root), {name: self._text(name) for name in (PAGE, LOGIN)}
        page = PageText(for_no_script(html[PAGE], languages), self._text(CONFIG))
        joined = join_modules(page.modules(), digests, self._join)
        made = {ARCHIVE: self._archive.data, **self._made(html, languages)}
        made |= {name: text.encode() for name, text in joined.files.items()}
        own = {name: digests.pop(name, "") for name in (PAGE, CONFIG)}
        files = {
            name: content for name, content in digests.items() if name not in made and not name.startswith(LEFT_OUT)
        }
        only_whole = {*CLASSIC_SCRIPTS.files(html[PAGE])} - {*CLASSIC_SCRIPTS.files(html[LOGIN])}
        for name in only_joined(joined, files, self._text) | (only_whole & files.keys()):
            del files[name]
        contents: dict[str, Path | bytes] = {content: self._root / name for name, content in files.items()}
        for name, data in made.items():
            files[name] = digest(data)
            contents[files[name]] = data
        key = digest(json.dumps([own, files], sort_keys=True).encode())
        imported = imported_by(page.modules(), files, lambda name: joined.files.get(name) or self._text(name))
        return Tree(Build(key, files), contents, replace(page, imported=imported), self._archive)

    def _made(self, html: Mapping[str, str], languages: Sequence[Language]) -> dict[str, bytes]:
        """Return the files that are made from texts, by their paths."""
        made = {
            STYLES: self._whole(STYLE_LINKS.files(html[PAGE])),
            SCRIPTS: self._whole(CLASSIC_SCRIPTS.files(html[PAGE])),
            **locale_files(languages, html.values()),
        }
        if html[LOGIN]:
            login = for_no_script(STYLE_LINKS.as_one(html[LOGIN], f"/{LOGIN_STYLES}"), languages)
            made |= {LOGIN: login.encode(), LOGIN_STYLES: self._whole(STYLE_LINKS.files(html[LOGIN]))}
        if away := self._text(AWAY):
            made[AWAY] = away_page(away, languages, self._text)
        return made

    def _whole(self, names: Iterable[str]) -> bytes:
        """Return stylesheets, or classic scripts, as one."""
        return "".join(f"/* {name} */\n{self._text(name)}" for name in names).encode()

    def _text(self, name: str) -> str:
        try:
            return (self._root / name).read_text("utf-8")
        except OSError:
            return ""


def _files(root: Path) -> dict[str, tuple[int, int]]:
    """Return when each file was changed, and its size; several times faster than by paths, since pages wait for it."""
    found, folders = {}, ["static", *PACKAGES]
    for name in (PAGE, CONFIG):
        with suppress(OSError):
            stat = (root / name).stat()
            found[name] = (stat.st_mtime_ns, stat.st_size)
    for folder in folders:  # it grows
        with suppress(OSError), os.scandir(root / folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name == "__pycache__" or entry.is_symlink():
                    continue
                name = f"{folder}/{entry.name}"
                if entry.is_dir():
                    folders.append(name)
                    continue
                try:
                    stat = entry.stat()
                except OSError:  # deleted meanwhile
                    continue
                found[name] = (stat.st_mtime_ns, stat.st_size)
    return found


def text_of(tree: Tree, path: str) -> str:
    """Return the text of a file of the build; empty if it has none. Reads a file."""
    source = tree.contents.get(tree.build.files.get(path, ""), b"")
    return (source.read_bytes() if isinstance(source, Path) else source).decode()


def digest(data: bytes) -> str:
    """Return a digest of a content."""
    return hashlib.sha256(data).hexdigest()[:LENGTH]
