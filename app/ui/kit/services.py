"""The objects of one page that act: each is built once, when it is first asked for, by the feature that declares it.

    services.of(Opener)                        # one object for the whole page

What comes from outside, such as the store of documents, is given: to all features in `PagePorts`, to one feature as a
value of a type of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from app.core.ports.blobs import Blob
from app.core.ports.documents import DocumentStore
from app.session import Session
from app.ui.kit.commands import Command
from app.ui.kit.context import PageContext
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.screen import Facts, Screen
from app.ui.kit.state import UiState

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePorts:
    """What every page is given, besides its session and its screen.

    `now` is the time, `steady` a clock that is never set. `random_seed(limit)` draws a whole number from 0 up to and
    including `limit`, `read_input(sha256)` reads a kept file of a form.
    """

    documents: DocumentStore
    read_input: Callable[[str], Awaitable[Blob | None]]
    random_seed: Callable[[int], int]
    now: Callable[[], float]
    steady: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]
    is_private: bool = False


class Frame(PageContext, Protocol):
    """The page, as the objects of features use it."""

    @property
    def shown(self) -> PageView | None:
        """The page as it was drawn last."""

    @property
    def translator(self) -> Translator | None:
        """The language of the page; None before the first one is loaded."""

    def commands(self, page: Projection | PageView) -> tuple[Command, ...]:
        """Return what can be done there now, of all features, in the order of the list."""

    def adjust(self, ui: UiState) -> None:
        """Replace the state by itself, not for the user: a reload does not restore it."""

    def request(self) -> None:
        """Draw in the next frame."""

    def draw(self) -> None:
        """Draw now."""

    def act(self, name: str, facts: Facts) -> None:
        """Do an action by its name."""

    def show_yourself(self) -> None:
        """Mark the tab for a user who looks for it from another window, until the tab is visible."""


class Services:
    """The objects of one page, by their types. `given` are those that come from outside."""

    def __init__(
        self,
        builders: Mapping[type, Callable[[Services], object]],
        page: Frame,
        session: Session,
        screen: Screen,
        *given: object,
        ports: PagePorts,
    ) -> None:
        self.page = page
        self.session = session
        self.screen = screen
        self.ports = ports
        self._builders = builders
        self._built: dict[type, object] = {type(item): item for item in given}

    def find(self, kind: type[Found]) -> Found | None:
        """Return the object of this type; None if it was not given, or cannot be built without what was not."""
        if kind not in self._built and kind in self._builders:
            self._built[kind] = self._builders[kind](self)
        found = self._built.get(kind)
        assert found is None or isinstance(found, kind)  # each is kept by its type
        return found

    def of(self, kind: type[Found]) -> Found:
        """Return the object of this type."""
        found = self.find(kind)
        if found is None:
            raise LookupError(f"no feature builds {kind.__name__}")
        return found
