"""What a feature adds to the page, as one value: each folder of `app/ui` exports its `FEATURE`.

    FEATURE = Feature(
        parts=(PagePart(TrayView, tray_part),),         # its parts of the page as values
        regions={"tray": Region(TrayView, tray)},       # the markup of a part, by the id of its element
        dialogs=(DialogKind(ShareDialog, share_dialog, share),),
    )

`app/ui/page/features.py` lists all features, and the page does for each of them what its value says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from markupsafe import Markup

from app.core.model import PromptId
from app.core.ports.blobs import Blob
from app.core.ports.files import FileSet
from app.ui.kit.commands import Command, Commands
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.services import Services
from app.ui.kit.session_facts import Pictures, SessionFacts
from app.ui.kit.state import Dialog, Slice, UiState
from app.workflows.graph import Key

Shown = TypeVar("Shown")
Opened = TypeVar("Opened", bound=Dialog)

Files = Sequence[tuple[Blob, str]]  # each with its name
Change = Callable[[PageView | None, PageView, Translator], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class PagePart(Generic[Shown]):
    """A part of the page as a value, and how it is made."""

    kind: type[Shown]
    make: Callable[[Projection], Shown]


@dataclass(frozen=True, slots=True)
class Region(Generic[Shown]):
    """An element of `index.html` with the markup of one part.

    `patch(before, after, _)` returns the markup of smaller regions, by their ids, if nothing else has changed.
    `redraw` is `draw` with what is on the page already.
    """

    kind: type[Shown]
    draw: Callable[[Shown, Translator], Markup]
    patch: Callable[[Shown, Shown, Translator], Mapping[str, str] | None] | None = None
    redraw: Callable[[Shown, Shown, Translator], Markup] | None = None


@dataclass(frozen=True, slots=True)
class DialogKind(Generic[Opened, Shown]):
    """A kind of dialog: what it shows while it is open, None if its subject is gone, and its markup.

    `opens` is the action that opens it, if that only reads the fields without a default from its facts.
    `command` opens it from the palette, if that can be done at any time.
    `follows_progress` if it shows the progress of a task.
    """

    kind: type[Opened]
    view: Callable[[Opened, Projection], Shown | None]
    draw: Callable[[Shown, Translator], Markup]
    opens: str = ""
    follows_progress: bool = False
    command: Callable[[Translator], Command] | None = None


@dataclass(frozen=True, slots=True)
class OpenDialog:
    """The open dialog: what it shows, None if there is none, and its markup."""

    view: object | None = None
    draw: Callable[[Any, Translator], Markup] | None = None
    follows_progress: bool = False

    def markup(self, _: Translator) -> Markup:
        """Return the content of `#dialogs`."""
        return self.draw(self.view, _) if self.draw is not None and self.view is not None else Markup()


def plain_dialog(
    kind: type[Opened], draw: Callable[[Opened, Translator], Markup], opens: str = ""
) -> DialogKind[Opened, Opened]:
    """Return the kind of a dialog that shows nothing but what it says itself."""
    return DialogKind(kind, lambda dialog, _page: dialog, draw, opens)


@dataclass(frozen=True, slots=True)
class Movement:
    """What moves while tasks run: the tasks, and the part with one of them as it has moved on."""

    running: Callable[[PageView], Iterable[PromptId]]
    move: Callable[[PageView, PromptId, SessionFacts, Pictures], object]


def nothing(_built: object) -> Iterable[object]:
    """No object has actions."""
    return ()


def itself(built: object) -> Iterable[object]:
    """The object itself has actions."""
    return (built,)


@dataclass(frozen=True, slots=True)
class Service(Generic[Shown]):
    """An object of the page, and how it is built: None if that needs what the page was not given.

    `actors` returns the objects whose methods are actions, if there are any.
    """

    kind: type[Shown]
    build: Callable[[Services], Shown | None]
    actors: Callable[[Shown], Iterable[object]] = nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What a feature does while the page lives; every function takes the page's objects.

    Before the first drawing `start` is called and `begin` awaited; `prepare` too, for a moment, if the gateway has
    drawn the page already. After it, `hurry` is awaited, then `load` is called.
    """

    start: Callable[[Services], None] | None = None
    begin: Callable[[Services], Awaitable[None]] | None = None
    prepare: Callable[[Services], Awaitable[None]] | None = None
    hurry: Callable[[Services], Awaitable[None]] | None = None
    load: Callable[[Services], None] | None = None
    wake: Callable[[Services], None] | None = None  # the tab is shown again, or the machine woke up
    follow_kept: Callable[[Services, str], None] | None = None  # another window has saved a setting under this key
    follow_state: Callable[[Services, UiState], None] | None = None  # the state is another than the one before
    follow_session: Callable[[Services], None] | None = None  # the session has changed, before it is drawn
    follow_ends: Callable[[Services, frozenset[PromptId] | None], None] | None = None  # also while the tab is hidden
    follow_link: Callable[[Services, str], bool] | None = None  # a link into the page; False if it is another's
    take_files: Callable[[Services, Key | None, Files, str], bool] | None = None  # one by one; False if another takes
    take_many: Callable[[Services, Key | None, FileSet, str], bool] | None = None  # together
    before_drawing: Callable[[Services], None] | None = None  # also while the tab is hidden
    refresh: Callable[[Services], Iterable[object]] | None = None  # before a projection; returns the parts it is given
    refresh_previews: Callable[[Services, tuple[PromptId, ...] | None], None] | None = None  # of these tasks, or of all
    follow_view: Callable[[Services, PageView], None] | None = None  # the page was projected
    facts: Callable[[Services], Mapping[str, object]] | None = None  # sent to the page when they have changed
    messages: Callable[[Services, Translator], Mapping[str, object]] | None = None  # sent to the page at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """What a feature adds to the page.

    `states` make its slices of the state as the page begins. `changes` are sent to the page beside its regions: facts
    of `static/js/patch.js`, from the page before and after.
    """

    states: tuple[Callable[[Services], Slice], ...] = ()
    services: tuple[Service[Any], ...] = ()
    life: Life = Life()

    parts: tuple[PagePart[Any], ...] = ()
    regions: Mapping[str, Region[Any]] = field(default_factory=dict)
    dialogs: tuple[DialogKind[Any, Any], ...] = ()
    changes: tuple[Change, ...] = ()
    movements: tuple[Movement, ...] = ()
    commands: tuple[Commands, ...] = ()
