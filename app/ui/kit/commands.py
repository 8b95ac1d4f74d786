"""Commands: what can be done on the page now, for the palette and for single keys. Each feature yields its own.

A command has the same action and facts as its button. Its id is the same in all windows, so that it can be listed as
recent; `kind:subject` is that of one of many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.state import UiState


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
    def kind(self) -> str:
        """Its id without the subject."""
        return self.command_id.partition(":")[0]

    @property
    def is_one_of_many(self) -> bool:
        """Whether there is one for each of many things, such as results."""
        return self.kind != self.command_id

    @property
    def text(self) -> str:
        """The text that is searched: ids are English, and are found in every language."""
        return f"{self.title} {self.aside} {self.terms} {self.kind}"


Commands = Callable[[Projection | PageView, UiState, Translator], Iterator[Command]]

_PLACES = {group: place for place, group in enumerate(Group)}


def in_order(commands: Iterable[Command]) -> tuple[Command, ...]:
    """Return them by their groups, in each those about one of many things last."""
    return tuple(sorted(commands, key=lambda item: (_PLACES[item.group], item.is_one_of_many)))


def jump(region: str, title: str) -> Command:
    """Return the command that moves to a region of the page."""
    return Command(f"go-{region}", title, Group.GO, "fit", region, manner=Manner.JUMP, terms="go jump section")
