"""The page's table of actions, against everything that names one: markup, commands, shortcuts and JavaScript.

The markup that other tests of `tests/unit/ui` render is checked too (`tests/unit/ui/conftest.py`).
"""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import cache

import pytest

from app.ui.commands.shortcuts import SINGLE
from app.ui.kit.commands import Manner
from app.ui.kit.projection import PageView
from app.ui.settings.account import Attendance
from app.ui.settings.account_actions import Team
from tests.kit.page.crowd import crowded
from tests.kit.page.markup_actions import DROPPED, EVENTS, declared, fact_of, problem, problems
from tests.kit.page.stills import ROOT, MemoryScreen
from tests.unit.ui.commands.test_palette import FULL, OTHER, UNBOUNDED, offered
from tests.unit.ui.fleet.test_admin import MemoryFleetAdmin
from tests.unit.ui.page.test_page import opened
from tests.unit.ui.results.test_folder import MemoryFolder
from tests.unit.ui.settings.test_account import ALICE, MemoryLogin
from tests.unit.ui.tray.test_tray import MemoryTray

PYTHON = sorted((ROOT / "app/ui").rglob("*.py"))  # with the compiled templates, in which buttons are calls
TEMPLATES = [*sorted((ROOT / "app/ui").rglob("*.html")), ROOT / "index.html"]
SCRIPTS = sorted((ROOT / "static/js").glob("*.js"))
FIELD = {"value", "checked"}  # facts of every event
BUTTONS = ("action_button", "icon_button")
NAMES = {f"data-{event}" for event in EVENTS}
IN_TAG = re.compile(rf'<[a-z][^<>]*\sdata-(?:{"|".join(EVENTS)})="[\w-]+"[^<>]*>')
IN_SCRIPT = re.compile(
    r'\b(?:onAction|callback|act|tellHold)\(([^,()]*),\s*((?:"\{\}"|\{|JSON)[^;]*)|detail: \{ name: ("[^"]*")'
)


@dataclass(frozen=True)
class Use:
    """A place in the sources that may name an action; the facts that it gives; whether it may give others."""

    names: tuple[str, ...]
    facts: Set[str]
    is_open: bool = False


def _in_python() -> Iterator[Use]:
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield _of_call(node)
            elif isinstance(node, ast.Dict):
                keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
                named = [value for key, value in zip(keys, node.values, strict=True) if key in NAMES]
                given = frozenset(fact_of(key) for key in keys if isinstance(key, str) and key.startswith("data-"))
                yield Use(tuple(name for value in named for name in _texts(value)), given, is_open=True)


def _of_call(node: ast.Call) -> Use:
    """A button, or an element with its attributes; the names of attributes may be given as a dict."""
    keys = {item.arg.rstrip("_").replace("_", "-"): item.value for item in node.keywords if item.arg}
    is_open = len(keys) < len(node.keywords) or any(not isinstance(item, ast.Constant) for item in node.args)
    match node:
        case ast.Call(func=ast.Name(id=name), args=[_, action, *_]) if name in BUTTONS:
            is_open = len(keys) < len(node.keywords)
            return Use(tuple(_texts(action)), frozenset(map(fact_of, keys)), is_open)
    named = [value for key, value in keys.items() if key in NAMES]
    given = frozenset(fact_of(key) for key in keys if key.startswith("data-"))
    return Use(tuple(name for value in named for name in _texts(value)), given, is_open)


def _texts(value: ast.expr) -> Iterator[str]:
    """Return the texts that an expression may have."""
    match value:
        case ast.Constant(str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one)
            yield from _texts(other)


def _in_templates() -> Iterator[Use]:
    for path in TEMPLATES:
        text = path.read_text(encoding="utf-8")
        for tag in IN_TAG.findall(text):
            facts = dict(re.findall(r'\sdata-([\w-]+)(?:="([^"]*)")?', tag))
            names = tuple(facts[event] for event in EVENTS if re.fullmatch(r"[\w-]+", facts.get(event, "")))
            dropped = DROPPED if "drag" in facts else frozenset[str]()
            yield Use(names, dropped.union(map(fact_of, facts)), is_open="data(" in tag)


