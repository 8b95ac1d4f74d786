"""Models as a form shows them: which file a choice is, what its metadata says, and which field takes its words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.core.errors import MooringError
from app.core.model_facts import ModelFacts
from app.session import ModelFile
from app.workflows.forms.fields import Field, Text
from app.workflows.forms.guess import NEGATIVE


@dataclass(frozen=True, slots=True)
class ModelList:
    """The files of one list of choices, by choice, or why they are not known. `words` are those to search by."""

    files: Mapping[str, ModelFile] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    error: MooringError | None = None


@dataclass(frozen=True, slots=True)
class KnownModels:
    """What was read about models. `seen` are the list and the choice that the open picker tells about."""

    lists: Mapping[str, ModelList] = field(default_factory=dict)  # by the list's id
    facts: Mapping[ModelFile, ModelFacts] = field(default_factory=dict)
    seen: tuple[str, str] = ("", "")
    error: MooringError | None = None  # why the metadata of the seen one is not known


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model with its facts. `prompt` is the field that takes its words; `used` are those that are in it."""

    file: ModelFile
    facts: ModelFacts
    prompt: Field | None = None
    used: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SeenModel:
    """What an open picker tells about one choice, and the words to search its list by."""

    list_id: str = ""
    choice: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    model: ModelView | None = None
    error: MooringError | None = None


def model_view(known: KnownModels, list_id: str, choice: str, prompt: Field | None, text: str) -> ModelView | None:
    """Return the view of a choice; None until its metadata was read. `text` is what the field `prompt` has now."""
    listed = known.lists.get(list_id)
    file = listed.files.get(choice) if listed is not None else None
    facts = known.facts.get(file) if file is not None else None
    if file is None or facts is None:
        return None
    return ModelView(
        file, facts, prompt, frozenset(word for word in (*facts.words, *facts.tags) if has_word(text, word))
    )


def prompt_of(fields: Iterable[Field]) -> Field | None:
    """Return the one field that surely takes a prompt; None if there is none, or a choice of several."""
    texts = [item for item in fields if isinstance(item.kind, Text) and item.kind.is_multiline]
    wanted = [item for item in texts if not NEGATIVE.search(f"{item.label} {item.about} {item.input_name}")]
    return wanted[0] if len(wanted) == 1 else None


def has_word(text: str, word: str) -> bool:
    """Whether a prompt has this word between commas."""
    return word.casefold() in (part.strip().casefold() for part in text.replace("\n", ",").split(","))


def with_or_without(text: str, word: str) -> str:
    """Return the prompt with the word at its end, or without it if it is there."""
    if has_word(text, word):
        there = re.compile(rf"(^|[,\n])[^\S\n]*{re.escape(word)}[^\S\n]*(?=[,\n]|$)", re.IGNORECASE)
        return there.sub(lambda found: found[1].replace(",", ""), text, count=1).lstrip(", ")
    plain = text.rstrip().removesuffix(",")
    return f"{plain}, {word}" if plain else word
