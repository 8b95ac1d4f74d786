"""The user's library: workflows that were opened here, each with its entry for lists.

    item, body = item_of(source, Origin.FILE, at=now)
    documents = written(item, body)                         # for `app/core/ports/documents.py`
    items = read_items(await documents.read_kind(KIND))     # those that can be read; the latest used first
    found(items, "portrait", tag="studio")

    text = export_text(documents, layouts)                  # everything as one file, and back
    bundle = read_export(text)

An item has the id of its file's first content: the same workflow opened twice is one item. The content is stored apart
from the item, since a list of hundreds does not need it. Earlier contents of an item are in `versions.py`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from app.core.errors import BadInput, SourceFault, reason_of
from app.core.model import RECORD_VERSION, PromptId
from app.core.ports.documents import DocumentKey
from app.workflows import word_lists
from app.workflows.bounds import MAX_FILE, check_file, refusal
from app.workflows.documents import FileNote
from app.workflows.forms.presets import PRESET_KIND, RECENT_KIND
from app.workflows.forms.records import Undecoded, from_text, to_text
from app.workflows.forms.search import plain
from app.workflows.reading import Source

KIND, FILE_KIND, VERSION_KIND = "workflow", "workflow-file", "workflow-version"
SEEN_KIND = "published-seen"  # not exported: another installation has other files
EXPORTED_KINDS = (KIND, FILE_KIND, VERSION_KIND, PRESET_KIND, RECENT_KIND, word_lists.KIND, word_lists.FILE_KIND)
LONGEST_TITLE = 200  # characters
LONGEST_TAG = 40
MOST_TAGS = 20
MOST_SEEN = 1000  # published files
MOST_PROMPTS = 4  # of these, one should have a picture
MOST_RUNS = 12  # of all contents, that are searched for a picture
_MARK = "mooring-library"
_ID = re.compile("[0-9a-f]{32}")
_LATEST = 1e11  # seconds since 1970: the year 5138
_ENDING = re.compile(r"(?:_\d{5}_?)?(?:\.app)?\.[A-Za-z0-9]{1,5}$")  # after SaveImage's counter or `.app`


class WorkflowOrigin(Enum):
    """The source of a workflow."""

    FILE = "file"
    PASTED = "pasted"
    SERVER = "server"  # a server's own saved workflows
    RESULT = "result"  # the workflow of a result
    LINK = "link"  # a link with a whole workflow


@dataclass(frozen=True, slots=True)
class Version:
    """An earlier content of an item: its hash, when it came into the library, and its runs, latest first."""

    content: str
    at: float = 0.0
    size: int = 0  # bytes of its document
    prompts: tuple[PromptId, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def used(self, prompt_id: PromptId) -> Version:
        """The version after a run."""
        return replace(self, prompts=(prompt_id, *self.prompts)[:MOST_PROMPTS])


@dataclass(frozen=True, slots=True)
class Item:
    """The list entry of one workflow. Its picture is a result of one of `prompts`, its runs, latest first.

    `versions` are its earlier contents, the one left last first.
    """

    item_id: str
    title: str = ""
    origin: WorkflowOrigin = WorkflowOrigin.FILE
    place: str = ""  # the file's name, or the server's id and the name on it
    added_at: float = 0.0
    used_at: float = 0.0
    tags: tuple[str, ...] = ()
    prompts: tuple[PromptId, ...] = ()
    content: str = ""  # the hash of its file, if that has changed
    changed_at: float = 0.0  # when that content came into the library
    versions: tuple[Version, ...] = ()
    v: int = RECORD_VERSION
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def content_id(self) -> str:
        """The hash of its file."""
        return self.content or self.item_id

    @property
    def since(self) -> float:
        """When its present content came into the library."""
        return self.changed_at or self.added_at

    @property
    def runs(self) -> tuple[PromptId, ...]:
        """Its runs here: those of its present content first, then those of earlier ones."""
        runs = *self.prompts, *(prompt_id for version in self.versions for prompt_id in version.prompts)
        return runs[:MOST_RUNS]

    def used(self, at: float, prompt_id: PromptId | None = None) -> Item:
        """The item after it was opened, or run as that prompt."""
        new = () if prompt_id is None else (prompt_id,)
        return replace(self, used_at=at, prompts=(*new, *self.prompts)[:MOST_PROMPTS])

    def titled(self, title: str) -> Item:
        """The item with another title; an empty one changes nothing."""
        cut = " ".join(title.split())[:LONGEST_TITLE]
        return replace(self, title=cut or self.title)

    def tagged(self, tags: Iterable[str]) -> Item:
        """The item with these tags, each once, in the given order."""
        cut = (" ".join(tag.split())[:LONGEST_TAG] for tag in tags)
        return replace(self, tags=tuple(dict.fromkeys(tag for tag in cut if tag))[:MOST_TAGS])


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A published file as the user last opened it: its tag, and when."""

    path: str
    tag: str = ""
    at: float = 0.0
    extra: Mapping[str, Any] = field(default_factory=dict)


