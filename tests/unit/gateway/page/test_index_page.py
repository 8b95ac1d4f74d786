"""`index.html` as it is served: files of one build, one file of styles, inline configuration, preloaded modules."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from gateway.page.index_page import CLASSIC_SCRIPTS, SCRIPTS, STYLE_LINKS, STYLES, PageText, imported_by
from gateway.page.tree import PageTree
from tests.kit.services import ROOT

HOME = f"/b/{'0' * 32}/"
HTML = """<head>
    <link rel="stylesheet" href="static/css/a.css">
    <link rel="stylesheet" href="static/css/b.css">
    <!-- boot -->
    <link rel="modulepreload" href="static/js/later.js">
    <script type="module" src="static/js/main.mjs"></script>
</head><a href="/">home</a><a href="#main">skip</a>
<script type="py" src="app/main.py" config="pyscript.toml"></script>"""
CONFIG = """interpreter = "static/js/main.mjs"
plugins = ["!error"]
[js_modules.main]
"static/js/notify.js" = "notify"
"""


def test_every_file_is_named_in_its_build() -> None:
    page = PageText(HTML, CONFIG).write(HOME, "")
    assert f'src="{HOME}static/js/main.mjs"' in page
    assert f'src="{HOME}app/main.py"' in page
    assert '<a href="/">home</a><a href="#main">' in page
    assert not re.search(r'"(static|app)/', page)


def test_styles_are_one_file() -> None:
    text = PageText(HTML, CONFIG)
    assert STYLE_LINKS.files(HTML) == ["static/css/a.css", "static/css/b.css"]
    page = text.write(HOME, "")
    assert re.findall(r'rel="stylesheet" href="([^"]+)"', page) == [f"{HOME}{STYLES}"]
    assert page.index(STYLES) < page.index("modulepreload")


def test_classic_scripts_are_one_file() -> None:
    html = HTML.replace(
        "<!-- boot -->", '<script src="static/js/a.js"></script>\n    <script src="static/js/b.js"></script>'
    )
    assert CLASSIC_SCRIPTS.files(html) == ["static/js/a.js", "static/js/b.js"]
    page = PageText(html, CONFIG).write(HOME, "")
    assert re.findall(r'<script src="([^"]+)">', page) == [f"{HOME}{SCRIPTS}"]


def test_our_classic_scripts_can_be_one_file(ours: PageText) -> None:
    """A name of one would be a name of all: each is a block."""
    for name in CLASSIC_SCRIPTS.files(ours.html):
        text = re.sub(r"^(//.*)?\n", "", (ROOT / name).read_text("utf-8"), flags=re.MULTILINE)
        assert text.startswith("{\n") and text.endswith("}\n"), name


def test_configuration_is_inline_with_its_paths() -> None:
    page = PageText(HTML, CONFIG).write(HOME, "")
    found = re.search(r'config="([^"]*)"', page)
    assert found
    assert json.loads(unescape(found[1])) == {
        "interpreter": f"{HOME}static/js/main.mjs",
        "plugins": ["!error"],
        "js_modules": {"main": {f"{HOME}static/js/notify.js": "notify"}},
    }


def test_invalid_configuration_is_left_to_pyscript() -> None:
    assert 'config="/pyscript.toml"' in PageText(HTML, "interpreter = ").write(HOME, "")


def test_boot_files_are_named_in_their_place() -> None:
    page = PageText(HTML, CONFIG, ("static/js/part.js",)).write(HOME, '<link id="snapshot">')
    low = f'<link rel="modulepreload" href="{HOME}static/js/part.js" fetchpriority="low">'
    assert f'<link id="snapshot">\n    {low}' in page
    assert "<!-- boot -->" not in page


def test_static_imports_are_found() -> None:
    texts = {
        "static/js/main.mjs": 'import { a } from "./one.js";\nimport "../vendor/two.mjs";\nawait import("./later.js");',
        "static/js/one.js": 'export { b } from "./three.js";\nimport x from "./main.mjs";',
        "static/vendor/two.mjs": 'import{c}from"./four.js";import y from "./missing.js"',
        "static/js/three.js": "",
        "static/vendor/four.js": "",
        "static/js/later.js": "",
    }
    found = imported_by(["static/js/main.mjs"], texts, texts.__getitem__)
    assert found == ("static/js/one.js", "static/vendor/two.mjs", "static/js/three.js", "static/vendor/four.js")


@pytest.fixture(scope="module")
def ours() -> PageText:
    """Return the page of this repository."""
    return PageTree(ROOT).current().page


def test_our_page_names_existing_files(ours: PageText) -> None:
    files = PageTree(ROOT).current().build.files
    page = ours.write(HOME, "")
    named = [name.removeprefix(HOME) for name in re.findall(r'(?:src|href)="(/[^"]+)"', page) if name != "/"]
    assert named
    assert set(named) - set(files) == set()
    preloaded = re.findall(r'rel="modulepreload" href="([^"]+)"', page)
    assert len(preloaded) == len(set(preloaded))


def test_our_styles_can_be_one_file(ours: PageText) -> None:
    """Relative addresses in them would be relative to that file, and an @import counts only at the beginning."""
    on_disk = {f"static/css/{path.name}" for path in (ROOT / "static" / "css").glob("*.css")}
    assert on_disk - {"static/css/login.css", "static/css/alone.css"} < set(
        STYLE_LINKS.files(ours.html)
    )  # of other pages
    for name in STYLE_LINKS.files(ours.html):
        text = (ROOT / name).read_text("utf-8")
        assert not re.search(r"url\((?![\"']?(?:#|data:))|@import|@charset", text), name


def test_our_scripts_name_files_relative_to_themselves() -> None:
    """At another address they would be of another build, or missing."""
    found = [
        path.name
        for folder in ("static/js", "app", "wire")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".js", ".mjs", ".py"}
        and re.search(r"""["'`](/static/|/app\.zip|/app/main)""", path.read_text("utf-8"))
    ]
    assert found == []


def test_first_screen_loads_no_later_files(ours: PageText) -> None:
    loaded = {*ours.modules(), *ours.imported}
    later = {"scripting.js", "script_worker.js", "layout.js", "layout_worker.js"}
    assert {name.rpartition("/")[2] for name in loaded} & later == set()
