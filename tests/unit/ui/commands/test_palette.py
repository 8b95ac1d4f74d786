"""The command palette: every action of the page, found in both languages, done as by its button."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

import pytest

from app.core.errors import NoServerAvailable
from app.core.model import ServerId, WindowId
from app.core.waiting_runs import Pause
from app.session import OrphanLine
from app.ui.commands.actions import RECENT_KEY
from app.ui.commands.commands import MOST_SHOWN, find_command, find_commands
from app.ui.commands.palette import PaletteDialog, PaletteView, ShortcutsView
from app.ui.commands.palette_html import palette, shortcuts
from app.ui.commands.shortcuts import SINGLE, in_album
from app.ui.commands.words import word_group
from app.ui.form.picker import LibraryEntries, WorkflowEntry
from app.ui.form.state import FormState, FormView
from app.ui.kit.commands import Command, Group, Manner
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView
from app.ui.kit.state import UiState
from app.ui.notices.state import Messages, Notice, NoticeKind
from app.ui.page.projection import commands
from app.ui.results.album import AlbumView, AlbumWish
from app.ui.results.sheets import SheetList
from app.ui.results.state import ResultsState, ResultsView
from app.ui.runs.server_picker import WhereServer, WhereView
from app.ui.runs.state import NowView, RunView
from app.ui.runs.waiting import WaitingView
from app.ui.settings.settings import Settings
from app.ui.windows.orphans import OrphansView
from tests.kit.page.crowd import crowded
from tests.kit.page.elements import element, elements
from tests.kit.page.stills import ENGLISH, ROOT, MemoryScreen, StillSession, ended, task, translator, window, workflows
from tests.unit.ui.page.test_page import opened

PLAIN = PageView({}).with_parts(
    FormView(), LibraryEntries(), RunView(), NowView(), WaitingView(), ResultsView(), SheetList(()), OrphansView(),
    Messages(()),
)  # fmt: skip
ENTRIES = (
    WorkflowEntry("text", "Picture from text"),
    WorkflowEntry("own", "宽幅风景"),
    WorkflowEntry("enlarge", "Enlarge and sharpen"),
)
FORM = FormView(chosen=workflows()[0], is_searchable=True, can_undo=True, can_redo=True)
SERVERS = (
    WhereServer(ServerId("gpu-1"), "Left desk"),
    WhereServer(ServerId("gpu-2"), "Right", "down"),  # type: ignore[arg-type]
)
# With this, every command is offered except those of the opposite state.
FULL = PLAIN.with_parts(
    RunView(blocker=None, cancels=task("a").prompt_id, where=WhereView(servers=SERVERS)),
    NowView(is_many=True, more=1),
    WaitingView(count=3),
    FORM,
    LibraryEntries(ENTRIES),
    OrphansView(lines=(OrphanLine(owner=WindowId("w"), count=1, is_owner_gone=True),)),
    ResultsView(more=1),
    Messages((Notice(NoticeKind.OFFLINE),)),
)
OTHER = FULL.with_parts(WaitingView(count=3, pause=Pause.ASKED), replace(FORM, is_arranging=True, is_searchable=False))
UNBOUNDED = FULL.with_parts(
    WaitingView(count=3, is_unbounded=True),
    ResultsView(album=AlbumView(wish=AlbumWish(is_favourites=True), picked=("a", "b"))),
)
UI = UiState().with_slices(FormState(workflow_id="text"))


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


def offered(page: PageView = FULL, _: Translator = ENGLISH) -> tuple[Command, ...]:
    return commands(page, UI, _)


def titles(query: str, language: str = "en", recent: tuple[str, ...] = ()) -> list[str]:
    return [item.title for item in find_commands(offered(_=translator(language)), query, recent)]


def all_commands() -> Iterator[str]:
    for page in (FULL, OTHER, UNBOUNDED):
        yield from (item.action for item in offered(page))


def test_every_action_of_the_page_has_a_command() -> None:
    shown = {item["data-action"] for markup in crowded().values() for item in elements(markup) if "data-action" in item}
    shown -= ABOUT_ONE | IN_DIALOGS
    assert shown - set(all_commands()) == set(), (
        "let its feature yield a command for it (commands.py), or add it to one of the lists here"
    )


def test_commands_jump_to_existing_elements() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app/ui").rglob("*.py"))
    ids = set(re.findall(r'id="([a-z-]+)"', (ROOT / "index.html").read_text(encoding="utf-8") + sources))
    for page in (FULL, OTHER, UNBOUNDED):
        for item in offered(page):
            assert item.action in ids or item.manner is Manner.ACT, item


@pytest.mark.parametrize("language", ["en", "zh-CN", "pseudo"])
def test_commands_have_unique_ids_and_titles(language: str) -> None:
    _ = translator(language)
    for page in (FULL, OTHER, UNBOUNDED):
        found = offered(page, _)
        assert len({item.command_id for item in found}) == len(found)
        assert len({(item.group, item.title, item.aside) for item in found}) == len(found)
        assert all(word_group(item.group, _) for item in found)


def test_only_possible_commands_are_offered() -> None:
    little = offered(PLAIN)
    for name in ("run", "cancel", "graph", "undo", "line-pause", "dismiss-errors", "adopt-all", "presets", "many-runs"):
        assert find_command(little, name) is None
        assert find_command(offered(), name) is not None


def test_groups_stand_together_with_those_about_one_of_many_last() -> None:
    shown = offered(UNBOUNDED)
    groups = [group for group, _items in groupby(item.group for item in shown)]
    assert groups == sorted(set(groups), key=list(Group).index)
    for group in groups:
        kinds = [item.is_one_of_many for item in shown if item.group is group]
        assert kinds == sorted(kinds)


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
    found = find_commands(offered(), "  ", ("theme:dark", "gone", "library"))
    assert [item.command_id for item in found[:3]] == ["theme:dark", "library", "run"]
    assert len(found) == len(offered())
    markup = str(palette(PaletteView(PaletteDialog(recent=("theme:dark",)), offered()), ENGLISH))
    assert markup.index("Used lately") < markup.index("Dark colours") < markup.index(">Work<")


def test_palette_is_a_combobox_with_a_count() -> None:
    entries = tuple(WorkflowEntry(f"w{number}", f"Work {number}") for number in range(500))
    many = offered(FULL.with_parts(LibraryEntries(entries)))
    markup = str(palette(PaletteView(PaletteDialog("work"), many), ENGLISH))
    assert len(elements(markup, role="option")) == MOST_SHOWN + 1, "and the search of all results"
    field = element(markup, role="combobox")
    assert field["aria-controls"] == "palette-list"
    assert elements(markup, data_query="work")
    assert re.search(r"The first 40 of 5\d\d", markup)
    assert "No command has that name" in str(palette(PaletteView(PaletteDialog("~"), many), ENGLISH))


def test_any_text_can_be_searched_in_all_results() -> None:
    for query in ("harbour", " 港口 "):
        markup = str(palette(PaletteView(PaletteDialog(query), offered()), ENGLISH))
        (option,) = elements(markup, role="option")
        assert (option["data-action"], option["data-text"]) == ("search-results", query.strip())
        assert f"Search all results for “{query.strip()}”" in markup and "No command has that name" not in markup
    markup = str(palette(PaletteView(PaletteDialog("dark"), offered()), ENGLISH))
    assert [item["data-action"] for item in elements(markup, role="option")] == ["command", "search-results"]
    for query in ("", "h", " h "):
        assert "search-results" not in str(palette(PaletteView(PaletteDialog(query), offered()), ENGLISH))


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
    evil = offered(FULL.with_parts(LibraryEntries((WorkflowEntry("x", "<img src=x onerror=alert(1)>"),))))
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
    known = {item.command_id for page in (FULL, OTHER) for item in offered(page)}
    assert set(SINGLE.values()) <= known
    assert len(set(SINGLE.values())) == len(SINGLE)