def read_seen(documents: Mapping[str, str]) -> dict[str, SeenFile]:
    """What was seen, by path; unreadable ones are left out."""
    found = (from_text(SeenFile, text) for text in documents.values())
    return {item.path: item for item in found if isinstance(item, SeenFile)}


def seen_changes(seen: Mapping[str, SeenFile], new: SeenFile) -> dict[DocumentKey, str | None]:
    """The changes that note a published file; the oldest notes make room."""
    others = sorted((item for item in seen.values() if item.path != new.path), key=lambda item: -item.at)
    old = (item.path for item in others[MOST_SEEN - 1 :])
    return {(SEEN_KIND, new.path): to_text(new), **{(SEEN_KIND, path): None for path in old}}


@dataclass(frozen=True, slots=True)
class ItemContent:
    """The content of the file: the editor's graph, the API format, or both, and its notes."""

    api: str = ""
    graph: str = ""
    notes: tuple[FileNote, ...] = ()
    v: int = RECORD_VERSION
    extra: Mapping[str, Any] = field(default_factory=dict)


def item_of(source: Source, origin: WorkflowOrigin, *, at: float, place: str = "") -> tuple[Item, ItemContent]:
    """A new item for what was read from a file."""
    body = ItemContent(source.api or "", source.graph or "", tuple(sorted(source.notes, key=lambda note: note.value)))
    title = _ENDING.sub("", source.name).replace("_", " ").strip()
    item = Item(item_id_of(body), origin=origin, place=place or source.name, added_at=at, used_at=at)
    return item.titled(title), body


