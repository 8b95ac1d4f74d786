"""The first screen without a browser: a page's markup from the gateway's answers alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from app.prerender.drawing import Drawing, ScreenOrder, draw
from app.ui.kit.account import Account
from app.ui.page.regions import REGIONS, digest_of
from demo_comfyui.catalogue import catalogue_of
from gateway.page.languages import locale_files, read_languages
from tests.kit.page.elements import Element, element
from tests.kit.services import ROOT

NODES, FILES = "a" * 64, "b" * 64


@cache
def classes() -> Mapping[str, Any]:
    """Return the node classes of a demo server."""
    catalogue = catalogue_of("0.30.0", "/")
    return {name: catalogue.describe(name, []) for name in catalogue}


def report(*servers: str, **more: Any) -> str:
    """Write the gateway's report of a fleet of demo servers that are healthy."""
    listed = [
        {
            "id": name, "name": name, "address": f"http://{name}:8188", "base": f"/servers/{name}@1", "health": "well",
            "detail": "", "running": 0, "pending": 0, "version": "0.30.0", "demo": True, "jobs": True, "cause": "",
            "catalogue": NODES, "files": FILES,
        }
        for name in servers
    ]  # fmt: skip
    return json.dumps({"v": 1, "person": "", "source": "demo", "servers": listed, **more})


@dataclass
class Answers:
    """A gateway with these answers to GET, and the demo servers' classes."""

    texts: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> tuple[int, str]:
        return (200, self.texts[path]) if path in self.texts else (404, "")

    def classes(self, content: str, names: Collection[str]) -> str:
        known = classes() if content == NODES else {}
        return json.dumps({name: known[name] for name in names if name in known})


@cache
def locales() -> dict[str, bytes]:
    return locale_files(read_languages(ROOT), ())


def read(path: str) -> bytes:
    """Return a file of the page, as a build has it."""
    return locales().get(path) or (ROOT / path).read_bytes()


def drawn(answers: Answers, language: str = "en", account: Account | None = None, workflow: str = "") -> Drawing:
    return asyncio.run(draw(ScreenOrder(language, account or Account(), workflow), answers, read))


def text_of(drawing: Drawing, region: str) -> str:
    markup, _ = drawing.regions[region]
    return element(f"<main>{markup}</main>", "main").text


def prompt_of(drawing: Drawing) -> Element:
    """Return the first input of the form that opens first."""
    markup, _ = drawing.regions["form"]
    return element(markup, "textarea", id="field-1-text")


def test_first_screen_has_form_and_servers_of_the_fleet() -> None:
    drawing = drawn(Answers({"/fleet": report("demo-1", "demo-2")}))
    assert set(drawing.regions) == set(REGIONS)
    assert prompt_of(drawing).text
    assert "There is no model" in text_of(drawing, "form")  # the hint of a class: its catalogue was read
    assert "Runs on demo-1 and demo-2" in text_of(drawing, "standing")
    assert "Only demo-2" in text_of(drawing, "run")
    assert drawing.title == "Mooring"


def test_first_screen_is_in_the_asked_language() -> None:
    assert "文字生成图片" in text_of(drawn(Answers({"/fleet": report("demo-1")}), "zh-CN"), "form")


def test_first_screen_says_that_there_is_no_server() -> None:
    drawing = drawn(Answers({"/fleet": report(source="file")}))
    assert "no server" in text_of(drawing, "notices").lower()


def test_first_screen_without_an_answer_of_the_gateway_is_drawn_too() -> None:
    drawing = drawn(Answers())
    assert prompt_of(drawing).text


def test_first_screen_is_of_the_user_that_the_document_names() -> None:
    mia = Account("mia", has_login=True)
    assert text_of(drawn(Answers({"/fleet": report("demo-1", person="mia")}), account=mia), "notices") == ""
    assert text_of(drawn(Answers({"/fleet": report("demo-1", person="tom")}), account=mia), "notices")


def test_published_workflow_is_drawn_first() -> None:
    listing = {"v": 1, "tag": "t", "files": [{"path": "dunes.json", "size": 9, "tag": "1"}], "left_out": []}
    workflow = (ROOT / "static/workflows/slow.json").read_text("utf-8")
    texts = {
        "/fleet": report("demo-1", workflows="t"), "/workflows": json.dumps(listing), "/workflows/dunes.json": workflow,
    }  # fmt: skip
    assert "dunes" in text_of(drawn(Answers(texts)), "form")
    form, _ = drawn(Answers(texts), workflow="published:dunes.json").regions["form"]
    assert element(form, id="fields-published:dunes.json")


def test_chosen_workflow_is_drawn_with_its_form() -> None:
    form, _ = drawn(Answers({"/fleet": report("demo-1")}), workflow="slow").regions["form"]
    assert element(form, id="fields-slow")
    assert element(form, id="pick-slow").attributes["aria-current"] == "true"


def test_equal_facts_give_equal_drawings_and_digests_name_them() -> None:
    first, second = (drawn(Answers({"/fleet": report("demo-1")})) for _ in range(2))
    assert first == second
    assert all(digest == digest_of(markup) for markup, digest in first.regions.values())
    assert drawn(Answers({"/fleet": report("demo-9")})) != first
