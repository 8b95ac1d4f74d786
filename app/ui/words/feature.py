"""Words for prompts: what is offered while the user types."""

from __future__ import annotations

from app.ui.kit.feature import Feature, Part, Region
from app.ui.kit.projection import Projection
from app.ui.words.state import Completion, WordsState, completion_of
from app.ui.words.words_html import completion


def _completion(page: Projection) -> Completion:
    return completion_of(page.ui.of(WordsState), page.ui.hidden)


FEATURE = Feature(parts=(Part(Completion, _completion),), regions={"words": Region(Completion, completion)})
