"""The first screen in the document, over a real socket: drawn by a process of its own, and kept."""

from __future__ import annotations

import asyncio
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from gateway.http.servers import ServerId
from gateway.site import first_screens
from tests.kit.gateways import PATIENCE, Running, Upstream, open_gateway, until

DECOMPRESSES = True

PAGE = """<!doctype html><html lang="en" data-tab="form"><head><title>Mooring</title></head><body class="is-booting">
<section id="form"><div class="shapes"><i></i></div></section><div id="run" class="run-bar"></div></body></html>"""
# A stand-in for the page's Python: its drawing says what it was asked for and what it was answered.
PRERENDER = r"""
import html, json, os, sys
for line in sys.stdin:
    order = json.loads(line)
    def ask(question):
        print(json.dumps(question), flush=True)
        return json.loads(sys.stdin.readline())
    fleet = json.loads(ask({"get": "/fleet"})["text"])
    server = fleet["servers"][0]
    known = ask({"classes": server["catalogue"], "names": ["KSampler", "Missing"]})["text"]
    listing = ask({"get": "/workflows"})
    gone = ask({"get": "/workflows/none.json"})
    if order["language"] == "de":
        os._exit(1)
    if order["language"] == "fr":
        print(json.dumps({"error": "no French"}), flush=True)
        continue
    answers = [sorted(json.loads(known)), listing["status"], gone["status"]]
    said = json.dumps([order["language"], order["about"], os.getpid(), *answers, order["workflow"]])
    form = "<p>" + html.escape(said, quote=False) + r" \1</p>"
    drawing = {"form": [form, "d1"], "run": ['<b data-item="slow">1</b>', "d2"]}
    print(json.dumps({"regions": drawing, "title": "A & B"}), flush=True)
"""