def _in_scripts() -> Iterator[Use]:
    for path in SCRIPTS:
        for first, facts, name in IN_SCRIPT.findall(path.read_text(encoding="utf-8")):
            given = re.findall(r"[{,] ?(\w+)(?=[:, }])", facts)
            yield Use(tuple(re.findall(r'"([\w-]+)"', first or name)), frozenset(given), is_open=not facts)


@cache
def uses() -> tuple[Use, ...]:
    """Yield every place in the page's sources that names an action, or gives facts to one."""
    return (*_in_python(), *_in_templates(), *_in_scripts())


async def test_page_has_every_declared_action() -> None:
    team = Team(Attendance(ALICE), MemoryLogin(), MemoryFleetAdmin())  # type: ignore[arg-type]
    page, _session = await opened(MemoryScreen(), team=team, folder=MemoryFolder(), tray=MemoryTray({}))
    assert set(page.actions.actions) == set(declared())
    assert len(declared()) > 150


def test_every_name_has_an_owner() -> None:
    named = {name for use in uses() for name in use.names}
    assert named - set(declared()) == set()
    assert {"run", "cancel", "edit", "album-pick", "press-key", "script-state", "open-text"} <= named


def test_every_action_is_named_somewhere() -> None:
    texts = "\n".join(path.read_text(encoding="utf-8") for path in (*PYTHON, *TEMPLATES, *SCRIPTS))
    sources = re.sub(r'(@action\(|opens=)"[\w-]+"', "", texts)
    assert [name for name in declared() if f'"{name}"' not in sources] == []


def test_every_place_gives_the_facts_that_are_read() -> None:
    missing = [
        (name, item.fact)
        for use in uses()
        for name in use.names
        for item in declared()[name].parameters
        if item.is_required and item.fact not in use.facts | FIELD and not use.is_open
    ]
    assert missing == []


def test_every_fact_is_given_somewhere() -> None:
    """A misspelled optional fact would never be noticed."""
    given = {fact for use in uses() for fact in use.facts} | FIELD
    read = {item.fact for found in declared().values() for item in found.parameters}
    assert read - given == set()


@pytest.mark.parametrize("page", [FULL, OTHER, UNBOUNDED])
def test_every_command_is_an_action_with_its_facts(page: PageView) -> None:
    for command in offered(page):
        if command.manner is Manner.ACT:
            declared()[command.action].read(dict(command.facts))


def test_every_shortcut_has_a_command() -> None:
    assert set(SINGLE.values()) <= {command.command_id for command in offered()}


@pytest.mark.parametrize(
    ("tag", "complaint"),
    [
        ('<button data-action="strange">', "strange"),
        ('<select data-change="strange">', "strange"),
        ('<input data-input="strange">', "strange"),
        ('<button data-action="cancel">', "promptId"),
        ('<button data-action="cancel" data-promptid="p">', "promptId"),
        ('<button data-action="open-picture" data-prompt-id="p" data-index="first">', "index"),
        ('<input data-change="choose-setting" data-setting="wings" value="pink">', "wings"),
        ('<button data-action="cancel" data-prompt-id="p">', ""),
        ('<select data-change="where">', ""),
    ],
)
def test_wrong_markup_is_found(tag: str, complaint: str) -> None:
    assert complaint in problem(tag)
    assert bool(problem(tag)) is bool(complaint)


def test_markup_of_a_crowded_page_is_right() -> None:
    assert [found for markup in crowded().values() for found in problems(markup)] == []


async def test_unknown_action_is_logged_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    page, _session = await opened(MemoryScreen())
    before = page.ui
    with caplog.at_level(logging.ERROR, "mooring.ui"):
        page.actions.act("strange", {})
        page.actions.act("open-picture", {"promptId": "p"})
    assert ["strange" in caplog.text, "'index'" in caplog.text, page.ui is before] == [True, True, True]
