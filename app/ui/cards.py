"""From a task to its card: its server's name and colour, its running node, its pictures and where they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

from app.core.errors import MooringError, StorageError
from app.core.model import Fleet, Output, PromptId, ServerId, Task
from app.core.ports import Identity, Usage
from app.core.progress import Progress
from app.core.window import Restoring, Window
from app.session import Preview, Run
from app.ui.gallery import Original
from app.ui.state import TONES, CardView, ResultView, ServerTag


class ResultsFacts(Protocol):
    """What the page reads of the kept results."""

    @property
    def usage(self) -> Usage | None: ...


class SessionFacts(Protocol):
    """What the page reads of a session."""

    @property
    def window(self) -> Restoring | Window | None: ...
    @property
    def identity(self) -> Identity | None: ...
    @property
    def fleet(self) -> Fleet: ...
    @property
    def fleet_error(self) -> MooringError | None: ...
    @property
    def store_error(self) -> StorageError | None: ...
    @property
    def progress(self) -> Mapping[PromptId, Progress]: ...
    @property
    def previews(self) -> Mapping[PromptId, Preview]: ...
    @property
    def runs(self) -> tuple[Run, ...]: ...
    @property
    def has_loose_ends(self) -> bool: ...
    @property
    def results(self) -> ResultsFacts: ...


class Pictures(Protocol):
    """Where pictures can be shown from; an empty text while they cannot."""

    def preview_url(self, prompt_id: PromptId) -> str:
        """The latest preview."""

    def small_url(self, prompt_id: PromptId, index: int) -> str:
        """A thumbnail."""

    def original(self, prompt_id: PromptId, index: int) -> Original:
        """A result's own bytes."""


def tag_of(fleet: Fleet, server_id: ServerId) -> ServerTag:
    """The server's name and colour; one that the fleet has lost keeps its id, and the last colour."""
    for place, server in enumerate(fleet.servers):
        if server.server_id == server_id:
            return ServerTag(server_id, server.name, place % TONES)
    return ServerTag(server_id, server_id, TONES - 1)


@lru_cache(maxsize=256)
def node_titles(workflow: str) -> Mapping[str, str]:
    """Each node's title by its id: the one written in the workflow, else its class."""
    try:
        graph = json.loads(workflow)
    except ValueError:
        return {}
    return {
        node_id: (node.get("_meta") or {}).get("title") or str(node.get("class_type", node_id))
        for node_id, node in graph.items()
        if isinstance(node, dict)
    }


def title_of(task: Task, node_id: str) -> str:
    """What a node is called; nodes made at run time (`2.0.0.1`) are called like their origin."""
    titles = node_titles(task.workflow)
    return titles.get(node_id) or titles.get(node_id.split(".", maxsplit=1)[0]) or node_id


def task_cards(window: Window | None, session: SessionFacts, pictures: Pictures) -> tuple[CardView, ...]:
    """A card for each task of the window, newest first."""
    if window is None:
        return ()
    newest = sorted(window.tasks.values(), key=lambda task: task.created_at, reverse=True)
    return tuple(_card(task, session, pictures) for task in newest)


def _card(task: Task, session: SessionFacts, pictures: Pictures) -> CardView:
    progress = session.progress.get(task.prompt_id)
    node_id = progress.node if progress else None
    return CardView(
        task=task,
        tag=tag_of(session.fleet, task.server_id),
        progress=progress,
        node_title=title_of(task, node_id) if node_id else "",
        preview_url="" if task.state.is_end else pictures.preview_url(task.prompt_id),
        results=tuple(_result(task, index, pictures) for index in range(len(task.outputs))),
    )


def _result(task: Task, index: int, pictures: Pictures) -> ResultView:
    output = task.outputs[index]
    original = pictures.original(task.prompt_id, index)
    return ResultView(
        index,
        output,
        original.url,
        download_name(task, output),
        small=pictures.small_url(task.prompt_id, index),
        is_coming=original.is_coming,
        error=original.error,
    )


def download_name(task: Task, output: Output) -> str:
    """A name that is unique across servers: `out_00001_.png` exists on every one of them."""
    stem, dot, ending = output.filename.rpartition(".")
    stem = (stem if dot else ending).rstrip("_")
    return f"{task.server_id}_{stem}_{task.prompt_id[:8]}{dot}{ending if dot else ''}"
