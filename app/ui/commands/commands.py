"""Everything that can be done on the page now, as commands for the palette and for single keys.

    found = find_commands(commands(offered, _), "宽", recent)     # what the palette lists
    find_command(commands(offered, _), "run")                   # the command of a key, if it is offered

A command has the same action and facts as its button. Its id is the same in all windows, so that it can be listed as
recent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from app.core.model import PromptId
from app.ui.commands.shortcuts import KEY_OF
from app.ui.kit.i18n import Translator
from app.ui.runs.run_bar_words import word_button
from app.ui.runs.server_picker import FREE, SOONEST, WhereView
from app.ui.runs.state import RunView
from app.ui.settings.settings import Settings, SettingSwitch, Theme
from app.ui.settings.settings_words import word_previews
from app.workflows.forms.search import plain

MOST_SHOWN = 40
MOST_RECENT = 5
LEAST_SEARCHED = 2  # characters of a text for which all results can be searched


class Group(Enum):
    """What a command is about, in the order of the list."""

    RECENT = "recent"  # used recently, about anything
    WORK = "work"
    WORKFLOWS = "workflows"
    FORM = "form"
    GO = "go"
    WINDOW = "window"
    SETTINGS = "settings"


class Manner(Enum):
    """How a command is done: by an action, or by moving to an element."""

    ACT = "act"
    JUMP = "jump"  # `action` is the id of an element
    PRESS = "press"  # the same, and the element is clicked there


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `aside` distinguishes equal titles: a server's name. `terms` are searched, but not shown."""

    command_id: str
    title: str
    group: Group
    icon: str
    action: str
    facts: tuple[tuple[str, str], ...] = ()
    manner: Manner = Manner.ACT
    aside: str = ""
    terms: str = ""
    is_own: bool = False  # the title is the user's or a server's

    @property
    def key(self) -> str:
        """The single key of the same command, if there is one."""
        return KEY_OF.get(self.command_id, "")

    @property
    def text(self) -> str:
        """The text that is searched: ids are English, and are found in every language."""
        return f"{self.title} {self.aside} {self.terms} {self.command_id.partition(':')[0]}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A task or a contact sheet to jump to."""

    item_id: str
    title: str
    server: str = ""
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Offered:
    """What can be done now, as plain facts. `workflows` are ids with titles, including the chosen one."""

    run: RunView | None = None  # None while it is not possible
    cancels: PromptId | None = None
    has_plan: bool = False  # several runs can be stopped together
    workflow_id: str = ""
    is_open: bool = False  # the chosen workflow
    is_searchable: bool = False
    can_undo: bool = False
    can_redo: bool = False
    is_arranging: bool = False
    workflows: tuple[tuple[str, str], ...] = ()
    where: WhereView = field(default_factory=WhereView)
    waiting: int = 0
    is_paused: bool = False
    is_unbounded: bool = False
    pieces: tuple[Piece, ...] = ()
    sheets: tuple[Piece, ...] = ()
    orphans: int = 0
    has_more_results: bool = False
    has_more_runs: bool = False  # rows of the queue that are not shown
    is_album: bool = False  # the album is open
    is_narrow: bool = False  # and filtered
    picked: int = 0
    errors: int = 0
    can_log_out: bool = False
    settings: Settings = field(default_factory=Settings)


@lru_cache(maxsize=2)
def commands(offered: Offered, _: Translator) -> tuple[Command, ...]:
    """Return all commands that are possible now, in the order of the list."""
    return (
        *_work(offered, _),
        *_line(offered, _),
        *_where(offered.where, _),
        *_workflows(offered, _),
        *_form(offered, _),
        *_places(offered, _),
        *_album(offered, _),
        *_window(offered, _),
        *_settings(offered.settings, _),
    )


def find_command(offered: Sequence[Command], command_id: str) -> Command | None:
    """Return the command with this id, if it is offered."""
    return next((item for item in offered if item.command_id == command_id), None)


