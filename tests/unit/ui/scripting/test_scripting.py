"""The drawer of the scripting console as the page draws it, the ways to it, its examples as its document shows them."""

from __future__ import annotations

import ast
import json
import re

import pytest

from app.scripting.mooring import CALLS
from app.ui.commands.commands import Offered, commands, find_command
from app.ui.commands.shortcuts import SINGLE
from app.ui.kit.i18n import Translator
from app.ui.scripting.actions import EXAMPLES, ScriptingDialog, ScriptingState
from app.ui.scripting.panel_html import scripting
from tests.unit.ui.page.test_page import opened
from tests.unit.ui.page_kit import ENGLISH, ROOT, MemoryScreen, translator

DOCUMENT = (ROOT / "docs/scripting.md").read_text(encoding="utf-8")
SCRIPTS = ROOT / "static/scripts"
MODULE = (ROOT / "static/js/scripting.js").read_text(encoding="utf-8")
RUNNER = (ROOT / "app/scripting/runner.py").read_text(encoding="utf-8")
LANGUAGES = [ENGLISH, translator("zh-CN")]


def latest(screen: MemoryScreen, region: str) -> str:
    """The region as it was drawn last."""
    screen.draw()
    drawn = [change["regions"][region] for change in screen.changes if region in change.get("regions", {})]  # type: ignore[attr-defined, operator, index]
    return str(drawn[-1])


@pytest.mark.parametrize(
    ("act", "facts"), [("open-scripting", {}), ("press-key", {"key": "s"}), ("command", {"command": "scripting"})]
)
async def test_it_is_opened_by_a_button_a_key_and_a_command(act: str, facts: dict[str, str]) -> None:
    screen = MemoryScreen()
    page, _ = await opened(screen)
    page.actions.act(act, facts)
    assert page.ui.dialog == ScriptingDialog()
    assert "data-scripting" in latest(screen, "dialogs")
    page.actions.act("close-dialog", {})
    assert latest(screen, "dialogs") == ""
    assert not page.ui.of(ScriptingState).is_scripting, "to open it begins nothing"


async def test_the_bar_shows_that_a_script_runs_with_its_drawer_closed() -> None:
    screen = MemoryScreen()
    page, _ = await opened(screen)
    assert "script-sign" not in latest(screen, "header")
    page.actions.act("script-state", {"value": "running"})
    sign = latest(screen, "header")
    assert re.search(r'<button[^>]*data-action="open-scripting"[^>]*data-testid="script-sign"', sign)
    page.actions.act("script-state", {"value": "idle"})
    assert "script-sign" not in latest(screen, "header")


def test_its_command_has_its_key() -> None:
    command = find_command(commands(Offered(), ENGLISH), "scripting")
    assert command is not None
    assert command.key == "s"
    assert SINGLE[command.key] == command.command_id


@pytest.mark.parametrize("_", LANGUAGES, ids=lambda item: item.language)
def test_everything_in_it_has_a_name(_: Translator) -> None:
    markup = str(scripting(ScriptingDialog(), _))
    for field in ("script-source", "script-example"):
        assert re.search(rf'<label[^>]*for="{field}"[^>]*>[^<]+<', markup)
    for button in re.findall(r"<button[^>]*icon-only[^>]*>", markup):
        assert re.search(r'aria-label="[^"]+"', button)
    assert re.search(r'id="script-output"[^>]*aria-label="[^"]+"', markup)
    assert re.search(r'<textarea[^>]*id="script-source"[^>]*autofocus', markup)


@pytest.mark.parametrize("_", LANGUAGES, ids=lambda item: item.language)
def test_the_words_that_the_page_fills_in_are_those_that_it_asks_for(_: Translator) -> None:
    found = re.search(r'data-words="([^"]*)"', str(scripting(ScriptingDialog(), _)))
    assert found is not None
    words = json.loads(found[1].replace("&#34;", '"').replace("&#39;", "'").replace("&quot;", '"'))
    asked = set(re.findall(r"words\(\)\.(\w+)|(?:say|renew|enter)\(.*?\"(\w+)\"\)", MODULE))
    assert {name for pair in asked for name in pair if name} <= set(words)
    unused = {name for name in words if not re.search(rf'"{name}"|\.{name}\b', MODULE)}
    assert unused == {"done", "failed", "stopped"}, (
        "how a script ends is told by its worker (`app/scripting/runner.py`)"
    )
    assert all(f'ending = "{name}"' in RUNNER for name in unused)


def test_each_example_is_a_script_and_stands_in_the_document() -> None:
    shown = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    files = {path.stem: path.read_text(encoding="utf-8") for path in SCRIPTS.glob("*.py")}
    assert set(files) == set(EXAMPLES)
    assert shown == [files[name] for name in EXAMPLES]
    for text in files.values():
        compile(text, "example", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("name", CALLS)
def test_every_call_is_in_the_document(name: str) -> None:
    assert re.search(rf"`{name}\(", DOCUMENT)
