"""The page's files as a build, whose key changes with any file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gateway.page.home_screen import ICONS
from gateway.page.index_page import SCRIPTS, STYLES
from gateway.page.languages import INDEX
from gateway.page.tree import ARCHIVE, LOGIN, LOGIN_STYLES, PageTree, digest
from tests.kit.platforms import link
from tests.kit.services import ROOT

FILES = {
    "index.html": '<link rel="stylesheet" href="static/css/b.css"><link rel="stylesheet" href="static/css/a.css">',
    "pyscript.toml": "",
    "app/main.py": "x = 1",
    "app/core/model.py": "y = 1",
    "static/css/a.css": "a {}\n",
    "static/css/b.css": "b {}\n",
    "static/js/grid.js": "let a;",
    "static/locales/pl.po": 'msgid ""\nmsgstr "Language: pl\\nX-Name: Polski\\n"\n\nmsgid "Name"\nmsgstr "Imię"\n',
    LOGIN: '<label data-t>Name</label><noscript><p lang="en" data-t>Name</p></noscript>',
    "static/vendor/mooring.json": "{}",
    "static/vendor/pyodide/pyodide.mjs": "export {}",
    "static/vendor/test/axe.min.js": "let axe;",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a small repository."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret")
    link(tmp_path / "static" / "link.txt", tmp_path / "secret.txt")
    (tmp_path / "static" / ".hidden").write_text("hidden")
    return tmp_path


def test_tree_has_only_files_that_pages_load(root: Path) -> None:
    build = PageTree(root).current().build
    assert set(build.files) == {
        "app/main.py", "static/js/grid.js", "static/locales/pl.mo", "static/vendor/pyodide/pyodide.mjs",
        ARCHIVE, INDEX, LOGIN, LOGIN_STYLES, SCRIPTS, STYLES,
    }  # fmt: skip


def test_every_content_matches_its_digest(root: Path) -> None:
    tree = PageTree(root).current()
    assert set(tree.contents) == set(tree.build.files.values())
    for name, source in tree.contents.items():
        assert digest(source if isinstance(source, bytes) else source.read_bytes()) == name


def test_icons_are_drawn_again_only_when_their_svg_changes(root: Path) -> None:
    svg, icon = root / ICONS[1], root / "static/icons/maskable-512.png"
    svg.parent.mkdir()
    svg.write_bytes((ROOT / ICONS[1]).read_bytes())
    first = PageTree(root).current().build.files
    assert {name for name in first if name.endswith(".png")} == {"static/icons/maskable-512.png"}
    icon.write_bytes(b"kept")
    assert PageTree(root).current().build.files != first
    later = icon.stat().st_mtime + 1
    os.utime(svg, (later, later))
    assert PageTree(root).current().build.files == first


def test_log_in_page_has_one_file_of_styles(root: Path) -> None:
    """Its sources are in no wheel."""
    (root / LOGIN).write_text(
        '<link rel="stylesheet" href="/static/css/a.css"><link rel="stylesheet" href="/static/css/b.css">'
    )
    tree = PageTree(root).current()
    page, styles = (tree.contents[tree.build.files[name]] for name in (LOGIN, LOGIN_STYLES))
    assert isinstance(page, bytes) and page.decode().strip() == f'<link rel="stylesheet" href="/{LOGIN_STYLES}">'
    assert styles == b"/* static/css/a.css */\na {}\n/* static/css/b.css */\nb {}\n"


def test_styles_are_in_the_pages_order(root: Path) -> None:
    tree = PageTree(root).current()
    text = tree.contents[tree.build.files[STYLES]]
    assert text == b"/* static/css/b.css */\nb {}\n/* static/css/a.css */\na {}\n"


def test_languages_are_compiled_and_listed(root: Path) -> None:
    tree = PageTree(root).current()
    listed, login = (tree.contents[tree.build.files[name]] for name in (INDEX, LOGIN))
    assert isinstance(listed, bytes) and isinstance(login, bytes)
    assert json.loads(listed) == {"pl": {"name": "Polski", "path": "pl.mo", "texts": {"Name": "Imię"}}}
    assert '<p lang="pl">Imię</p>' in login.decode()


LOADED = sorted(name for name in FILES if "/test/" not in name and not name.endswith(("mooring.json", ".po")))


@pytest.mark.parametrize("name", LOADED)
def test_each_change_is_another_build(root: Path, name: str) -> None:
    files = PageTree(root)
    first = files.current()
    assert files.current() is first
    (root / name).write_text(FILES[name] + " ")
    changed = files.current()
    assert changed.build.key != first.build.key
    assert changed.build == PageTree(root).current().build
    (root / name).write_text(FILES[name])
    assert files.current().build == first.build


def test_changed_translation_is_another_build(root: Path) -> None:
    files = PageTree(root)
    first = files.current().build
    path = root / "static/locales/pl.po"
    path.write_text(FILES["static/locales/pl.po"].replace("Imię", "Nazwa"), encoding="utf-8")
    changed = files.current().build.files
    assert {name for name in first.files if changed[name] != first.files[name]} == {
        "static/locales/pl.mo",
        INDEX,
        LOGIN,
    }


def test_added_or_removed_file_is_another_build(root: Path) -> None:
    files = PageTree(root)
    first = files.current().build
    (root / "static" / "js" / "more.js").write_text("")
    more = files.current().build
    assert more.files.keys() - first.files.keys() == {"static/js/more.js"}
    (root / "static" / "js" / "more.js").unlink()
    assert files.current().build == first != more


def test_archive_is_made_again_only_when_a_source_changes(root: Path) -> None:
    files = PageTree(root)
    first = files.current().archive
    (root / "static" / "js" / "grid.js").write_text("let b;")
    assert files.current().archive is first
    (root / "app" / "core" / "model.py").unlink()
    assert files.current().archive.sources != first.sources


def test_other_files_change_no_build(root: Path) -> None:
    first = PageTree(root).current().build
    (root / "static" / "vendor" / "test" / "axe.min.js").write_text("let other;")
    (root / "secret.txt").write_text("other")
    assert PageTree(root).current().build == first