def find_commands(offered: Sequence[Command], query: str, recent: Sequence[str]) -> tuple[Command, ...]:
    """Return the commands that match every word: titles that start with the query first, or without one the recent."""
    words = plain(query).split()
    if not words:
        late = [item for name in recent if (item := find_command(offered, name)) is not None]
        rest = [item for item in offered if item not in late]
        return tuple(late[:MOST_RECENT] + rest)
    found = [(item, text) for item in offered if all(word in (text := _plain(item.text)) for word in words)]
    places = {name: place for place, name in enumerate(recent)}
    found.sort(key=lambda pair: (not pair[1].startswith(words[0]), places.get(pair[0].command_id, len(places))))
    return tuple(item for item, _text in found)


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    return plain(text)


def _work(offered: Offered, _: Translator) -> Iterator[Command]:
    if offered.run is not None:
        yield Command("run", word_button(offered.run, _), Group.WORK, "run", "run", terms="start queue generate")
    if offered.is_open:
        files = _("Many files or a folder")
        yield Command("many-files", files, Group.WORK, "folder", "open-files", terms="batch photos")
        yield Command("many-runs", _("Batch …"), Group.WORK, "grid", "open-many", terms="many runs grid sweep")
    if offered.cancels is not None:
        yield Command(
            "cancel", _("Stop the newest run"), Group.WORK, "stop", "cancel", (("promptId", offered.cancels),),
            terms="cancel interrupt",
        )  # fmt: skip
    if offered.has_plan or offered.waiting:
        name = _("Stop all runs of this window …")
        yield Command("cancel-mine", name, Group.WORK, "stop", "ask-cancel-mine", terms="cancel my")
    if offered.has_more_runs:
        yield Command("show-queue", _("Show the whole queue"), Group.WORK, "waves", "show-queue")


def _line(offered: Offered, _: Translator) -> Iterator[Command]:
    if not offered.waiting:
        return
    if offered.is_paused:
        yield Command("line-resume", _("Resume the waiting runs"), Group.WORK, "run", "line-resume")
    else:
        yield Command("line-pause", _("Pause what waits"), Group.WORK, "pause", "line-pause")
        if offered.is_unbounded:
            yield Command("line-few", _("Send two at a time again"), Group.WORK, "elsewhere", "line-send-few")
        else:
            yield Command("line-all", _("Send all that waits now"), Group.WORK, "elsewhere", "line-send-all")
    yield Command("line-clear", _("Remove all that waits"), Group.WORK, "trash", "line-clear")


def _where(view: WhereView, _: Translator) -> Iterator[Command]:
    if view.moored_to or not view.servers:
        return
    choices = [
        (SOONEST, "where-soonest", _("Run where it is done soonest"), ""),
        (FREE, "where-free", _("Wait for a free server"), ""),
        *(
            (item.server_id, f"where:{item.server_id}", _("Run on this server only"), item.name)
            for item in view.servers
            if not item.cause
        ),
    ]
    for value, command_id, title, aside in choices:
        if value != view.chosen:
            yield Command(
                command_id, title, Group.WORK, "anchor", "where", (("value", value),), aside=aside,
                terms="server gpu",
            )  # fmt: skip


def _workflows(offered: Offered, _: Translator) -> Iterator[Command]:
    yield Command("library", _("Library"), Group.WORKFLOWS, "shelf", "open-library", terms="workflows browse")
    yield Command(
        "open-file", _("Open a workflow from a file …"), Group.WORKFLOWS, "folder", "open-file-input",
        manner=Manner.PRESS, terms="import json png",
    )  # fmt: skip
    yield Command(
        "export-library", _("Export the whole library"), Group.WORKFLOWS, "download", "export-library", terms="backup"
    )
    for workflow_id, title in offered.workflows:
        if workflow_id != offered.workflow_id:
            shown = _.known(title) or _("Pasted workflow")
            yield Command(
                f"workflow:{workflow_id}", shown, Group.WORKFLOWS, "flow-own", "workflow", (("value", workflow_id),),
                terms=f"workflow {title}", is_own=shown == title,
            )  # fmt: skip


