"""Facts about a model, read from its metadata.

    read_model_facts('{"modelspec.trigger_phrase": "ink wash", "ss_resolution": "(1024, 1024)"}')
    # ModelFacts(words=("ink wash",), resolution=(1024, 1024))

ComfyUI returns the metadata of a safetensors header unchecked: texts by training programs (`ss_…`), by the model's
author (`modelspec.…`) or by a website, some of them JSON. Any of them may be missing, huge or invalid.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

LARGEST = 2 * 1024 * 1024  # bytes of metadata that are read; ComfyUI itself reads headers of up to 1 MiB
MOST_WORDS = 12
LONGEST = 80  # characters of a word or name

_WORDS = (
    "modelspec.trigger_phrase",
    "trained_words",
    "trainedWords",
    "ss_trained_words",
    "trigger_words",
    "ss_trigger_words",
    "trigger_word",
    "activation text",
)
_TAGS = "ss_tag_frequency"  # {folder of the training pictures: {tag: number of pictures}}
_BASES = ("modelspec.architecture", "ss_base_model_version", "ss_sd_model_name")
_RESOLUTIONS = ("modelspec.resolution", "ss_resolution")
_SIDES = re.compile(r"\D*(\d{1,5})(?:\s*[x×,]\s*(\d{1,5}))?\D*", re.ASCII)
_BETWEEN = re.compile(r"[,;\n]")
_MOST_PICTURES = 1e9  # larger counts are invalid


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Facts about one model: its trigger words, and the most frequent tags of its training pictures."""

    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    base: str = ""  # the model that it was trained for
    resolution: tuple[int, int] | None = None  # width and height of the training pictures
    is_too_large: bool = False  # the metadata was not read


def read_model_facts(text: str) -> ModelFacts:
    """Read the JSON of `/view_metadata`; no facts from an invalid answer."""
    metadata = _parsed(text)
    if not isinstance(metadata, Mapping):
        return ModelFacts()
    words = _distinct(word for key in _WORDS for word in _listed(metadata.get(key)))
    known = set(map(str.casefold, words))
    tags = (tag for tag in _frequent(metadata.get(_TAGS)) if tag.casefold() not in known)
    return ModelFacts(words, _distinct(tags), _base(metadata), _resolution(metadata))


def _parsed(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value


def _listed(value: object) -> Iterator[str]:
    """Yield the words of a text, of a list, or of a list written as JSON."""
    if isinstance(value, str):
        found = _parsed(value) if value.lstrip().startswith("[") else None
        value = found if isinstance(found, list) else [value]
    for item in value[:MOST_WORDS] if isinstance(value, list) else ():
        if isinstance(item, str):
            yield from _BETWEEN.split(item[: MOST_WORDS * LONGEST])


def _frequent(value: object) -> list[str]:
    """Return the most frequent tags first; more than needed, since some may be trigger words already."""
    folders = _parsed(value)
    counts: Counter[str] = Counter()
    for tags in folders.values() if isinstance(folders, Mapping) else ():
        for tag, count in tags.items() if isinstance(tags, Mapping) else ():
            if type(count) in (int, float) and 0 < count < _MOST_PICTURES:
                counts[tag] += count
    return [tag for tag, _ in counts.most_common(2 * MOST_WORDS)]


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for word in words:
        if plain := _plain(word):
            found.setdefault(plain.casefold(), plain)
        if len(found) == MOST_WORDS:
            break
    return tuple(found.values())


def _plain(text: str) -> str:
    """Return a text in one line, without invisible characters and those that change the direction of writing."""
    return " ".join("".join(one if one.isprintable() else " " for one in text[:LONGEST]).split())


def _base(metadata: Mapping[str, object]) -> str:
    for key in _BASES:
        value = metadata.get(key)
        if isinstance(value, str) and (found := _plain(value.partition("/")[0])):
            return found
    return ""


def _resolution(metadata: Mapping[str, object]) -> tuple[int, int] | None:
    for key in _RESOLUTIONS:
        value = metadata.get(key)
        sides = _SIDES.fullmatch(value[:LONGEST]) if isinstance(value, str) else None
        if sides is not None and int(sides[1]) and int(sides[2] or sides[1]):
            return int(sides[1]), int(sides[2] or sides[1])
    return None
