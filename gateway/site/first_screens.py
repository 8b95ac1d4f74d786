"""The first screen of a new window, put into the document: the page as it will be, before the browser's Python is up.

    screen = await screens.find(tree, viewer)         # None if there is none yet

A drawing follows from the build, the language, the user's rights and the state of the fleet, and is kept by these. What
changes all the time, such as the lengths of queues, is on no first screen. A document waits for its drawing only for a
moment: without one the page starts with its skeleton, which is slower and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from gateway.http.json_reader import build
from gateway.install.page_python import PagePython, is_whole
from gateway.install.place import Installation
from gateway.page.index_page import FirstScreen
from gateway.page.languages import INDEX
from gateway.page.tree import Tree, text_of
from gateway.site.drawing_process import DrawingProcess, Message, NoDrawing
from gateway.site.published import Published
from gateway.tasks import start_task
from wire.languages import ENGLISH, choose_language

PATIENCE = 0.15  # seconds that a document waits
FORM_PATIENCE = 5.0  # and one whose workflow the user has chosen: the page is shown already
REST = 60.0  # seconds after a drawing has failed
MOST_KEPT = 64
WORKFLOWS = "/workflows"
FACTS = ("person", "login", "copies", "admin")  # of a page's user, as far as they are on a screen

Key = tuple[str, ...]  # build, language, workflow, rights, and the digest of the fleet's state

_log = logging.getLogger(__name__)


class CatalogueLines(Protocol):
    """The classes of a server, one in each line: `"KSampler":{…}`."""

    def plain(self) -> bytes:
        """Return the lines."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """For whom a document is: the languages they read, most wanted first, `about` as in its `data-` attributes, and the
    fleet's state as they may see it, with a digest of what is on a first screen. `workflow` is the id of the one that
    they have chosen, if any."""

    languages: Sequence[str]
    about: Mapping[str, str]
    digest: str
    fleet: Callable[[], str]
    workflow: str = ""


class FirstScreens:
    """The first screens of one gateway. Call `close` at the end."""

    def __init__(self, root: Path, published: Published, catalogue: Callable[[str], CatalogueLines | None]) -> None:
        self._python = PagePython(Installation(root))
        self._published, self._catalogue = published, catalogue
        self._codes: tuple[str, frozenset[str]] = "", frozenset()  # the languages of a build
        self._process: tuple[str, DrawingProcess] | None = None
        self._kept: OrderedDict[Key, FirstScreen] = OrderedDict()
        self._resting: dict[Key, float] = {}  # the drawing that failed last, and when it may be tried again
        self._drawing: dict[Key, asyncio.Task[FirstScreen | None]] = {}
        self._unpacking = asyncio.Lock()

    async def find(self, tree: Tree, viewer: Viewer) -> FirstScreen | None:
        """Return the drawing for this viewer now, if it is there or comes within a moment.

        It has the workflow that they have chosen if a new window offers it.
        """
        if not is_whole(tree):
            return None
        if not viewer.workflow:
            return await self._find(tree, viewer, PATIENCE)
        first = await self._find(tree, replace(viewer, workflow=""), FORM_PATIENCE)
        if first is None or not first.offers(viewer.workflow):
            return first
        return await self._find(tree, viewer, FORM_PATIENCE)

    async def _find(self, tree: Tree, viewer: Viewer, patience: float) -> FirstScreen | None:
        about = {name: viewer.about.get(name, "") for name in FACTS}
        language = choose_language(viewer.languages, await self._languages(tree))
        key = (tree.build.key, language, viewer.workflow, *about.values(), viewer.digest)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if asyncio.get_running_loop().time() < self._resting.get(key, 0.0):
            return None
        task = self._drawing.get(key)
        if task is None:
            order = {"language": language, "workflow": viewer.workflow, "about": about}
            task = self._drawing[key] = start_task(self._draw(key, tree, order, viewer.fleet()))
            task.add_done_callback(lambda _: self._drawing.pop(key, None))
        done, _ = await asyncio.wait({task}, timeout=patience)
        return task.result() if done and not task.cancelled() else None

    async def draw_ahead(self, tree: Tree, viewer: Viewer) -> None:
        """Have a viewer's drawings made in each language."""
        for language in sorted(await self._languages(tree)):
            await self.find(tree, replace(viewer, languages=[language]))

    async def close(self) -> None:
        """End all drawing."""
        for task in self._drawing.values():
            task.cancel()
        await asyncio.gather(*self._drawing.values(), return_exceptions=True)
        if self._process is not None:
            await self._process[1].close()

    async def _draw(self, key: Key, tree: Tree, order: Message, fleet: str) -> FirstScreen | None:
        known: dict[str, dict[str, str]] = {}  # catalogue → classes that the drawing is made from

        async def answer(question: Message) -> Message:
            if "get" in question:
                path = str(question["get"])
                text = fleet if path == "/fleet" else await asyncio.to_thread(self._read_published, path)
                return {"status": HTTPStatus.NOT_FOUND if text is None else HTTPStatus.OK, "text": text or ""}
            content, names = str(question["classes"]), [str(name) for name in question["names"]]
            lines = await asyncio.to_thread(self._read_classes, content, names)
            known.setdefault(content, {}).update(lines)
            return {"text": f"{{{','.join(line for line in lines.values() if line)}}}"}

        try:
            process = await self._process_for(tree)
            drawing = await process.draw(order, answer)
        except (OSError, ValueError, TimeoutError, NoDrawing) as error:
            _log.warning("windows open without a first screen, since it could not be drawn: %r", error)
            self._resting = {key: asyncio.get_running_loop().time() + REST}
            return None
        screen = FirstScreen(drawing["regions"], str(drawing["title"]), known, str(order["language"]))
        self._kept[key] = screen
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return screen

    def _read_published(self, path: str) -> str | None:
        if path == WORKFLOWS:
            return json.dumps(self._published.listing().as_json())
        data = self._published.read(unquote(path.removeprefix(f"{WORKFLOWS}/")))
        return None if data is None else data.decode("utf-8", "replace")

    def _read_classes(self, content: str, names: Sequence[str]) -> dict[str, str]:
        """Return the lines of these classes; empty ones for those that the catalogue does not have."""
        found = self._catalogue(content)
        lines = () if found is None else found.plain().decode("ascii").splitlines()
        starts = {f"{json.dumps(name)}:": name for name in names}
        known = {starts[start]: line for line in lines if (start := line[: line.find('":') + 2]) in starts}
        return dict.fromkeys(names, "") | known

    async def _languages(self, tree: Tree) -> frozenset[str]:
        """Return the languages of a build, other than English."""
        if self._codes[0] != tree.build.key:
            text = await asyncio.to_thread(text_of, tree, INDEX)
            self._codes = tree.build.key, frozenset(build(text.encode() or b"{}"))
        return self._codes[1] | {ENGLISH}

    async def _process_for(self, tree: Tree) -> DrawingProcess:
        async with self._unpacking:
            folder = await asyncio.to_thread(self._python.unpack, tree)  # it may have been dropped for newer builds
            if self._process is None or self._process[0] != tree.build.key:
                if self._process is not None:
                    await self._process[1].close()
                self._process = tree.build.key, DrawingProcess(folder)
            return self._process[1]
