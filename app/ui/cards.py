"""From a task to its card: its server's name and colour, its running node, its pictures and where they come from."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Protocol

from app.core.errors import MooringError, StorageError
from app.core.model import Fleet, Output, PromptId, ServerId, Task
from app.core.ports import Identity, Usage
from app.core.progress import Progress
from app.core.window import Restoring, Window
from app.session import Noticed, Orphan, OrphanRecord, Preview, Run
from app.ui.gallery import Original
from app.ui.offers import offers_for
from app.ui.state import TONES, CardView, LinkView, ResultView, ServerTag
from app.ui.waiting import LineFacts


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
    def stalled(self) -> frozenset[PromptId]: ...
    def still_for(self, prompt_id: PromptId) -> float: ...
    @property
    def noticed(self) -> Mapping[ServerId, Noticed]: ...
    @property
    def orphans(self) -> tuple[Orphan, ...]: ...
    @property
    def orphan_records(self) -> tuple[OrphanRecord, ...]: ...
    @property
    def results(self) -> ResultsFacts: ...
    @property
    def line(self) -> LineFacts: ...


class Pictures(Protocol):
    """Where pictures can be shown from; an empty text while they cannot."""

    def preview_url(self, prompt_id: PromptId) -> str:
        """The latest preview."""

    def small_url(self, prompt_id: PromptId, index: int) -> str:
        """A thumbnail."""

    def glimpse_url(self, prompt_id: PromptId) -> str:
        """A small picture of what another window has left behind."""

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
    return tuple(task_card(task, window, session, pictures) for task in newest)


def task_card(task: Task, window: Window, session: SessionFacts, pictures: Pictures) -> CardView:
    """One task with everything shown of it, but how it is linked to others."""
    progress = session.progress.get(task.prompt_id)
    node_id = progress.node if progress else None
    is_stalled = task.prompt_id in session.stalled
    return CardView(
        task=task,
        tag=tag_of(session.fleet, task.server_id),
        progress=progress,
        node_title=title_of(task, node_id) if node_id else "",
        preview_url="" if task.state.is_end else pictures.preview_url(task.prompt_id),
        results=tuple(_result(task, index, pictures) for index in range(len(task.outputs))),
        still_minutes=int(session.still_for(task.prompt_id) // 60) if is_stalled else None,
        offers=offers_for(task, session.fleet, window.mooring, is_stalled=is_stalled),
    )


def linked(cards: Sequence[CardView], shown: Collection[PromptId]) -> tuple[CardView, ...]:
    """The cards with their links to the runs that they repeat, and that repeat them; `shown` are on the page."""
    links = {
        card.task.prompt_id: LinkView(
            card.task.prompt_id, card.task.created_at, card.tag, card.task.prompt_id in shown
        )
        for card in cards
    }  # fmt: skip
    repeats: dict[PromptId, list[LinkView]] = {}
    for card in reversed(cards):  # the oldest first
        if card.task.again_of is not None:
            repeats.setdefault(card.task.again_of, []).append(links[card.task.prompt_id])
    return tuple(
        replace(
            card,
            again_of=links.get(card.task.again_of) if card.task.again_of else None,
            repeats=tuple(repeats.get(card.task.prompt_id, ())),
        )
        for card in cards
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
