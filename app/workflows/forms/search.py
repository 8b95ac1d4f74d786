"""Search in a form: every word of the query must be in what the user can see of a node or of one of its fields.

Titles, classes, names of inputs, labels and values count; Chinese unchanged, full-width letters as normal ones.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from app.workflows.forms.fields import Field
from app.workflows.forms.form import Section
from app.workflows.graph import Key

LONGEST = 2_000  # characters of one value that are searched


def search(
    sections: tuple[Section, ...],
    query: str,
    texts: Mapping[Key, str] | None = None,
    translate: Callable[[str], str] = str,
) -> tuple[Section, ...]:
    """The sections that match: a node that matches itself with all its fields, else with its matching fields.

    `texts` are the form's texts, `translate` turns a label into what the page shows for it.
    """
    words = plain(query).split()
    if not words:
        return sections
    return tuple(_found(sections, words, texts or {}, translate))


def plain(text: str) -> str:
    """A text without differences in case, width and ligatures."""
    return unicodedata.normalize("NFKC", text).casefold()


def _found(
    sections: tuple[Section, ...], words: list[str], texts: Mapping[Key, str], translate: Callable[[str], str]
) -> Iterator[Section]:
    for section in sections:
        about = plain(
            f"{translate(section.title)} {section.title} {section.class_type} {section.group} #{section.node_id}"
        )
        left = [word for word in words if word not in about]
        if not left:
            yield section
            continue
        fields = tuple(item for item in section.fields if _has(item, left, texts, translate))
        if fields:
            yield replace(section, fields=fields)


def _has(item: Field, words: list[str], texts: Mapping[Key, str], translate: Callable[[str], str]) -> bool:
    value = item.text_in(texts)[:LONGEST]
    about = plain(f"{translate(item.label)} {item.label} {item.input_name} {value}")
    return all(word in about for word in words)
