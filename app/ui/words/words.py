"""Words for prompts: the user's lists in the store and the published ones, read when a run or a field needs them.

    wildcards = await words.read(("cats", "animals/*"))      # for `expand`
    await words.add([(blob, "cats.txt")])

Other windows write to the same documents, so the list is reread when the tab becomes visible. Nothing but the names is
read before a field needs it.
"""

from __future__ import annotations

import logging
import operator
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from app.core.errors import BadInput, MooringError, StorageError
from app.core.ports.blobs import Blob
from app.core.ports.documents import DocumentStore
from app.core.saved import PublishedFile
from app.ui.form.changes import know
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.screen import Screen
from app.ui.words.state import WordsState, is_published
from app.workflows import word_lists
from app.workflows.wildcards import (
    ANY_FILE,
    NO_WILDCARDS,
    WildcardNames,
    Wildcards,
    read_lines,
    references_in_lines,
)
from app.workflows.word_lists import WordKind, WordList, published_lists, read_word_file
from wire.word_lists import LARGEST, ending_of

log = logging.getLogger("mooring.ui")

MOST_LISTS = 3_000  # of one user
MOST_READ = 500  # wildcards that one prompt may lead to
MOST_KEPT = 40_000_000  # characters of wildcards in memory
EMBEDDINGS, LORAS = "embeddings", "loras"


class WordFiles(Protocol):
    """Reads published files."""

    async def read_published(self, path: str) -> Blob: ...


class WordLibrary(Protocol):
    """The published files of words."""

    @property
    def published_words(self) -> tuple[PublishedFile, ...]: ...
    @property
    def files(self) -> WordFiles: ...


class ModelNames(Protocol):
    """Lists the models in a folder of servers."""

    async def listed(self, folder: str) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class _Read:
    """A wildcard that has been read."""

    lines: tuple[str, ...]
    references: tuple[str, ...]
    size: int


