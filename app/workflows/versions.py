"""Earlier contents of a library's items: kept when a file changes, found by content, and made current again.

    changes = saved(texts, item, body)              # `texts` are the documents of `keys_of(item)`, as they are now
    changes = went_back(texts, item_id, content)    # with the version's own document among them

Each function makes the changes of one transaction (`change_documents` in `app/core/ports/documents.py`), so that two
windows that save at the same time lose nothing. The content that is left becomes a version itself. The oldest versions
make room for newer ones: within MOST_VERSIONS and MOST_BYTES, but the latest always stays.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from app.core.errors import BadInput, SourceFault
from app.core.model import PromptId
from app.core.ports.documents import Changes, DocumentKey
from app.workflows import word_lists
from app.workflows.forms.presets import PRESET_KIND
from app.workflows.forms.records import Undecoded, from_text
from app.workflows.library import (
    FILE_KIND,
    KIND,
    Bundle,
    Item,
    ItemContent,
    Version,
    WorkflowOrigin,
    deleted,
    item_id_of,
    read_body,
    version_key,
    written,
)

MOST_VERSIONS = 20
MOST_BYTES = 10_000_000  # of the versions of one item
_HALF = 0.5  # of the nodes of the smaller one, which two contents of one workflow share
_COPY = re.compile(r" ?\([0-9]{1,3}\)(?=\.json$)")  # a browser's number for a second download
_Texts = Mapping[DocumentKey, str]


def keys_of(item_id: str, *contents: str) -> tuple[DocumentKey, ...]:
    """The documents of an item, with these versions."""
    return (KIND, item_id), (FILE_KIND, item_id), *(version_key(item_id, content) for content in contents)


def holder_of(items: Iterable[Item], content: str) -> Item | None:
    """The item with that content, else one with such a version."""
    known = tuple(items)
    earlier = (item for item in known if any(version.content == content for version in item.versions))
    return next((item for item in known if item.content_id == content), None) or next(earlier, None)


def namesakes(items: Iterable[Item], origin: WorkflowOrigin, place: str) -> Iterator[Item]:
    """The items that come from the same place as a new file: of the same name, or saved under it on one server."""
    if place.endswith(".json") and origin in {WorkflowOrigin.FILE, WorkflowOrigin.SERVER, WorkflowOrigin.LINK}:
        name = _COPY.sub("", place)
        yield from (item for item in items if item.origin is origin and _COPY.sub("", item.place) == name)


def is_same_work(before: ItemContent, after: ItemContent) -> bool:
    """Whether two contents are of one workflow: by the editor's id if both have one, else by the nodes they share."""
    old, new = _parsed(before), _parsed(after)
    ids = old.get("id"), new.get("id")
    if all(isinstance(item, str) and item for item in ids):
        return ids[0] == ids[1]
    mine, others = set(_nodes(old)), set(_nodes(new))
    return len(mine & others) >= _HALF * max(1, min(len(mine), len(others)))


def saved(texts: _Texts, item: Item, body: ItemContent) -> Changes:
    """The changes that save an item with this content. One that is saved already keeps its title and tags."""
    known = _item(texts, item.item_id)
    if known is None:
        return written(replace(item, content=_own_content(item.item_id, item_id_of(body))), body)
    if known.content_id == item_id_of(body):
        return written(known.used(item.used_at), body)
    return _replaced(texts, known, body, at=item.used_at)


def went_back(texts: _Texts, item_id: str, content: str, *, at: float) -> Changes:
    """The changes that make an earlier content current; BadInput if it is missing."""
    item, text = _item(texts, item_id), texts.get(version_key(item_id, content))
    if item is None or text is None:
        raise BadInput(SourceFault.GONE.value, "" if item is None else item.title, content)
    return _replaced(texts, item, read_body(text), at=at)


def parted(texts: _Texts, item_id: str, content: str, *, at: float) -> Changes:
    """The changes that make a version an item of its own; BadInput if it is missing."""
    item, text = _item(texts, item_id), texts.get(version_key(item_id, content))
    version = next((other for other in item.versions if other.content == content), None) if item is not None else None
    if item is None or version is None or text is None:
        raise BadInput(SourceFault.GONE.value, "" if item is None else item.title, content)
    others = tuple(other for other in item.versions if other is not version)
    alone = replace(
        item,
        item_id=parted_id(item_id, content),
        added_at=version.at,
        used_at=at,
        prompts=version.prompts,
        content=content,
        changed_at=version.at,
        versions=(),
    )
    return {
        **written(replace(item, versions=others)),
        version_key(item_id, content): None,
        **written(alone),
        (FILE_KIND, alone.item_id): text,
    }


def parted_id(item_id: str, content: str) -> str:
    """The id of the item that a version becomes."""
    return hashlib.sha256(f"{item_id}/{content}".encode()).hexdigest()[:32]


def noted(item: Item, content: str, prompt_id: PromptId, at: float) -> Item:
    """The item after a run of this content, which may be an earlier one in another window."""
    if content in {"", item.content_id}:
        return item.used(at, prompt_id)
    versions = (version.used(prompt_id) if version.content == content else version for version in item.versions)
    return replace(item.used(at), versions=tuple(versions))


def removed(texts: _Texts, item_id: str) -> Changes:
    """The changes that delete an item with its versions."""
    item = _item(texts, item_id)
    return deleted(item_id, () if item is None else item.versions)


