"""The facts of a model in one line, and its words as the picker searches them."""

from __future__ import annotations

import json

from app.core.model_facts import ModelFacts
from app.ui.form.models import ModelView, SeenModel
from app.ui.kit.i18n import Translator


def facts_line(model: ModelView, _: Translator) -> str:
    """Base model, resolution and size, as far as they are known."""
    size = _.formats.size(model.file.size) if model.file.size else ""
    return " · ".join(filter(None, (model.facts.base, word_resolution(model.facts, _), size)))


def word_resolution(facts: ModelFacts, _: Translator) -> str:
    """Width and height without separators between thousands, as models are described everywhere."""
    if facts.resolution is None:
        return ""
    width, height = map(str, facts.resolution)
    return _("{width} × {height}", width=width, height=height)


def words_json(view: SeenModel) -> str:
    """The words of each choice, as far as its metadata was read."""
    return json.dumps(dict(view.words), ensure_ascii=False)