class WordLists:
    """Keeps the lists, with the actions on them. `now` is the time in seconds.

    Until `is_listed`, the published files are not known, and no wildcard counts as missing.
    """

    def __init__(
        self,
        documents: DocumentStore,
        library: WordLibrary,
        context: PageContext,
        screen: Screen,
        *,
        models: ModelNames,
        now: Callable[[], float],
        is_listed: Callable[[], bool],
        deletions: Deletions,
    ) -> None:
        self._documents = documents
        self._library = library
        self._models = models
        self._context = context
        self._screen = screen
        self._now = now
        self._is_listed = is_listed
        self._deletions = deletions
        self._is_loaded = False
        self._is_wanted = False  # by a field, which completes tags
        self._given: dict[str, WordList] = {}  # lists of tags that the page has
        self._published: tuple[PublishedFile, ...] = ()
        self._paths: dict[str, str] = {}  # of published lists
        self._named: tuple[object, ...] = ()
        self._names = WildcardNames()
        self._kept: dict[tuple[str, float], _Read] = {}  # by list and time of its adding

    async def load(self) -> None:
        """Read the user's lists; if the store cannot be read, the known ones stay."""
        try:
            items = word_lists.read_word_lists(await self._documents.read_kind(word_lists.KIND))
        except StorageError as error:
            log.warning("the lists of words are not read: %r", error)
            return
        self._is_loaded = True
        if items != self._state.items:
            set_slices(self._context, replace(self._state, items=items))
        self.refresh()

    def refresh(self) -> None:
        """Take over changes of the lists, at each redraw."""
        if self._published is not self._library.published_words:
            self._published = self._library.published_words
            found = published_lists(self._published)
            self._paths = {item.list_id: file.path for item, file in found}
            set_slices(self._context, replace(self._state, published=tuple(item for item, _ in found)))
        state, hidden = self._state, self._context.ui.hidden
        named = state.items, state.published, hidden
        is_known = self._is_loaded and self._is_listed()
        if not is_known or (self._named and all(map(operator.is_, named, self._named))):
            return
        self._named = named
        self._names = WildcardNames(item.name for item in self._shown(WordKind.WILDCARD))
        know(self._context, wildcards=self._names)
        if self._is_wanted:
            self._context.spawn(self._give_tags())

    def _shown(self, kind: WordKind) -> list[WordList]:
        hidden = self._context.ui.hidden
        return [item for item in self._state.lists if item.kind is kind and item.list_id not in hidden]

    # Runs

    async def read(self, references: Collection[str]) -> Wildcards:
        """Read the wildcards that a prompt refers to, and those in their lines; BadInput if they are too many."""
        if not references:
            return NO_WILDCARDS
        if not self._is_loaded:
            await self.load()
        names, files, left = self._names, dict[str, tuple[str, ...]](), list(references)
        known = {item.name: item for item in reversed(self._shown(WordKind.WILDCARD))}
        while left:
            reference = left.pop()
            for name in names.names if reference == ANY_FILE else names.find(reference):
                if name in files:
                    continue
                if len(files) >= MOST_READ:
                    raise BadInput("too-many-wildcards", detail=str(MOST_READ))
                found = await self._read_wildcard(known[name])
                files[name] = found.lines
                left += found.references
        return Wildcards(names, files)

    async def _read_wildcard(self, item: WordList) -> _Read:
        key = item.list_id, item.added_at
        found = self._kept.pop(key, None)
        if found is None:
            text = await self._text(item)
            found = _Read(read_lines(text), references_in_lines(text), len(text))
        self._kept[key] = found  # the latest is last
        while sum(one.size for one in self._kept.values()) > MOST_KEPT and len(self._kept) > 1:
            del self._kept[next(iter(self._kept))]
        return found

    async def _text(self, item: WordList) -> str:
        if not is_published(item):
            return await self._documents.read_document(word_lists.FILE_KIND, item.list_id) or ""
        path = self._paths.get(item.list_id, "")
        blob = await self._library.files.read_published(path)
        return read_word_file(await blob.read(), path, at=0.0)[1]

    # The page

    @action("want-words")
    async def want(self, value: str) -> None:
        """Give the page what it offers while the user types, once a field with that has the focus.

        `value` is "loras" if the field's node reads them.
        """
        self._is_wanted = True
        await self._give_tags()
        state = self._state
        embeddings = await self._models.listed(EMBEDDINGS)
        names = await self._models.listed(LORAS) if value == LORAS else state.loras
        if (embeddings, names) != (state.embeddings, state.loras):
            set_slices(self._context, replace(self._state, embeddings=embeddings, loras=names))

    async def _give_tags(self) -> None:
        """Give the page the lists of tags that it does not have, and take away those that are gone."""
        shown = {item.list_id: item for item in self._shown(WordKind.TAGS)}
        for list_id in [known for known, item in self._given.items() if shown.get(known) != item]:
            del self._given[list_id]
            self._screen.give_tags(list_id, "")
        for list_id, item in shown.items():
            if list_id in self._given:
                continue
            self._given[list_id] = item
            try:
                text = await self._text(item)
            except MooringError as error:
                log.warning("the tags of %s are not read: %r", item.name, error)
                continue
            if self._given.get(list_id) == item:
                self._screen.give_tags(list_id, text)

    # Changing

    async def add(self, files: Sequence[tuple[Blob, str]]) -> None:
        """Add files of words, or replace those of their names. The error of the first without words hides no other."""
        known, refused = {item.list_id for item in self._state.items}, list[MooringError]()
        for blob, path in files:
            try:
                known.add(await self._add(blob, path, known))
            except MooringError as error:
                refused.append(error)
        await self.load()
        if refused:
            raise refused[0]

    async def _add(self, blob: Blob, path: str, known: Collection[str]) -> str:
        most = LARGEST[ending_of(path)]
        if blob.size > most:
            raise BadInput("words-too-large", path, str(most // 1_000_000))
        item, text = read_word_file(await blob.read(), path, at=self._now())
        if len(known) >= MOST_LISTS and item.list_id not in known:
            raise BadInput("too-many-lists", path, str(MOST_LISTS))
        for deletion in self._context.ui.deletions:
            if item.list_id in deletion.hides:
                self._deletions.undo(deletion.number)  # or it would take the new list too
        await self._documents.write_documents(word_lists.written(item, text))
        return item.list_id

    @action("delete-words")
    def delete(self, item: str) -> None:
        """Delete a list of the user's."""
        found = next((one for one in self._state.items if one.list_id == item), None)
        if found is not None:
            deletion = Deletion(What.WORDS, found.name, hides=frozenset({item}))
            self._deletions.put_off(deletion, lambda: self._delete(item))

    async def _delete(self, list_id: str) -> None:
        await self._documents.write_documents(word_lists.deleted(list_id))
        await self.load()

    @property
    def _state(self) -> WordsState:
        return self._context.ui.of(WordsState)
