"""Words for prompts: what is offered while the user types."""

from __future__ import annotations

from collections.abc import Iterable

from app.ui.kit.feature import Feature, Life, Part, Region
from app.ui.kit.projection import Projection
from app.ui.kit.services import Services
from app.ui.words.state import Completion, WordsState, completion_of
from app.ui.words.words import Words
from app.ui.words.words_html import completion


def _completion(page: Projection) -> Completion:
    return completion_of(page.ui.of(WordsState), page.ui.hidden)


def _load(services: Services) -> None:
    services.page.spawn(services.of(Words).load())


def _refresh(services: Services) -> Iterable[object]:
    services.of(Words).refresh()
    return ()


FEATURE = Feature(
    parts=(Part(Completion, _completion),),
    regions={"words": Region(Completion, completion)},
    life=Life(load=_load, wake=_load, refresh=_refresh),
)