def _form(offered: Offered, _: Translator) -> Iterator[Command]:
    if offered.is_searchable:
        yield Command("search", _("Search all inputs"), Group.FORM, "search", "form-search", manner=Manner.JUMP)
    else:
        yield Command("search", _("Search the library"), Group.WORKFLOWS, "search", "open-library")
    if not offered.is_open:
        return
    yield Command("graph", _("See the graph"), Group.FORM, "graph", "open-graph", terms="nodes")
    yield Command("presets", _("Presets"), Group.FORM, "preset", "open-presets", terms="save values")
    yield Command("share", _("Copy a link"), Group.FORM, "link", "open-share", terms="share wiki chat")
    if offered.can_undo:
        yield Command("undo", _("Undo"), Group.FORM, "undo", "undo")
    if offered.can_redo:
        yield Command("redo", _("Redo"), Group.FORM, "redo", "redo")
    arrange = _("Leave the form as it is now") if offered.is_arranging else _("Arrange the form")
    yield Command("arrange", arrange, Group.FORM, "arrange", "arrange")
    if offered.is_arranging:
        yield Command("arrange-reset", _("The form as it was"), Group.FORM, "retry", "arrange-reset")
    yield Command(
        "catalogues", _("Read again what the servers have"), Group.FORM, "retry", "look-at-catalogues",
        terms="refresh models nodes",
    )  # fmt: skip


def _places(offered: Offered, _: Translator) -> Iterator[Command]:
    places = [
        ("form", _("New work"), True),
        ("now", _("Now"), True),
        ("waiting", _("Not sent yet"), offered.waiting > 0),
        ("sheets", _("Contact sheets"), bool(offered.sheets)),
        ("results", _("Results"), True),
    ]
    for region, title, is_there in places:
        if is_there:
            yield Command(f"go-{region}", title, Group.GO, "fit", region, manner=Manner.JUMP, terms="go jump section")
    yield Command("fleet", _("Servers"), Group.GO, "anchor", "open-fleet", terms="fleet health queue vram")
    yield Command("windows", _("Windows"), Group.GO, "window", "open-windows", terms="tabs sessions crew")
    yield Command("scripting", _("Scripting"), Group.GO, "terminal", "open-scripting", terms="python console requests")
    for item in offered.sheets:
        yield Command(
            f"sheet:{item.item_id}", _("Contact sheet"), Group.GO, "grid", "open-sheet",
            (("batchId", item.item_id),), aside=_.known(item.title),
        )  # fmt: skip
    for item in offered.pieces:
        title = _("Go to a result") if item.is_over else _("Go to running work")
        yield Command(
            f"task:{item.item_id}", title, Group.GO, "picture", f"task-{item.item_id}", manner=Manner.JUMP,
            aside=" · ".join(filter(None, (_.known(item.title) or _("Untitled"), item.server))),
        )  # fmt: skip


def _album(offered: Offered, _: Translator) -> Iterator[Command]:
    if not offered.is_album:
        yield Command("album", _("All results"), Group.GO, "grid", "album", terms="history gallery album pictures")
        return
    yield Command("latest", _("Latest results"), Group.GO, "picture", "latest")
    search = _("Search prompts, workflows, seeds, files")
    yield Command("album-search", search, Group.GO, "search", "album-text", manner=Manner.JUMP, terms="results")
    yield Command("album-favourites", _("Favourites"), Group.GO, "star", "album-favourites", terms="starred only")
    if offered.is_narrow:
        yield Command("album-wide", _("Show all"), Group.GO, "grid", "album-wide")
    yield Command("album-pick-all", _("Pick all"), Group.WORK, "check", "album-pick-all", terms="select results")
    if not offered.picked:
        return
    aside = _.plural("{count} picked", "{count} picked", offered.picked)
    for title, icon, action in (
        (_("Download"), "download", "album-download"),
        (_("Download without workflow"), "download", "album-download-bare"),
        (_("Favourite"), "star", "album-favourite"),
        (_("Compare"), "flow-blend", "album-compare"),
        (_("Delete"), "trash", "album-ask-delete"),
        (_("Pick none"), "close", "album-pick-none"),
    ):
        yield Command(action, title, Group.WORK, icon, action, aside=aside)


