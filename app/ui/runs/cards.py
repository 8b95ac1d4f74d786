"""Turns a task into its card: its server's name and colour, its running node, its pictures and their addresses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypedDict

from app.core.aim import stand_in
from app.core.eta import Outlook
from app.core.model import Fleet, PromptId, Task
from app.core.progress import Progress
from app.core.window import Window
from app.ui.kit.colours import ServerTag, tag_of
from app.ui.kit.image_addresses import ShownPreview
from app.ui.kit.session_facts import Pictures, SessionFacts
from app.ui.runs.offers import offers_for
from app.ui.runs.state import NO_MARKS, CardView, LinkView, Marks, ResultView


@lru_cache(maxsize=256)
def node_titles(workflow: str) -> Mapping[str, str]:
    """Return each node's title by its id: the one in the workflow, else its class."""
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
    """Return a node's title; nodes made at run time (`2.0.0.1`) have that of their origin."""
    titles = node_titles(task.workflow)
    return titles.get(node_id) or titles.get(node_id.split(".", maxsplit=1)[0]) or node_id


def named_node(task: Task, node_id: str) -> str:
    """Return a node's title, with its id if another node has the same title; empty without such a node."""
    title = title_of(task, node_id) if node_id else ""
    is_shared = sum(item == title for item in node_titles(task.workflow).values()) > 1
    return f"{title} ({node_id})" if is_shared else title


def task_cards(session: SessionFacts, pictures: Pictures, marks: Marks = NO_MARKS) -> tuple[CardView, ...]:
    """Return a card for each task of this session, newest first."""
    held = [(task, window) for window in session.windows for task in window.tasks.values()]
    held.sort(key=lambda item: item[0].created_at, reverse=True)
    servers = {task.server_id for task, _window in held}
    tags = {server_id: tag_of(session.fleet, server_id) for server_id in servers}
    instead = {window.window_id: _instead(window, session.fleet) for window in session.windows}
    cards = (task_card(task, tags[task.server_id], session, pictures, marks=marks) for task, _window in held)
    return tuple(
        replace(card, instead=instead[window.window_id]) if card.task.state.is_end else card
        for card, (_, window) in zip(cards, held, strict=True)
    )


def _instead(window: Window, fleet: Fleet) -> ServerTag | None:
    """Return the server that a repeated run is offered while the one that holds its window does not answer."""
    locked = window.window_locked_server
    found = stand_in(fleet, locked, {}) if locked is not None else None
    return tag_of(fleet, found.server_id) if found is not None else None


def task_card(
    task: Task,
    tag: ServerTag,
    session: SessionFacts,
    pictures: Pictures,
    *,
    marks: Marks = NO_MARKS,
) -> CardView:
    """Return the card of a task of this tab, without its links to other runs."""
    if task.state.is_end:
        return ended_card(task, tag, pictures, marks)
    is_stalled = task.prompt_id in session.stalled
    return CardView(
        task=task,
        tag=tag,
        naming=marks.naming,
        results=_results(task, pictures, marks),
        still_minutes=int(session.still_for(task.prompt_id) // 60) if is_stalled else None,
        offers=offers_for(task, session.fleet, is_stalled=is_stalled),
        **_motion(task, session, pictures),
    )


def ended_card(task: Task, tag: ServerTag, pictures: Pictures, marks: Marks = NO_MARKS) -> CardView:
    """Return the card of a task that has ended, also if no window holds it any more."""
    return CardView(task=task, tag=tag, naming=marks.naming, results=_results(task, pictures, marks))


def with_motion(card: CardView, session: SessionFacts, pictures: Pictures) -> CardView:
    """Return the card of an unfinished task as it has moved on."""
    return replace(card, **_motion(card.task, session, pictures))


class _Motion(TypedDict):
    """What moves on a card while its task runs."""

    progress: Progress | None
    node_title: str
    outlook: Outlook
    preview: ShownPreview


def _motion(task: Task, session: SessionFacts, pictures: Pictures) -> _Motion:
    progress = session.progress.get(task.prompt_id)
    node_id = progress.node if progress else None
    return {
        "progress": progress,
        "node_title": title_of(task, node_id) if node_id else "",
        "outlook": session.outlook(task),
        "preview": pictures.preview(task.prompt_id),
    }


def linked(cards: Sequence[CardView], most: int) -> tuple[CardView, ...]:
    """Link the cards to the runs that they repeat, and that repeat them; `most` ended ones are on the page."""
    if not any(card.task.again_of for card in cards):
        return tuple(cards)
    ended = [card.task.prompt_id for card in cards if card.task.state.is_end]
    hidden = set(ended[most:])
    links = {
        card.task.prompt_id: LinkView(
            card.task.prompt_id, card.task.created_at, card.tag, card.task.prompt_id not in hidden
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
            origin=links.get(card.task.again_of) if card.task.again_of else None,
            repeats=tuple(repeats.get(card.task.prompt_id, ())),
        )
        if card.task.again_of is not None or card.task.prompt_id in repeats
        else card
        for card in cards
    )


def _results(task: Task, pictures: Pictures, marks: Marks) -> tuple[ResultView, ...]:
    found = []
    for index, output in enumerate(task.delivery.outputs):
        original = pictures.original(task.prompt_id, index)
        found.append(
            ResultView(
                index,
                output,
                original.url,
                small=pictures.small_url(task.prompt_id, index),
                is_coming=original.is_coming,
                error=original.error,
                is_favourite=f"{task.prompt_id}/{index}" in marks.favourites,
            )
        )
    return tuple(found)
