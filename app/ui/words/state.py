"""The state of words for prompts: the lists, and what is offered while the user types."""

from __future__ import annotations

from dataclasses import dataclass

from app.ui.kit.state import Slice
from app.workflows.word_lists import WordKind, WordList

SHOWN = 40  # lists; more are found by the library's search


@dataclass(frozen=True, slots=True)
class WordsState(Slice):
    """The user's lists, the published ones, and the names of models on servers, once a field needed them."""

    items: tuple[WordList, ...] = ()
    published: tuple[WordList, ...] = ()
    embeddings: tuple[str, ...] = ()
    loras: tuple[str, ...] = ()

    @property
    def lists(self) -> tuple[WordList, ...]:
        """All lists. A list of the user's replaces a published one of its name."""
        own = {(item.kind, item.name) for item in self.items}
        return (*self.items, *(item for item in self.published if (item.kind, item.name) not in own))


@dataclass(frozen=True, slots=True)
class WordsView:
    """The lists in the library; `is_search` if some may be left out by its search."""

    lists: tuple[WordList, ...] = ()
    more: int = 0
    is_search: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """What `static/js/complete.js` offers besides tags: the wildcards with their lengths, and names of models."""

    wildcards: tuple[tuple[str, int], ...] = ()
    embeddings: tuple[str, ...] = ()
    loras: tuple[str, ...] = ()


def completion_of(state: WordsState, hidden: frozenset[str]) -> Completion:
    """Return what is offered while the user types."""
    wildcards = (item for item in state.lists if item.kind is WordKind.WILDCARD and item.list_id not in hidden)
    return Completion(tuple((item.name, item.count) for item in wildcards), state.embeddings, state.loras)


def words_view(state: WordsState, query: str, hidden: frozenset[str]) -> WordsView:
    """Return the lists that the library shows."""
    words = query.casefold().split()
    found = [
        item
        for item in state.lists
        if item.list_id not in hidden and all(word in item.name.casefold() for word in words)
    ]
    return WordsView(tuple(found[:SHOWN]), max(0, len(found) - SHOWN), bool(words))


def is_published(item: WordList) -> bool:
    """Return whether a list is published, so that the user cannot delete it."""
    return item.list_id.startswith("published:")