def po(language: str) -> str:
    return f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"X-Name: {language}\\n"\n'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Prepare a small repository whose page is drawn by a stand-in."""
    libraries = io.BytesIO()
    with zipfile.ZipFile(libraries, "w") as archive:
        archive.writestr("library.py", "x = 1")
    files = {
        "index.html": PAGE.encode(),
        "app/__init__.py": b'"""."""',
        "app/prerender/__init__.py": b'"""."""',
        "app/prerender/__main__.py": PRERENDER.encode(),
        "static/vendor/python/site.zip": libraries.getvalue(),
        "static/workflows/text.json": b"{}",
        **{f"static/locales/{language}.po": po(language).encode() for language in ("zh_CN", "de", "fr")},
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path


@pytest.fixture
async def drawing_gateway(site: Path, server: Upstream, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    monkeypatch.setattr(first_screens, "PATIENCE", PATIENCE)
    async with open_gateway({"a": server.url}, root=site) as running:
        await until(lambda: running.gateway.state.catalogue(ServerId("a")).nodes)
        yield running


async def load(browser: aiohttp.ClientSession, gateway: Running, path: str = "/", **headers: str) -> str:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with browser.get(gateway.url + path, headers=sent) as reply:
        assert reply.status == 200
        return await reply.text()


def form_of(page: str) -> str:
    found = re.search(r'<section id="form"[^>]*>(.*?)</section>', page, re.DOTALL)
    assert found
    return found[1]


async def test_document_has_the_drawing_and_what_it_was_drawn_from(
    browser: aiohttp.ClientSession, drawing_gateway: Running
) -> None:
    page = await load(browser, drawing_gateway)
    assert '<section id="form" data-drawn="d1"><p>["en", ' in page
    assert r'["KSampler"], 200, 404, ""] \1</p></section>' in page
    assert '<div id="run" class="run-bar" data-drawn="d2"><b data-item="slow">1</b></div>' in page
    assert '<body class="is-drawn is-booting">' in page
    assert "<title>A &amp; B</title>" in page
    assert r'"KSampler": "\"KSampler\":{' in page
    assert '"Missing": ""' in page


async def test_first_visitor_has_a_drawing_too(
    browser: aiohttp.ClientSession, drawing_gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await drawing_gateway.gateway.draw_ahead()
    monkeypatch.setattr(first_screens, "PATIENCE", 0)
    for language in ("en", "zh-CN"):
        assert f'["{language}", ' in form_of(await load(browser, drawing_gateway, f"/?lang={language}"))


@pytest.mark.parametrize(
    ("path", "headers", "language"),
    [
        ("/", {"Accept_Language": "zh-CN,zh;q=0.9,en;q=0.8"}, "zh-CN"),
        ("/", {"Accept_Language": "it, en;q=0.5, zh;q=0.7"}, "zh-CN"),
        ("/", {"Accept_Language": "en", "Cookie": "mooring-language=zh-CN"}, "zh-CN"),
        ("/?lang=en", {"Cookie": "mooring-language=zh-CN"}, "en"),
        ("/", {"Accept_Language": "x;q=bad,,;"}, "en"),
    ],
)
async def test_language_is_that_of_address_cookie_or_browser(
    browser: aiohttp.ClientSession, drawing_gateway: Running, path: str, headers: dict[str, str], language: str
) -> None:
    page = await load(browser, drawing_gateway, path, **headers)
    assert f'<p>["{language}", ' in page
    assert f'lang="{language}"' in page


async def test_drawing_is_kept_while_queues_change_and_made_again_with_the_fleet(
    browser: aiohttp.ClientSession, drawing_gateway: Running
) -> None:
    state, server = drawing_gateway.gateway.state, ServerId("a")
    first, marker = form_of(await load(browser, drawing_gateway)), "again"
    screens = drawing_gateway.gateway._site._first_screens
    state.note(server, replace(state.condition(server), running=3, pending=9))
    assert form_of(await load(browser, drawing_gateway)) == first
    assert len(screens._kept) == 1
    state.note(server, replace(state.condition(server), version=marker))
    await load(browser, drawing_gateway)
    assert len(screens._kept) == 2


async def test_process_that_dies_is_replaced_and_the_page_is_served(
    browser: aiohttp.ClientSession, drawing_gateway: Running
) -> None:
    first = form_of(await load(browser, drawing_gateway))
    page = await load(browser, drawing_gateway, Accept_Language="de")
    assert "shapes" in form_of(page)
    assert "data-drawn" not in page
    second = form_of(await load(browser, drawing_gateway, Accept_Language="zh"))
    assert process_of(first) != process_of(second)


async def test_error_of_a_drawing_leaves_the_skeleton_and_the_process(
    browser: aiohttp.ClientSession, drawing_gateway: Running
) -> None:
    first = form_of(await load(browser, drawing_gateway))
    assert "shapes" in form_of(await load(browser, drawing_gateway, Accept_Language="fr"))
    second = form_of(await load(browser, drawing_gateway, Accept_Language="zh"))
    assert process_of(first) == process_of(second)


async def test_drawing_that_failed_is_tried_again_after_a_while(
    browser: aiohttp.ClientSession, drawing_gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    screens = drawing_gateway.gateway._site._first_screens
    await load(browser, drawing_gateway, Accept_Language="fr")
    process, drawn = screens._process, list[object]()
    assert process is not None
    draw = process[1].draw
    monkeypatch.setattr(process[1], "draw", lambda *facts: drawn.append(facts) or draw(*facts))
    await load(browser, drawing_gateway, Accept_Language="fr")
    assert drawn == []
    screens._resting.clear()  # as a minute later
    await load(browser, drawing_gateway, Accept_Language="fr")
    assert len(drawn) == 1


async def test_document_has_a_chosen_workflow_that_is_offered(
    browser: aiohttp.ClientSession, drawing_gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_screens, "PATIENCE", 0.0)  # as long as the page is not shown
    screens = drawing_gateway.gateway._site._first_screens
    assert '"slow"]' in form_of(await load(browser, drawing_gateway, "/?workflow=slow"))
    for unknown in ("unknown", "slow%22", "../slow"):
        assert '""]' in form_of(await load(browser, drawing_gateway, f"/?workflow={unknown}"))
    assert len(screens._kept) == 2


async def test_document_does_not_wait_for_a_slow_drawing(
    browser: aiohttp.ClientSession, drawing_gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_screens, "PATIENCE", 0.0)
    assert "shapes" in form_of(await load(browser, drawing_gateway))
    await until(lambda: drawing_gateway.gateway._site._first_screens._kept)
    assert '["en", ' in form_of(await load(browser, drawing_gateway))


async def test_process_ends_with_the_gateway(site: Path, server: Upstream, browser: aiohttp.ClientSession) -> None:
    async with open_gateway({"a": server.url}, root=site) as running:
        await until(lambda: running.gateway.state.catalogue(ServerId("a")).nodes)
        await until(lambda: _is_drawn(browser, running))
        process = running.gateway._site._first_screens._process
    assert process is not None
    assert not process[1].is_running


async def _is_drawn(browser: aiohttp.ClientSession, gateway: Running) -> bool:
    return "data-drawn" in await load(browser, gateway)


async def test_two_gateways_share_the_unpacked_page(
    site: Path, server: Upstream, browser: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_screens, "PATIENCE", PATIENCE)
    async with open_gateway({"a": server.url}, root=site) as one, open_gateway({"a": server.url}, root=site) as two:
        pages = await asyncio.gather(load(browser, one), load(browser, two))
    assert all("data-drawn" in page for page in pages)
    assert len(list((site / ".mooring" / "page-python").iterdir())) == 1


def process_of(form: str) -> int:
    """Return the id of the process that has drawn this."""
    return int(json.loads(form.removeprefix("<p>").removesuffix(r" \1</p>"))[2])
