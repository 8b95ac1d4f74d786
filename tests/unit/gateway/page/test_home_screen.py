"""The manifest, the service worker and the page that it shows, as they are served."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from PIL import Image

from gateway.page.home_screen import (
    AWAY,
    DRAWN_ICONS,
    ICONS,
    MANIFEST,
    TOUCH_ICON,
    WORKER,
    away_page,
    manifest_text,
    worker_text,
)
from gateway.page.languages import compile_catalogue
from gateway.page.tree import PageTree, text_of
from tests.kit.services import ROOT

HTML = "<!-- policy --><!-- style --><!-- icon --><p data-t>Away</p><!-- texts --><!-- script -->"
POLISH = 'msgid ""\nmsgstr "Language: pl\\nX-Name: Polski\\n"\n\nmsgid "Away"\nmsgstr "</script>Z dala"\n'


def hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.fixture(scope="module")
def away() -> str:
    """Return the page as a build has it."""
    return text_of(PageTree(ROOT).current(), AWAY)


def test_away_page_needs_no_other_file(away: str) -> None:
    assert not re.findall(r"\b(?:src|href)=|url\(|@import|\bimport\b", away)
    assert "<!-- " not in away


def test_away_page_allows_only_its_own_script_and_style(away: str) -> None:
    policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', away)[0]
    (style,), (script,) = (
        re.findall(r"<style>(.*?)</style>", away, re.S),
        re.findall(r"<script>(.*?)</script>", away, re.S),
    )
    assert policy == (
        f"default-src 'none'; script-src {hash_of(script)}; style-src {hash_of(style)}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'"
    )


def test_away_page_has_its_texts_in_each_language() -> None:
    page = away_page(HTML, [compile_catalogue("pl", POLISH)], lambda name: f"/* {name} */").decode()
    (texts,) = re.findall(r'<script type="application/json" id="away-texts">(.*?)</script>', page)
    assert json.loads(texts) == {"pl": {"Away": "</script>Z dala"}}


def test_worker_is_another_text_for_each_build() -> None:
    assert worker_text("rest", "/b/1/") == 'const HOME = "/b/1/";\nrest'


def test_manifest_has_an_icon_for_each_purpose() -> None:
    tree = PageTree(ROOT).current()
    manifest = json.loads(manifest_text(text_of(tree, MANIFEST), "/"))
    assert [(icon["purpose"], icon["src"]) for icon in manifest["icons"][:2]] == [
        ("any", f"/{ICONS[0]}"),
        ("maskable", f"/{ICONS[1]}"),
    ]
    assert {*ICONS, *DRAWN_ICONS} <= set(tree.build.files)
    assert (manifest["id"], manifest["start_url"], manifest["display"]) == ("/", "./", "standalone")


def test_drawn_icons_have_the_sizes_that_are_named() -> None:
    tree = PageTree(ROOT).current()
    named = json.loads(text_of(tree, MANIFEST))["icons"][2:]
    assert {(icon["src"], icon["sizes"], icon["purpose"]) for icon in named} == {
        (name, f"{size}x{size}", "maskable" if source == ICONS[1] else "any")
        for name, (source, size) in DRAWN_ICONS.items()
        if name != TOUCH_ICON
    }
    assert f'rel="apple-touch-icon" href="{TOUCH_ICON}"' in tree.page.html
    for name, (_source, size) in DRAWN_ICONS.items():
        with Image.open(ROOT / name) as icon:
            assert (icon.format, icon.size) == ("PNG", (size, size))
            assert (icon.mode == "RGB") == (name == TOUCH_ICON or "maskable" in name)


def test_worker_shares_limits_with_the_page() -> None:
    """The worker cannot import them."""
    worker = (ROOT / WORKER).read_text("utf-8")
    page, store = ((ROOT / "app" / name).read_text("utf-8") for name in ("ui/page/page.py", "browser/blob_store.py"))
    most = re.findall(r"^MOST_BY_ONE = (\d+)", page, re.M)
    assert re.findall(r"^const MOST_FILES = (\d+);", worker, re.M) == most
    bound = re.findall(r"^INPUTS_BOUND = ([\d* ]+\d)", store, re.M)
    assert re.findall(r"^const MOST_BYTES = ([\d* ]+);", worker, re.M) == bound
