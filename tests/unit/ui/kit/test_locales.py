"""Every text of the page is in the catalogue, and the catalogue has nothing else."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import polib
import pytest

from tests.kit.page.stills import ROOT

PAGES = ("index.html", "static/login.html", "static/home/away.html")
Message = tuple[str, str]  # msgid and plural
CATALOGUE = polib.pofile(str(ROOT / "static/locales/zh_CN.po"))
CATALOGUES = {path.stem: polib.pofile(str(path)) for path in sorted((ROOT / "static/locales").glob("*.po"))}

in_each = pytest.mark.parametrize("catalogue", CATALOGUES.values(), ids=CATALOGUES.keys())


def _calls() -> Iterator[tuple[str, ast.Call, bool]]:
    """Return each `_(…)` and `_.plural(…)` of the page's Python."""
    for path in (*sorted((ROOT / "app/ui").rglob("*.py")), ROOT / "wire/server_words.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="_")):
                    yield f"{path.name}:{node.lineno}", node, False
                case ast.Call(func=ast.Attribute(value=ast.Name(id="_"), attr="plural")):
                    yield f"{path.name}:{node.lineno}", node, True


def _in_code() -> Iterator[Message]:
    for _place, call, is_plural in _calls():
        texts = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
        yield str(texts[0]), str(texts[1]) if is_plural else ""


def _in_samples() -> Iterator[Message]:
    for path in sorted((ROOT / "static/workflows").glob("*.json")):
        sample = json.loads(path.read_text(encoding="utf-8"))
        texts = [sample["title"], sample["about"]]
        texts += [node["_meta"]["title"] for node in sample["workflow"].values()]
        for item in sample["fields"]:
            texts += [item["label"], item.get("hint", ""), *(option["label"] for option in item.get("options", ()))]
        yield from ((text, "") for text in texts if text)


class _Shell(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._is_marked = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_marked = "data-t" in dict(attrs)

    def handle_data(self, data: str) -> None:
        if self._is_marked and data.strip():
            self.texts.append(data.strip())


def _in_shell() -> Iterator[Message]:
    for name in PAGES:
        shell = _Shell()
        shell.feed((ROOT / name).read_text(encoding="utf-8"))
        yield from ((text, "") for text in shell.texts)


def _forms(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) or [entry.msgstr]


def _messages() -> set[Message]:
    return {*_in_code(), *_in_samples(), *_in_shell()}


def test_messages_in_code_are_plain_strings() -> None:
    """A text built at run time cannot be collected, so it would never be translated."""
    bad = [
        place
        for place, call, is_plural in _calls()
        if not all(
            isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            for argument in call.args[: 2 if is_plural else 1]
        )
    ]
    assert not bad


def test_no_message_is_missing_or_fuzzy_in_chinese() -> None:
    translated = {(entry.msgid, entry.msgid_plural) for entry in CATALOGUE.translated_entries()}
    assert not _messages() - translated


@in_each
def test_the_catalogue_has_no_message_that_nothing_shows(catalogue: polib.POFile) -> None:
    known = {(entry.msgid, entry.msgid_plural) for entry in catalogue}
    assert not known - _messages()


@in_each
def test_translations_fill_the_same_placeholders(catalogue: polib.POFile) -> None:
    holes = re.compile(r"\{\w+\}")
    wrong = [
        entry.msgid
        for entry in catalogue
        if any(set(holes.findall(form)) != set(holes.findall(entry.msgid)) for form in _forms(entry))
    ]
    assert not wrong


def test_translations_are_chinese() -> None:
    han = re.compile(r"[\u4e00-\u9fff]")
    same = {"{width} × {height}", "at {time}", "{first}; {rest}", "{first}, {rest}", "{items}, {item}"}
    left = [entry.msgid for entry in CATALOGUE if entry.msgid not in same and not han.search(_forms(entry)[0])]
    assert not left


@pytest.mark.parametrize("name", PAGES)
def test_html_has_no_text_outside_the_catalogue(name: str) -> None:
    """All texts are marked for translation, except the name."""

    class Unmarked(_Shell):
        def __init__(self) -> None:
            super().__init__()
            self.stack: list[bool] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            facts = dict(attrs)
            free = "data-t" in facts or facts.get("translate") == "no" or tag in {"title", "script"}
            if tag not in {"meta", "link", "use", "input", "img"}:
                self.stack.append((free and tag != "html") or (bool(self.stack) and self.stack[-1]))

        def handle_endtag(self, tag: str) -> None:
            if tag not in {"meta", "link", "use", "input", "img"}:
                self.stack.pop()

        def handle_data(self, data: str) -> None:
            if data.strip() and not self.stack[-1]:
                self.texts.append(data.strip())

    shell = Unmarked()
    shell.feed((ROOT / name).read_text(encoding="utf-8"))
    assert shell.texts == []
