"""Texts about the facts of a model."""

from __future__ import annotations

import json

from app.core.model_facts import ModelFacts
from app.ui.form.models import MarkedModel, ModelView
from app.ui.kit.i18n import Translator


def facts_line(model: ModelView, _: Translator) -> str:
    """Return what is known of base model, resolution and size."""
    size = _.formats.size(model.file.size) if model.file.size else ""
    return " · ".join(filter(None, (model.facts.base, word_resolution(model.facts, _), size)))


def word_resolution(facts: ModelFacts, _: Translator) -> str:
    """Return width and height, without separators between thousands, as is usual for models."""
    if facts.resolution is None:
        return ""
    width, height = map(str, facts.resolution)
    return _("{width} × {height}", width=width, height=height)


def words_json(view: MarkedModel) -> str:
    """Return the words of each choice whose metadata was read."""
    return json.dumps(dict(view.words), ensure_ascii=False)