def merged(bundle: Bundle, known: _Texts) -> dict[DocumentKey, str | None]:
    """The changes that import a bundle into the `known` documents of its items, of which nothing is lost.

    Of two contents of an item, the later one is current and the other a version. Lists of words that exist stay.
    """
    changes: dict[DocumentKey, str | None] = {}
    for (kind, name), text in bundle.documents.items():
        if kind == PRESET_KIND:
            changes[kind, name] = text
        elif kind == KIND:
            changes |= _merged(name, text, bundle.documents, known)
        elif kind == word_lists.KIND and (kind, name) not in known:
            changes |= {key: bundle.documents[key] for key in word_lists.keys_of(name)}
    return changes


def keys_to_merge(bundle: Bundle) -> tuple[DocumentKey, ...]:
    """The documents that `merged` needs."""
    lists = ((kind, name) for kind, name in bundle.documents if kind == word_lists.KIND)
    return *lists, *(key for kind, name in bundle.documents if kind == KIND for key in keys_of(name))


def _merged(item_id: str, text: str, theirs: _Texts, ours: _Texts) -> Changes:
    mine, other = _item(ours, item_id), from_text(Item, text)
    if isinstance(other, Undecoded):  # of a newer version: as it is, unless the item is here
        return {} if (KIND, item_id) in ours else {key: theirs[key] for key in keys_of(item_id)}
    if (KIND, item_id) not in ours or mine is None:
        here = ours.get((KIND, item_id))
        is_newer = here is not None and isinstance(found := from_text(Item, here), Undecoded) and found.is_newer
        return {} if is_newer else _added(other, theirs)
    return _joined(mine, other, theirs, ours)


def _added(item: Item, texts: _Texts) -> Changes:
    kept, _ = _bounded(item.versions)
    keys = [(FILE_KIND, item.item_id), *(version_key(item.item_id, version.content) for version in kept)]
    return {**written(replace(item, versions=kept)), **{key: texts[key] for key in keys}}


def _joined(mine: Item, other: Item, theirs: _Texts, ours: _Texts) -> Changes:
    item_id, file = mine.item_id, (FILE_KIND, mine.item_id)
    is_theirs = other.content_id != mine.content_id and (other.since > mine.since or file not in ours)
    later = other if is_theirs else mine
    texts = {version.content: theirs[version_key(item_id, version.content)] for version in other.versions}
    texts[other.content_id] = theirs[file]
    known = {version.content: version for version in (*other.versions, _left(other, theirs[file]))}
    if file in ours:
        texts[mine.content_id] = ours[file]
        known[mine.content_id] = _left(mine, ours[file])
    known |= {version.content: version for version in mine.versions}
    del known[later.content_id]
    kept, _ = _bounded(sorted(known.values(), key=lambda version: -version.at))
    before, after = {version.content for version in mine.versions}, {version.content for version in kept}
    joined = replace(
        mine.tagged((*mine.tags, *other.tags)),
        used_at=max(mine.used_at, other.used_at),
        content=_own_content(item_id, later.content_id),
        changed_at=later.since,
        prompts=later.prompts,
        versions=kept,
    )
    return {
        **written(joined),
        **({file: theirs[file]} if is_theirs or file not in ours else {}),
        **{version_key(item_id, content): texts[content] for content in after - before},
        **{version_key(item_id, content): None for content in before - after},
    }


def _replaced(texts: _Texts, item: Item, body: ItemContent, *, at: float) -> Changes:
    content, file = item_id_of(body), texts.get((FILE_KIND, item.item_id))
    known = next((version for version in item.versions if version.content == content), None)
    left = () if file is None else (_left(item, file),)
    kept, dropped = _bounded((*left, *(version for version in item.versions if version is not known)))
    now = replace(
        item,
        used_at=at,
        content=_own_content(item.item_id, content),
        changed_at=at if known is None else known.at,
        prompts=() if known is None else known.prompts,
        versions=kept,
    )
    gone = (*dropped, *(() if known is None else (known,)))
    return {
        **written(now, body),
        **{version_key(item.item_id, version.content): None for version in gone},
        **{version_key(item.item_id, version.content): file for version in left if file is not None},
    }


def _left(item: Item, file: str) -> Version:
    """The present content as a version."""
    return Version(item.content_id, item.since, len(file.encode("utf-8", "surrogatepass")), item.prompts)


def _bounded(versions: Iterable[Version]) -> tuple[tuple[Version, ...], tuple[Version, ...]]:
    """The versions that are kept, the latest first, and those that make room."""
    kept, dropped, size = list[Version](), list[Version](), 0
    for version in versions:
        size += version.size
        fits = len(kept) < MOST_VERSIONS and size <= MOST_BYTES and not dropped
        (kept if fits or not kept else dropped).append(version)
    return tuple(kept), tuple(dropped)


def _item(texts: _Texts, item_id: str) -> Item | None:
    found = from_text(Item, texts.get((KIND, item_id), ""))
    return found if isinstance(found, Item) else None


def _own_content(item_id: str, content: str) -> str:
    return "" if content == item_id else content


def _parsed(body: ItemContent) -> Mapping[str, Any]:
    try:
        value = json.loads(body.graph or body.api)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _nodes(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The ids and classes of a workflow's nodes, in either format."""
    listed = value.get("nodes")
    if isinstance(listed, list):
        yield from ((str(node.get("id")), str(node.get("type"))) for node in listed if isinstance(node, dict))
    else:
        pairs = ((key, node) for key, node in value.items() if isinstance(node, dict))
        yield from ((str(key), str(node.get("class_type"))) for key, node in pairs)
