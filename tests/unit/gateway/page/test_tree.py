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
def small_repository(tmp_path: Path) -> Path:
    """Return a small repository."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret")
    link(tmp_path / "static" / "link.txt", tmp_path / "secret.txt")
    (tmp_path / "static" / ".hidden").write_text("hidden")
    return tmp_path


def test_tree_has_only_files_that_pages_load(small_repository: Path) -> None:
    build = PageTree(small_repository).current().build
    assert set(build.files) == {
        "app/main.py", "static/js/grid.js", "static/locales/pl.mo", "static/vendor/pyodide/pyodide.mjs",
        ARCHIVE, INDEX, LOGIN, LOGIN_STYLES, SCRIPTS, STYLES,
    }  # fmt: skip


def test_every_content_matches_its_digest(small_repository: Path) -> None:
    tree = PageTree(small_repository).current()
    assert set(tree.contents) == set(tree.build.files.values())
    for name, source in tree.contents.items():
        assert digest(source if isinstance(source, bytes) else source.read_bytes()) == name


def test_icons_are_drawn_again_only_when_their_svg_changes(small_repository: Path) -> None:
    svg, icon = small_repository / ICONS[1], small_repository / "static/icons/maskable-512.png"
    svg.parent.mkdir()
    svg.write_bytes((ROOT / ICONS[1]).read_bytes())
    first = PageTree(small_repository).current().build.files
    assert {name for name in first if name.endswith(".png")} == {"static/icons/maskable-512.png"}
    icon.write_bytes(b"kept")
    assert PageTree(small_repository).current().build.files != first
    later = icon.stat().st_mtime + 1
    os.utime(svg, (later, later))
    assert PageTree(small_repository).current().build.files == first


def test_log_in_page_has_one_file_of_styles(small_repository: Path) -> None:
    """Its sources are in no wheel."""
    (small_repository / LOGIN).write_text(
        '<link rel="stylesheet" href="/static/css/a.css"><link rel="stylesheet" href="/static/css/b.css">'
    )
    tree = PageTree(small_repository).current()
    page, styles = (tree.contents[tree.build.files[name]] for name in (LOGIN, LOGIN_STYLES))
    assert isinstance(page, bytes) and page.decode().strip() == f'<link rel="stylesheet" href="/{LOGIN_STYLES}">'
    assert styles == b"/* static/css/a.css */\na {}\n/* static/css/b.css */\nb {}\n"


def test_styles_are_in_the_pages_order(small_repository: Path) -> None:
    tree = PageTree(small_repository).current()
    text = tree.contents[tree.build.files[STYLES]]
    assert text == b"/* static/css/b.css */\nb {}\n/* static/css/a.css */\na {}\n"


def test_languages_are_compiled_and_listed(small_repository: Path) -> None:
    tree = PageTree(small_repository).current()
    listed, login = (tree.contents[tree.build.files[name]] for name in (INDEX, LOGIN))
    assert isinstance(listed, bytes) and isinstance(login, bytes)
    assert json.loads(listed) == {"pl": {"name": "Polski", "path": "pl.mo", "texts": {"Name": "Imię"}}}
    assert '<p lang="pl">Imię</p>' in login.decode()


LOADED = sorted(name for name in FILES if "/test/" not in name and not name.endswith(("mooring.json", ".po")))


@pytest.mark.parametrize("name", LOADED)
def test_each_change_is_another_build(small_repository: Path, name: str) -> None:
    files = PageTree(small_repository)
    first = files.current()
    assert files.current() is first
    (small_repository / name).write_text(FILES[name] + " ")
    changed = files.current()
    assert changed.build.key != first.build.key
    assert changed.build == PageTree(small_repository).current().build
    (small_repository / name).write_text(FILES[name])
    assert files.current().build == first.build


def test_changed_translation_is_another_build(small_repository: Path) -> None:
    files = PageTree(small_repository)
    first = files.current().build
    path = small_repository / "static/locales/pl.po"
    path.write_text(FILES["static/locales/pl.po"].replace("Imię", "Nazwa"), encoding="utf-8")
    changed = files.current().build.files
    assert {name for name in first.files if changed[name] != first.files[name]} == {
        "static/locales/pl.mo",
        INDEX,
        LOGIN,
    }


def test_added_or_removed_file_is_another_build(small_repository: Path) -> None:
    files = PageTree(small_repository)
    first = files.current().build
    (small_repository / "static" / "js" / "more.js").write_text("")
    more = files.current().build
    assert more.files.keys() - first.files.keys() == {"static/js/more.js"}
    (small_repository / "static" / "js" / "more.js").unlink()
    assert files.current().build == first != more


def test_archive_is_made_again_only_when_a_source_changes(small_repository: Path) -> None:
    files = PageTree(small_repository)
    first = files.current().archive
    (small_repository / "static" / "js" / "grid.js").write_text("let b;")
    assert files.current().archive is first
    (small_repository / "app" / "core" / "model.py").unlink()
    assert files.current().archive.sources != first.sources


def test_other_files_change_no_build(small_repository: Path) -> None:
    first = PageTree(small_repository).current().build
    (small_repository / "static" / "vendor" / "test" / "axe.min.js").write_text("let other;")
    (small_repository / "secret.txt").write_text("other")
    assert PageTree(small_repository).current().build == first
