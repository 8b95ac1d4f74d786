"""Files of words for prompts: wildcards (`.txt`, a value on each line), and lists of tags (`.csv`) as tag packs are.

    item, text = read_word_file(data, "cats.txt", at=now)
    documents = written(item, text)                       # for `app/core/ports/documents.py`
    items = read_word_lists(await documents.read_kind(KIND))

A tag is a row `name,category,count,"alias,alias"`. All but the name may be missing; a row of two texts is a name and
its translation. The page searches tags in `static/js/words_worker.js`; here a list is only recognised.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from app.core.errors import BadInput
from app.core.model import RECORD_VERSION
from app.core.ports.documents import DocumentKey
from app.core.saved import PublishedFile
from app.workflows.forms.records import from_text, to_text
from app.workflows.wildcards import LONGEST_NAME, name_key, read_lines
from wire.word_lists import LARGEST, TAGS, WILDCARD, ending_of

KIND, FILE_KIND = "words", "words-file"
SAMPLE = 200  # rows of a list of tags that are checked
LONGEST_TAG = 120  # characters
_USUAL = 0.9  # of the rows must be tags
_UNFIT = re.compile(r"[^\w.+/ -]")
_FOLDER = re.compile(r"^(?:.*/)?(?:wildcards|tags)/", re.IGNORECASE)


class WordKind(Enum):
    """What a file of words is; the values are the endings of its name."""

    WILDCARD = WILDCARD
    TAGS = TAGS


@dataclass(frozen=True, slots=True)
class WordList:
    """The list entry of one file of words: its name without the ending, and how many lines or tags it has."""

    list_id: str
    name: str
    kind: WordKind
    count: int = 0
    added_at: float = 0.0
    v: int = RECORD_VERSION
    extra: Mapping[str, Any] = field(default_factory=dict)


def is_word_file(name: str) -> bool:
    """Whether a file may have words, by its name."""
    return bool(ending_of(name))


def read_word_file(data: bytes, path: str, *, at: float) -> tuple[WordList, str]:
    """Return the entry and the text of a file; BadInput says why it has no words."""
    ending = ending_of(path)
    if len(data) > LARGEST[ending]:
        raise BadInput("words-too-large", path, str(LARGEST[ending] // 1_000_000))
    text = _decoded(data, path)
    kind, name = WordKind(ending), word_list_name(path)
    if kind is WordKind.WILDCARD:
        count = len(read_lines(text))
    else:
        count = text.count("\n") + (not text.endswith("\n")) if _has_tags(text) else 0
        if not count:
            raise BadInput("words-no-tags", path)
    if not name or not count:
        raise BadInput("words-empty", path)
    list_id = hashlib.sha256(f"{kind.value} {name_key(name)}".encode()).hexdigest()[:32]
    return WordList(list_id, name, kind, count, at), text


def word_list_name(path: str) -> str:
    """Return the name by which prompts refer to a file: without its ending, and the folder `wildcards` or `tags`."""
    plain = _FOLDER.sub("", path.replace("\\", "/")).strip("/")
    stem = plain[: len(plain) - len(ending_of(plain))]
    name = re.sub("__+", "_", _UNFIT.sub("-", stem))[:LONGEST_NAME]
    return "/".join(part for part in (part.strip(" _") for part in name.split("/")) if part.strip("."))


def published_lists(files: Iterable[PublishedFile]) -> tuple[tuple[WordList, PublishedFile], ...]:
    """Return the published files of words with their entries; how many lines they have is not known."""
    return tuple(
        (WordList(f"published:{file.path}:{file.tag}", word_list_name(file.path), WordKind(ending)), file)
        for file in files
        if (ending := ending_of(file.path))
    )


def written(item: WordList, text: str) -> dict[DocumentKey, str]:
    """The documents of a list."""
    return {(KIND, item.list_id): to_text(item), (FILE_KIND, item.list_id): text}


def keys_of(list_id: str) -> tuple[DocumentKey, DocumentKey]:
    """The documents of a list: its entry and its text."""
    return (KIND, list_id), (FILE_KIND, list_id)


def deleted(list_id: str) -> dict[DocumentKey, str | None]:
    """The changes that delete a list."""
    return dict.fromkeys(keys_of(list_id))


def read_word_lists(documents: Mapping[str, str]) -> tuple[WordList, ...]:
    """The lists by name; unreadable ones are left out, and stay in the store."""
    found = [item for text in documents.values() if isinstance(item := from_text(WordList, text), WordList)]
    return tuple(sorted(found, key=lambda item: (item.kind.value, name_key(item.name), item.list_id)))


def whole(documents: Mapping[DocumentKey, str]) -> dict[DocumentKey, str]:
    """The lists of an export, read as files that the user adds. Those without words are left out."""
    found: dict[DocumentKey, str] = {}
    for (kind, list_id), text in documents.items():
        item = from_text(WordList, text) if kind == KIND else None
        if not isinstance(item, WordList):
            continue
        data = documents.get((FILE_KIND, list_id), "").encode("utf-8", "replace")
        try:
            found |= written(*read_word_file(data, f"{item.name}{item.kind.value}", at=item.added_at))
        except BadInput:
            continue
    return found


def _decoded(data: bytes, path: str) -> str:
    """The text of a file in UTF-8 or UTF-16, or else in Latin-1, in which many old wildcards are."""
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if "\0" in text:
        raise BadInput("words-no-text", path)
    return text


def _has_tags(text: str) -> bool:
    """Whether most of the first rows begin with what may be a tag."""
    try:
        rows = [row for row in itertools.islice(csv.reader(text[: SAMPLE * 4_000].splitlines()), SAMPLE) if row]
    except csv.Error:
        return False
    tags = sum(0 < len(row[0].strip()) <= LONGEST_TAG for row in rows)
    return bool(rows) and tags >= _USUAL * len(rows)
