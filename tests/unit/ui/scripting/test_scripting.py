"""The drawer of the scripting console: its markup, the ways to open it, and its examples in the document."""

from __future__ import annotations

import ast
import json
import re

import pytest

from app.scripting.mooring import CALLS
from app.ui.commands.commands import key_of
from app.ui.commands.shortcuts import SINGLE
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView
from app.ui.kit.state import UiState
from app.ui.scripting.actions import EXAMPLES, ScriptingDialog, ScriptingState
from app.ui.scripting.feature import FEATURE
from app.ui.scripting.panel_html import scripting
from tests.kit.page.elements import element, elements
from tests.kit.page.stills import ENGLISH, ROOT, MemoryScreen, translator
from tests.unit.ui.page.test_page import opened

DOCUMENT = (ROOT / "docs/scripting.md").read_text(encoding="utf-8")
SCRIPTS = ROOT / "static/scripts"
MODULE = (ROOT / "static/js/scripting.js").read_text(encoding="utf-8")
RUNNER = (ROOT / "app/scripting/runner.py").read_text(encoding="utf-8")
LANGUAGES = [ENGLISH, translator("zh-CN")]


def latest(screen: MemoryScreen, region: str) -> str:
    """Return the region as it was drawn last."""
    screen.draw()
    drawn = [change["regions"][region] for change in screen.changes if region in change.get("regions", {})]  # type: ignore[attr-defined, operator, index]
    return str(drawn[-1])


@pytest.mark.parametrize(
    ("act", "facts"), [("open-scripting", {}), ("press-key", {"key": "s"}), ("command", {"command": "scripting"})]
)
async def test_drawer_opens_by_button_key_and_command(act: str, facts: dict[str, str]) -> None:
    screen = MemoryScreen()
    page, _ = await opened(screen)
    page.actions.act(act, facts)
    assert page.ui.dialog == ScriptingDialog()
    assert "data-scripting" in latest(screen, "dialogs")
    page.actions.act("close-dialog", {})
    assert latest(screen, "dialogs") == ""
    assert not page.ui.of(ScriptingState).is_scripting, "opening it starts no script"


async def test_header_shows_a_running_script_while_the_drawer_is_closed() -> None:
    screen = MemoryScreen()
    page, _ = await opened(screen)
    assert not elements(latest(screen, "header"), data_testid="script-sign")
    page.actions.act("script-state", {"value": "running"})
    assert element(latest(screen, "header"), "button", data_testid="script-sign")["data-action"] == "open-scripting"
    page.actions.act("script-state", {"value": "idle"})
    assert not elements(latest(screen, "header"), data_testid="script-sign")


def test_command_has_its_key() -> None:
    (commands,) = FEATURE.commands
    (command,) = commands(PageView({}), UiState(), ENGLISH)
    assert SINGLE[key_of(command)] == command.command_id


@pytest.mark.parametrize("_", LANGUAGES, ids=lambda item: item.language)
def test_every_control_has_a_label(_: Translator) -> None:
    markup = str(scripting(ScriptingDialog(), _))
    for field in ("script-source", "script-example"):
        assert element(markup, "label", for_=field).text
    for button in elements(markup, "button"):
        assert button.text or button["aria-label"]
    assert element(markup, id="script-output")["aria-label"]
    assert "autofocus" in element(markup, "textarea", id="script-source")


@pytest.mark.parametrize("_", LANGUAGES, ids=lambda item: item.language)
def test_page_has_the_texts_that_scripting_js_uses(_: Translator) -> None:
    (drawer,) = [item for item in elements(str(scripting(ScriptingDialog(), _))) if "data-words" in item]
    words = json.loads(drawer["data-words"] or "")
    asked = set(re.findall(r"words\(\)\.(\w+)|(?:say|renew|enter)\(.*?\"(\w+)\"\)", MODULE))
    assert {name for pair in asked for name in pair if name} <= set(words)
    unused = {name for name in words if not re.search(rf'"{name}"|\.{name}\b', MODULE)}
    assert unused == {"done", "failed", "stopped"}, "the worker reports how a script ends (`app/scripting/runner.py`)"
    assert all(f'ending = "{name}"' in RUNNER for name in unused)


def test_examples_compile_and_are_in_the_document() -> None:
    shown = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    files = {path.stem: path.read_text(encoding="utf-8") for path in SCRIPTS.glob("*.py")}
    assert set(files) == set(EXAMPLES)
    assert shown == [files[name] for name in EXAMPLES]
    for text in files.values():
        compile(text, "example", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("name", CALLS)
def test_every_call_is_in_the_document(name: str) -> None:
    assert re.search(rf"`{name}\(", DOCUMENT)