def _window(offered: Offered, _: Translator) -> Iterator[Command]:
    yield Command("new-window", _("Open another window"), Group.WINDOW, "window", "new-window", terms="tab server")
    yield Command(
        "new-private-window", _("Open a private window"), Group.WINDOW, "private", "new-private-window",
        terms="incognito secret keep nothing",
    )  # fmt: skip
    if offered.errors:
        yield Command("dismiss-errors", _("Dismiss all errors"), Group.WINDOW, "close", "dismiss-errors")
    if offered.orphans:
        yield Command("toggle-left", _("Left behind by closed windows"), Group.GO, "fit", "toggle-left", terms="adopt")
        aside = _("Hide the work of closed windows")
        yield Command("put-left-aside", aside, Group.WINDOW, "close", "put-left-aside", terms="not now hide")
        yield Command("adopt-all", _("Adopt the work of closed windows"), Group.WINDOW, "adopt", "adopt-all")
    yield Command(
        "search-orphans", _("Look for work of closed windows"), Group.WINDOW, "look", "search-orphans", terms="adopt"
    )
    if offered.has_more_results:
        yield Command("show-more", _("Show older results"), Group.WINDOW, "picture", "show-more")
    yield Command("keeping", _("Storage"), Group.WINDOW, "shelf", "open-keeping", terms="storage disk delete")
    yield Command(
        "saving", _("Names and folder of saved files"), Group.WINDOW, "folder-save", "open-saving",
        terms="disk directory automatic template",
    )  # fmt: skip
    yield Command(
        "report", _("Save a report without prompts and pictures"), Group.WINDOW, "report", "save-report",
        terms="debug bundle log",
    )  # fmt: skip
    if offered.can_log_out:
        yield Command("log-out", _("Log out …"), Group.WINDOW, "leave", "ask-log-out", terms="sign out account leave")
    yield Command("reload", _("Reload this page"), Group.WINDOW, "retry", "reload")


def _settings(settings: Settings, _: Translator) -> Iterator[Command]:
    yield Command("settings", _("Settings"), Group.SETTINGS, "settings", "open-settings", terms="preferences options")
    yield Command("shortcuts", _("Keyboard shortcuts"), Group.SETTINGS, "keyboard", "open-shortcuts", terms="keys help")
    for code, name in _.languages.names.items():
        if code != _.language:
            yield Command(
                f"language:{code}", _("Language: {name}", name=name), Group.SETTINGS, "language", "language",
                (("value", code),), terms=f"{code} {name} language",
            )  # fmt: skip
    themes = {Theme.SYSTEM: _("Colours of the system"), Theme.LIGHT: _("Light colours"), Theme.DARK: _("Dark colours")}
    for theme, title in themes.items():
        if theme is not settings.theme:
            yield Command(
                f"theme:{theme.value}", title, Group.SETTINGS, "moon" if theme is Theme.DARK else "sun", "theme",
                (("value", theme.value),), terms=f"{theme.value} mode theme",
            )  # fmt: skip
    for previews, title in word_previews(_):
        if previews is not settings.previews:
            yield Command(
                f"previews:{previews.value}", _("Previews of running work: {choice}", choice=title), Group.SETTINGS,
                "picture", "previews", (("value", previews.value),), terms="live latent taesd",
            )  # fmt: skip
    yield from _switches(settings, _)


def _switches(settings: Settings, _: Translator) -> Iterator[Command]:
    turned = {
        SettingSwitch.NOTICES: (_("Notices of finished work: on"), _("Notices of finished work: off"), "notification"),
        SettingSwitch.SOUND: (_("Sound when work is done: on"), _("Sound when work is done: off"), "mute"),
        SettingSwitch.KEYS: (_("Single-key shortcuts: on"), _("Single-key shortcuts: off"), "keyboard"),
    }
    for switch, (on, off, terms) in turned.items():
        is_on = settings.is_on(switch)
        yield Command(
            f"switch:{switch.value}", off if is_on else on, Group.SETTINGS, "bell", "setting",
            (("setting", switch.value),), terms=terms,
        )  # fmt: skip
