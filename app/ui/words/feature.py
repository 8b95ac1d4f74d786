"""Words for prompts: what is offered while the user types."""

from __future__ import annotations

from collections.abc import Iterable

from app.ui.kit.feature import Feature, Life, PagePart, Region
from app.ui.kit.projection import Projection
from app.ui.kit.services import Services
from app.ui.words.state import Completion, WordsState, completion_of
from app.ui.words.words import WordLists
from app.ui.words.words_html import completion


def _completion(page: Projection) -> Completion:
    return completion_of(page.ui.of(WordsState), page.ui.hidden)


def _load(services: Services) -> None:
    services.page.spawn(services.of(WordLists).load())


def _refresh(services: Services) -> Iterable[object]:
    services.of(WordLists).refresh()
    return ()


FEATURE = Feature(
    parts=(PagePart(Completion, _completion),),
    regions={"words": Region(Completion, completion)},
    life=Life(load=_load, wake=_load, refresh=_refresh),
)
