"""One drawing of the page as values: every feature's parts, each found by its type.

    page.of(FormView)                          # what the feature of that part makes of it, once for each drawing

A part holds everything its markup needs and nothing else, so that two equal parts mean the same markup, and a region is
drawn only when its part has changed. A feature asks for the parts of others by their types, and imports only those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from app.ui.kit.session_facts import Pictures, SessionFacts
from app.ui.kit.state import UiState

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of the browser: whether it is online, and whether the window is private."""

    is_online: bool = True
    is_private: bool = False


@dataclass(frozen=True, slots=True)
class PageView:
    """The page as it is drawn: its parts by their types."""

    parts: Mapping[type, object]

    def of(self, kind: type[Found]) -> Found:
        """Return the part of this type."""
        found = self.parts[kind]
        assert isinstance(found, kind)  # each is kept by its type
        return found

    def with_parts(self, *parts: object) -> PageView:
        """Return the page with these parts replaced, by their types."""
        return PageView({**self.parts, **{type(part): part for part in parts}})


class Projection:
    """The page while it is projected: the session, the user's state, and the parts, each made when first asked for.

    `given` are parts that features have made beside the state, such as a list that was read. `word` returns the text
    that the page shows for a label, so that a search finds it. A part that no feature makes has its defaults.
    """

    def __init__(
        self,
        makers: Mapping[type, Callable[[Projection], object]],
        session: SessionFacts,
        ui: UiState,
        pictures: Pictures,
        given: tuple[object, ...] = (),
        *,
        language: str = "en",
        word: Callable[[str], str] = str,
    ) -> None:
        self.session = session
        self.ui = ui
        self.pictures = pictures
        self.language = language
        self.word = word
        self._makers = makers
        self._parts: dict[type, Any] = {type(item): item for item in given}

    def of(self, kind: type[Found]) -> Found:
        """Return the part of this type."""
        if kind not in self._parts:
            maker = self._makers.get(kind)
            self._parts[kind] = maker(self) if maker is not None else kind()
        found = self._parts[kind]
        assert isinstance(found, kind)  # each is kept by its type
        return found

    def view(self) -> PageView:
        """Return the page with the parts of all features, as they are now."""
        for kind in self._makers:
            self.of(kind)
        return PageView(self._parts)
