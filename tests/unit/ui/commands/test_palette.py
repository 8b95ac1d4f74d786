"""The command palette: every action of the page, found in both languages, done as by its button."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.core.errors import NoServerAvailable
from app.ui.commands.actions import RECENT_KEY
from app.ui.commands.commands import MOST_SHOWN, Manner, Offered, commands, find_command, find_commands
from app.ui.commands.palette import PaletteDialog, PaletteView, ShortcutsView
from app.ui.commands.palette_html import palette, shortcuts
from app.ui.commands.shortcuts import SINGLE, in_album
from app.ui.commands.words import word_group
from app.ui.results.state import ResultsState
from app.ui.runs.server_picker import WhereServer, WhereView
from app.ui.runs.state import RunView
from app.ui.settings.settings import Settings
from tests.kit.page.crowd import crowded
from tests.kit.page.elements import element, elements
from tests.kit.page.stills import ENGLISH, ROOT, MemoryScreen, StillSession, ended, task, translator, window
from tests.unit.ui.page.test_page import opened

# With this, every command is offered except those of the opposite state.
FULL = Offered(
    run=RunView(blocker=None),
    cancels=task("a").prompt_id,
    has_plan=True,
    workflow_id="text",
    is_open=True,
    is_searchable=True,
    can_undo=True,
    can_redo=True,
    workflows=(("text", "Picture from text"), ("own", "宽幅风景"), ("enlarge", "Enlarge and sharpen")),
    where=WhereView(servers=(WhereServer("gpu-1", "Left desk"), WhereServer("gpu-2", "Right", "down"))),  # type: ignore[arg-type]
    waiting=3,
    orphans=1,
    has_more_results=True,
    has_more_runs=True,
    errors=2,
)
OTHER = replace(FULL, is_paused=True, is_arranging=True, is_searchable=False)
UNBOUNDED = replace(FULL, is_unbounded=True, is_album=True, is_narrow=True, picked=2)

# About one thing: a card, a row, a field, a box. The palette only jumps there, by "Go to …" or by the section.
ABOUT_ONE = {
    "adopt", "apply-preset", "ask-give-up", "ask-preset", "ask-run-again", "ask-same-server", "clear-picture",
    "confirm-same-server", "delete-item", "dismiss-batch", "dismiss-failure", "dismiss-notice", "dismiss-run",
    "edit-item", "fold-node", "give-up",
    "graph-node", "hide", "library-tag", "line-adopt", "line-down", "line-edit", "line-move", "line-remove", "line-up",
    "look-again", "open-picture", "open-saved", "open-workflow", "paint-mask", "pin", "pin-down", "pin-up", "remove",
    "run-again", "same-picture", "show", "unpin", "use-near", "use-recent", "use-settings", "use-as-input", "break",
    "open-camera", "more-nodes", "run-count-by", "note-saved",
    "show-versions", "go-back", "part-version", "note-change", "undo-link", "dismiss-link",
    "album-pick", "run-variation",
}  # fmt: skip
# In a dialog, which a command opens.
IN_DIALOGS = {
    "close-dialog", "save-keeping", "ask-delete-kept", "keep-kept", "delete-kept", "ask-promise", "forget-recent",
    "open-palette", "command", "try-notification", "library-all", "save-preset", "keep-item", "ask-delete-item",
    "graph-again", "album-open", "album-step", "album-delete", "search-results",
}  # fmt: skip


def titles(query: str, offered: Offered = FULL, language: str = "en", recent: tuple[str, ...] = ()) -> list[str]:
    return [item.title for item in find_commands(commands(offered, translator(language)), query, recent)]


def all_commands() -> Iterator[str]:
    for offered in (FULL, OTHER, UNBOUNDED):
        yield from (item.action for item in commands(offered, ENGLISH))


def test_every_action_of_the_page_has_a_command() -> None:
    shown = {item["data-action"] for markup in crowded().values() for item in elements(markup) if "data-action" in item}
    shown -= ABOUT_ONE | IN_DIALOGS
    assert shown - set(all_commands()) == set(), (
        "add a command for it (app/ui/commands/commands.py), or to one of the lists here"
    )


def test_commands_jump_to_existing_elements() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app/ui").rglob("*.py"))
    ids = set(re.findall(r'id="([a-z-]+)"', (ROOT / "index.html").read_text(encoding="utf-8") + sources))
    for offered in (FULL, OTHER, UNBOUNDED):
        for item in commands(offered, ENGLISH):
            assert item.action in ids or item.manner is Manner.ACT, item


@pytest.mark.parametrize("language", ["en", "zh-CN", "pseudo"])
def test_commands_have_unique_ids_and_titles(language: str) -> None:
    _ = translator(language)
    for offered in (FULL, OTHER, UNBOUNDED):
        found = commands(offered, _)
        assert len({item.command_id for item in found}) == len(found)
        assert len({(item.group, item.title, item.aside) for item in found}) == len(found)
        assert all(word_group(item.group, _) for item in found)


def test_only_possible_commands_are_offered() -> None:
    little = commands(Offered(), ENGLISH)
    for name in ("run", "cancel", "graph", "undo", "line-pause", "dismiss-errors", "adopt-all", "presets", "many-runs"):
        assert find_command(little, name) is None
        assert find_command(commands(FULL, ENGLISH), name) is not None


def test_search_matches_all_words_in_any_order_and_case() -> None:
    assert titles("DARK") == ["Dark colours"]
    assert titles("colours dark") == ["Dark colours"]
    assert titles("ｄａｒｋ") == ["Dark colours"]
    assert titles("left des")[0] == "Run on this server only"
    assert titles("nothing is called so") == []


def test_chinese_is_found_by_any_part_and_english_everywhere() -> None:
    assert titles("风景") == ["宽幅风景"]
    assert "使用深色" in titles("深色", language="zh-CN")
    assert titles("dark", language="zh-CN") == ["使用深色"]
    assert titles("picture from", language="zh-CN") == [], "the chosen workflow is no command"
    assert titles("enlarge and", language="zh-CN") == [translator("zh-CN").known("Enlarge and sharpen")]


def test_titles_with_the_query_come_first_then_recent_ones() -> None:
    assert titles("run")[0] == "Run"
    for theme, title in (("dark", "Dark colours"), ("light", "Light colours")):
        assert titles("colours", recent=(f"theme:{theme}",))[0] == title


def test_recent_commands_are_on_top_until_text_is_typed() -> None:
    found = find_commands(commands(FULL, ENGLISH), "  ", ("theme:dark", "gone", "library"))
    assert [item.command_id for item in found[:3]] == ["theme:dark", "library", "run"]
    assert len(found) == len(commands(FULL, ENGLISH))
    markup = str(palette(PaletteView(PaletteDialog(recent=("theme:dark",)), FULL), ENGLISH))
    assert markup.index("Used lately") < markup.index("Dark colours") < markup.index(">Work<")


def test_palette_is_a_combobox_with_a_count() -> None:
    many = replace(FULL, workflows=tuple((f"w{number}", f"Work {number}") for number in range(500)))
    markup = str(palette(PaletteView(PaletteDialog("work"), many), ENGLISH))
    assert len(elements(markup, role="option")) == MOST_SHOWN + 1, "and the search of all results"
    field = element(markup, role="combobox")
    assert field["aria-controls"] == "palette-list"
    assert elements(markup, data_query="work")
    assert re.search(r"The first 40 of 5\d\d", markup)
    assert "No command has that name" in str(palette(PaletteView(PaletteDialog("~"), many), ENGLISH))


def test_any_text_can_be_searched_in_all_results() -> None:
    for query in ("harbour", " 港口 "):
        markup = str(palette(PaletteView(PaletteDialog(query), FULL), ENGLISH))
        (option,) = elements(markup, role="option")
        assert (option["data-action"], option["data-text"]) == ("search-results", query.strip())
        assert f"Search all results for “{query.strip()}”" in markup and "No command has that name" not in markup
    markup = str(palette(PaletteView(PaletteDialog("dark"), FULL), ENGLISH))
    assert [item["data-action"] for item in elements(markup, role="option")] == ["command", "search-results"]
    for query in ("", "h", " h "):
        assert "search-results" not in str(palette(PaletteView(PaletteDialog(query), FULL), ENGLISH))


async def test_search_of_all_results_opens_the_album() -> None:
    screen = MemoryScreen()
    page, _session = await opened(screen)
    page.actions.act("open-palette", {})
    page.actions.act("search-results", {"text": "harbour"})
    wish = page.ui.of(ResultsState).album
    assert page.ui.dialog is None and wish.is_open and wish.text == "harbour"
    screen.draw()
    assert screen.changes[-1] == {"jump": "album-text"}


def test_users_names_are_never_markup() -> None:
    evil = replace(FULL, workflows=(("x", "<img src=x onerror=alert(1)>"),))
    assert not elements(str(palette(PaletteView(PaletteDialog("img"), evil), ENGLISH)), "img")


async def test_command_does_what_its_button_does_and_is_remembered() -> None:
    screen = MemoryScreen()
    page, session = await opened(screen, StillSession(window=window(task("a"))))
    page.actions.act("open-palette", {})
    page.actions.act("palette-query", {"value": "cancel"})
    assert page.ui.dialog == PaletteDialog("cancel")
    page.actions.act("command", {"command": "cancel"})
    assert page.ui.dialog is None
    await page._background.copy().pop()
    assert ("cancel", task("a").prompt_id) in session.calls
    page.actions.act("open-palette", {})
    assert page.ui.dialog == PaletteDialog(recent=("cancel",))
    page.actions.act("command", {"command": "theme:dark"})
    assert json.loads(screen.shared[RECENT_KEY]) == ["theme:dark", "cancel"]
    assert page.ui.of(Settings).theme.value == "dark"


async def test_impossible_command_does_nothing() -> None:
    page, session = await opened(MemoryScreen())
    page.actions.act("open-palette", {})
    page.actions.act("command", {"command": "cancel"})
    assert page.ui.dialog is None
    assert not [call for call in session.calls if call[0] == "cancel"]


async def test_jump_waits_until_the_palette_is_closed() -> None:
    screen = MemoryScreen()
    page, _session = await opened(screen, StillSession(window=window(ended("a"))))
    page.actions.act("open-palette", {})
    screen.draw()
    screen.changes.clear()
    page.actions.act("command", {"command": f"task:{task('a').prompt_id}"})
    screen.draw()
    assert "dialogs" in screen.changes[0]["regions"]  # type: ignore[operator]
    assert screen.changes[1] == {"jump": f"task-{task('a').prompt_id}"}


async def test_file_dialog_opens_within_the_click() -> None:
    screen = MemoryScreen()
    page, _session = await opened(screen)
    page.actions.act("command", {"command": "open-file"})
    assert screen.changes[-1] == {"press": "open-file-input"}


async def test_key_runs_its_command_unless_switched_off() -> None:
    screen = MemoryScreen()
    page, _session = await opened(screen)
    page.actions.act("press-key", {"key": "n"})
    assert screen.opened == ["window"]
    page.actions.act("press-key", {"key": "x"})
    page.actions.act("setting", {"setting": "has_keys"})
    page.actions.act("press-key", {"key": "n"})
    assert screen.opened == ["window"]


@pytest.mark.parametrize("kept", ["{", "{}", "[1, 2]", ""])
async def test_unreadable_recent_commands_are_ignored(kept: str) -> None:
    screen = MemoryScreen(shared={RECENT_KEY: kept})
    page, _session = await opened(screen)
    page.actions.act("open-palette", {})
    assert page.ui.dialog == PaletteDialog()


async def test_all_errors_can_be_dismissed_together() -> None:
    page, _session = await opened(MemoryScreen())
    page.set_ui(page.ui.with_error(NoServerAvailable("a")).with_error(NoServerAvailable("b")))
    page.actions.act("dismiss-errors", {})
    assert page.ui.errors == ()


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_list_of_shortcuts_has_every_key(language: str) -> None:
    markup = str(shortcuts(ShortcutsView(), translator(language)))
    assert {key.upper() for key in SINGLE} <= {item.text for item in elements(markup, "kbd")}
    assert "Ctrl" in markup and "⌘" in markup
    off = str(shortcuts(ShortcutsView(has_keys=False), translator(language)))
    assert elements(off, data_action="open-settings") and not elements(markup, data_action="open-settings")


def test_keys_of_a_large_result_are_listed() -> None:
    source = (ROOT / "static/js/large.js").read_text(encoding="utf-8")
    pressed = re.search(r"const PRESSED = \{(.+)\};", source)
    assert pressed is not None
    keys = {"Del" if key == "Delete" else key.upper() for key in re.findall(r"(\w+): \"", pressed[1])}
    assert keys <= {key for item in in_album(ENGLISH) for key in item.keys} and "F" in keys


def test_each_single_key_has_a_command() -> None:
    known = {item.command_id for offered in (FULL, OTHER) for item in commands(offered, ENGLISH)}
    assert set(SINGLE.values()) <= known
    assert len(set(SINGLE.values())) == len(SINGLE)
