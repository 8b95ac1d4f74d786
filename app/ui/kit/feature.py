"""What a feature adds to the page, as one value: each folder of `app/ui` exports its `FEATURE`.

    FEATURE = Feature(
        parts=(Part(TrayView, tray_part),),             # its parts of the page as values
        regions={"tray": Region(TrayView, tray)},       # the markup of a part, by the id of its element
        dialogs=(DialogKind(ShareDialog, share_dialog, share),),
    )

`app/ui/page/features.py` lists all features, and the page does for each of them what its value says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from markupsafe import Markup

from app.core.model import PromptId
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.session_facts import Pictures, SessionFacts
from app.ui.kit.state import Dialog

Shown = TypeVar("Shown")
Opened = TypeVar("Opened", bound=Dialog)

Change = Callable[[PageView | None, PageView, Translator], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Part(Generic[Shown]):
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

    `follows_progress` if it shows the progress of a task.
    """

    kind: type[Opened]
    view: Callable[[Opened, Projection], Shown | None]
    draw: Callable[[Shown, Translator], Markup]
    follows_progress: bool = False


@dataclass(frozen=True, slots=True)
class OpenDialog:
    """The open dialog: what it shows, None if there is none, and its markup."""

    view: object | None = None
    draw: Callable[[Any, Translator], Markup] | None = None
    follows_progress: bool = False

    def markup(self, _: Translator) -> Markup:
        """Return the content of `#dialogs`."""
        return self.draw(self.view, _) if self.draw is not None and self.view is not None else Markup()


def plain_dialog(kind: type[Opened], draw: Callable[[Opened, Translator], Markup]) -> DialogKind[Opened, Opened]:
    """Return the kind of a dialog that shows nothing but what it says itself."""
    return DialogKind(kind, lambda dialog, _page: dialog, draw)


@dataclass(frozen=True, slots=True)
class Movement:
    """What moves while tasks run: the tasks, and the part with one of them as it has moved on."""

    running: Callable[[PageView], Iterable[PromptId]]
    move: Callable[[PageView, PromptId, SessionFacts, Pictures], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """What a feature adds to the page.

    `changes` are sent to the page beside its regions: facts of `static/js/patch.js`, from the page before and after.
    """

    parts: tuple[Part[Any], ...] = ()
    regions: Mapping[str, Region[Any]] = field(default_factory=dict)
    dialogs: tuple[DialogKind[Any, Any], ...] = ()
    changes: tuple[Change, ...] = ()
    movements: tuple[Movement, ...] = ()