def item_id_of(body: ItemContent) -> str:
    """The id of a workflow, derived from its content."""
    return hashlib.sha256((body.graph or body.api).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def version_key(item_id: str, content: str) -> DocumentKey:
    """The document of an earlier content."""
    return VERSION_KIND, f"{item_id}/{content}"


def written(item: Item, body: ItemContent | None = None) -> dict[DocumentKey, str | None]:
    """The documents of an item; without `body`, its file is not changed."""
    documents: dict[DocumentKey, str | None] = {(KIND, item.item_id): to_text(item)}
    if body is not None:
        documents[FILE_KIND, item.item_id] = to_text(body)
    return documents


def deleted(item_id: str, versions: Iterable[Version] = ()) -> dict[DocumentKey, str | None]:
    """The changes that delete an item with its versions."""
    earlier = (version_key(item_id, version.content) for version in versions)
    return dict.fromkeys(((KIND, item_id), (FILE_KIND, item_id), *earlier))


def read_items(documents: Mapping[str, str]) -> tuple[Item, ...]:
    """The items, the latest used first; unreadable ones are left out, and stay in the store."""
    items = [found for text in documents.values() if isinstance(found := from_text(Item, text), Item)]
    return tuple(sorted(items, key=lambda item: (-item.used_at, item.item_id)))


def read_body(text: str) -> ItemContent:
    """The content of an item's file; BadInput if it cannot be read."""
    body = from_text(ItemContent, text)
    if isinstance(body, Undecoded):
        raise refusal(SourceFault.DAMAGED, body.detail)
    return body


def found(items: Iterable[Item], query: str = "", tag: str = "") -> tuple[Item, ...]:
    """The items with every word of the query in title, place or tags, and with that tag if one is given."""
    words = plain(query).split()
    return tuple(
        item for item in items if (not tag or tag in item.tags) and all(word in _searched(item) for word in words)
    )


def tags_of(items: Iterable[Item]) -> tuple[str, ...]:
    """All tags, in order."""
    return tuple(sorted({tag for item in items for tag in item.tags}, key=lambda tag: (plain(tag), tag)))


@dataclass(frozen=True, slots=True)
class Bundle:
    """The content of one export: documents by kind and name, and layouts by their workflow's shape."""

    documents: Mapping[DocumentKey, str] = field(default_factory=dict)
    layouts: Mapping[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of workflows in it."""
        return sum(kind == KIND for kind, _ in self.documents)

    @property
    def without_versions(self) -> Bundle:
        """The bundle without earlier contents of workflows."""
        return replace(self, documents={key: text for key, text in self.documents.items() if key[0] != VERSION_KIND})


def export_text(bundle: Bundle) -> str:
    """The file of a bundle."""
    documents = [[kind, name, text] for (kind, name), text in sorted(bundle.documents.items())]
    return json.dumps({_MARK: RECORD_VERSION, "papers": documents, "layouts": dict(bundle.layouts)}, ensure_ascii=False)


def can_be_read(text: str) -> bool:
    """Whether an export is small enough to be taken in."""
    return len(text.encode("utf-8", "surrogatepass")) <= MAX_FILE


def is_export(text: str) -> bool:
    """Whether a file's text claims to be an export."""
    return text.lstrip("\ufeff \t\r\n").startswith(f'{{"{_MARK}"')


def read_export(text: str, name: str = "") -> Bundle:
    """Parse an export, or raise BadInput. Items without their file, and files and versions of others, are left out."""
    check_file(len(text))
    try:
        parsed = json.loads(text)
        documents = {
            (str(kind), str(key)): str(document) for kind, key, document in parsed["papers"] if kind in EXPORTED_KINDS
        }
        layouts = {str(key): str(layout) for key, layout in parsed["layouts"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(SourceFault.DAMAGED.value, name, reason_of(error)) from error
    others = {key: text for key, text in documents.items() if key[0] in {PRESET_KIND, RECENT_KIND}}
    return Bundle({**others, **_whole_items(documents), **word_lists.whole(documents)}, layouts)


def _whole_items(documents: Mapping[DocumentKey, str]) -> dict[DocumentKey, str]:
    whole: dict[DocumentKey, str] = {}
    for (kind, item_id), text in documents.items():
        item, file = from_text(Item, text) if kind == KIND else None, documents.get((FILE_KIND, item_id), "")
        content = item.content_id if isinstance(item, Item) else item_id
        if kind != KIND or not _ID.fullmatch(item_id) or not _has_content(file, content):
            continue
        whole |= {(KIND, item_id): text, (FILE_KIND, item_id): file}
        if isinstance(item, Item):
            own = _checked(replace(item, item_id=item_id))
            versions = tuple(_whole_versions(own, documents))
            whole[KIND, item_id] = to_text(replace(own, versions=versions))
            keys = (version_key(item_id, version.content) for version in versions)
            whole |= {key: documents[key] for key in keys}
    return whole


def _checked(item: Item) -> Item:
    """An item from outside with times that a calendar has."""
    return replace(item, added_at=_time(item.added_at), used_at=_time(item.used_at), changed_at=_time(item.changed_at))


def _time(seconds: float) -> float:
    return seconds if 0 <= seconds <= _LATEST else 0.0


def _whole_versions(item: Item, documents: Mapping[DocumentKey, str]) -> Iterator[Version]:
    seen = {item.content_id}
    for version in item.versions:
        text = documents.get(version_key(item.item_id, version.content), "")
        if version.content not in seen and _has_content(text, version.content):
            seen.add(version.content)
            size, prompts = len(text.encode("utf-8", "surrogatepass")), version.prompts[:MOST_PROMPTS]
            yield replace(version, at=_time(version.at), size=size, prompts=prompts)


def _has_content(text: str, content: str) -> bool:
    found = from_text(ItemContent, text)
    return isinstance(found, ItemContent) and item_id_of(found) == content


def _searched(item: Item) -> str:
    return plain("\n".join((item.title, item.place, *item.tags)))
