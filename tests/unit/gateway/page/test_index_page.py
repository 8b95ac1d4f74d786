"""`index.html` as it goes out: files of one build, one file of styles, the configuration in place, modules named."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from gateway.page.index_page import STYLES, PageText, imported_by
from gateway.page.tree import PageTree
from tests.services import ROOT

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


def test_every_file_is_named_in_its_build_and_nothing_else_is_touched() -> None:
    page = PageText(HTML, CONFIG).write(HOME, "")
    assert f'src="{HOME}static/js/main.mjs"' in page
    assert f'src="{HOME}app/main.py"' in page
    assert '<a href="/">home</a><a href="#main">' in page
    assert not re.search(r'"(static|app)/', page)


def test_the_styles_are_one_file_in_the_place_of_the_first() -> None:
    text = PageText(HTML, CONFIG)
    assert text.styles() == ["static/css/a.css", "static/css/b.css"]
    page = text.write(HOME, "")
    assert re.findall(r'rel="stylesheet" href="([^"]+)"', page) == [f"{HOME}{STYLES}"]
    assert page.index(STYLES) < page.index("modulepreload")


def test_the_configuration_goes_along_with_its_paths() -> None:
    page = PageText(HTML, CONFIG).write(HOME, "")
    found = re.search(r'config="([^"]*)"', page)
    assert found
    assert json.loads(unescape(found[1])) == {
        "interpreter": f"{HOME}static/js/main.mjs",
        "plugins": ["!error"],
        "js_modules": {"main": {f"{HOME}static/js/notify.js": "notify"}},
    }


def test_one_that_cannot_be_read_is_left_to_pyscript() -> None:
    assert 'config="/pyscript.toml"' in PageText(HTML, "interpreter = ").write(HOME, "")


def test_what_boot_needs_is_named_in_its_place() -> None:
    page = PageText(HTML, CONFIG, ("static/js/part.js",)).write(HOME, '<link id="snapshot">')
    low = f'<link rel="modulepreload" href="{HOME}static/js/part.js" fetchpriority="low">'
    assert f'<link id="snapshot">\n    {low}' in page
    assert "<!-- boot -->" not in page


def test_modules_are_found_as_far_as_they_are_imported_at_once() -> None:
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
    """The page of this repository."""
    return PageTree(ROOT).current().page


def test_our_page_names_files_that_are_there(ours: PageText) -> None:
    files = PageTree(ROOT).current().build.files
    page = ours.write(HOME, "")
    named = [name.removeprefix(HOME) for name in re.findall(r'(?:src|href)="(/[^"]+)"', page) if name != "/"]
    assert named
    assert set(named) - set(files) == set()
    preloaded = re.findall(r'rel="modulepreload" href="([^"]+)"', page)
    assert len(preloaded) == len(set(preloaded))


def test_our_styles_can_be_one_file(ours: PageText) -> None:
    """What they name would be looked for beside that file, and an @import counts at the beginning only."""
    on_disk = {f"static/css/{path.name}" for path in (ROOT / "static" / "css").glob("*.css")}
    assert on_disk - {"static/css/login.css"} < set(ours.styles())  # a page of its own
    for name in ours.styles():
        text = (ROOT / name).read_text("utf-8")
        assert not re.search(r"url\((?![\"']?(?:#|data:))|@import|@charset", text), name


def test_our_scripts_name_their_files_by_where_they_are_themselves() -> None:
    """At another address they would be of another build, or none."""
    found = [
        path.name
        for folder in ("static/js", "app", "wire")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".js", ".mjs", ".py"}
        and re.search(r"""["'`](/static/|/app\.zip|/app/main)""", path.read_text("utf-8"))
    ]
    assert found == []


def test_the_first_screen_asks_for_nothing_of_what_opens_later(ours: PageText) -> None:
    at_once = {*ours.modules(), *ours.imported}
    later = {"scripting.js", "script_worker.js", "layout.js", "layout_worker.js"}
    assert {name.rpartition("/")[2] for name in at_once} & later == set()
