"""Models in a form: the file of each choice, the facts in its metadata, and the prompt that takes its trigger words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from app.core.errors import MooringError
from app.core.model_facts import ModelFacts
from app.session import ModelFile
from app.workflows.forms.fields import Field
from app.workflows.forms.guess import NEGATIVE
from app.workflows.forms.kinds import Text


@dataclass(frozen=True, slots=True)
class ModelList:
    """The files of one list of choices, by choice, or the error. `words` are searched beside the names."""

    files: Mapping[str, ModelFile] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    error: MooringError | None = None


@dataclass(frozen=True, slots=True)
class KnownModels:
    """Everything that was read about models. `marked` are the list and the choice that the open picker describes."""

    lists: Mapping[str, ModelList] = field(default_factory=dict)  # by the list's id
    facts: Mapping[ModelFile, ModelFacts] = field(default_factory=dict)
    marked: tuple[str, str] = ("", "")
    error: MooringError | None = None  # why the metadata of the marked one was not read


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model with its facts. `prompt` is the field that takes its words; `used` are the words that it contains."""

    file: ModelFile
    facts: ModelFacts
    prompt: Field | None = None
    used: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class MarkedModel:
    """The marked choice of an open picker, and the words by which its list can be searched."""

    list_id: str = ""
    choice: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    model: ModelView | None = None
    error: MooringError | None = None


def with_words(listed: ModelList, facts: Mapping[ModelFile, ModelFacts]) -> ModelList:
    """Return the list with the words of those models whose metadata was read."""
    found = {choice: facts[file] for choice, file in listed.files.items() if file in facts}
    words = {choice: " ".join((*item.words, *item.tags)) for choice, item in found.items() if item.words or item.tags}
    return replace(listed, words=words)


def model_view(known: KnownModels, list_id: str, choice: str, prompt: Field | None, text: str) -> ModelView | None:
    """Return the view of a choice; None until its metadata was read. `text` is the value of the field `prompt`."""
    listed = known.lists.get(list_id)
    file = listed.files.get(choice) if listed is not None else None
    facts = known.facts.get(file) if file is not None else None
    if file is None or facts is None:
        return None
    return ModelView(
        file, facts, prompt, frozenset(word for word in (*facts.words, *facts.tags) if has_word(text, word))
    )


def prompt_of(fields: Iterable[Field]) -> Field | None:
    """Return the only field that takes a positive prompt; None if there are none or several."""
    texts = [item for item in fields if isinstance(item.kind, Text) and item.kind.is_multiline]
    wanted = [item for item in texts if not NEGATIVE.search(f"{item.label} {item.about} {item.input_name}")]
    return wanted[0] if len(wanted) == 1 else None


def has_word(text: str, word: str) -> bool:
    """Whether this word stands between commas in a prompt."""
    return word.casefold() in (part.strip().casefold() for part in text.replace("\n", ",").split(","))


def with_or_without(text: str, word: str) -> str:
    """Return the prompt without the word if it has it, else with the word at its end."""
    if has_word(text, word):
        there = re.compile(rf"(^|[,\n])[^\S\n]*{re.escape(word)}[^\S\n]*(?=[,\n]|$)", re.IGNORECASE)
        return there.sub(lambda found: found[1].replace(",", ""), text, count=1).lstrip(", ")
    plain = text.rstrip().removesuffix(",")
    return f"{plain}, {word}" if plain else word
