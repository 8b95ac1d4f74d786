"""Ended and delivered tasks as rows of a long list: light enough that a window holds thousands of them.

row = past_of(task)                       # a PastTask, without the workflow and the evidence
row.outputs[0].media_type
matches(row, PastQuery(text="dunes", servers=frozenset({"gpu-1"})))

A window holds only its latest tasks whole. Older ones are moved to the past tasks in the store: the full record, read
only when the user opens that task, and its row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from app.core.model import RECORD_VERSION, Delivery, PromptId, ServerId, Task, TaskState, WindowId
from wire.media import medium_of

MAX_TEXT = 2_000  # characters of prompts in one row
RECENT = 40  # ended tasks that a window holds whole
SLACK = 10  # how many more, before the oldest are moved
SHEETS = 3  # the latest grids, whose tasks it holds as well, for their contact sheets
_SPACED = re.compile(r"\s|[\u3000-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
_TEXTS = frozenset({"text", "prompt", "caption", "string", "value", "positive", "negative", "text_g", "text_l"})
_SEEDS = ("seed", "noise_seed")


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOutput:
    """One file of a row; its bytes and thumbnail are stored under the task's id and this index."""

    index: int
    kind: str
    filename: str
    media_type: str = ""
    size: int = 0  # bytes
    delivery: Delivery = Delivery.KEPT


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTask:
    """One ended task in a list. `texts` are its prompts, shortened; `inputs` the hashes that its record names."""

    prompt_id: PromptId
    owner: WindowId
    server_id: ServerId
    title: str
    state: TaskState
    created_at: float
    ended_at: float
    seconds: float | None = None  # from its start to its end, by the server's clock
    label: str = ""  # of one run of a plan
    seed: str = ""
    texts: str = ""
    project: str = ""
    outputs: tuple[PastOutput, ...] = ()
    inputs: tuple[str, ...] = ()
    input_name: str = ""  # the user's name of the file that it was made from
    v: int = RECORD_VERSION
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PastQuery:
    """A search in past tasks; empty fields match everything.

    `text` is searched in titles, prompts, labels, seeds and names of files: each of its words, ignoring case.
    `since` and `until` bound the end.
    """

    text: str = ""
    servers: frozenset[ServerId] = frozenset()
    titles: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    media: str = ""  # a `Medium`
    since: float | None = None
    until: float | None = None


def is_settled(task: Task) -> bool:
    """Whether nothing can change any more: the end is proven, and all outputs are delivered. *Lost* never is."""
    return task.state in _SETTLED and task.end.is_proven and task.is_delivered


_SETTLED = frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED})


def to_lay_by(tasks: Mapping[PromptId, Task]) -> tuple[Task, ...]:
    """The tasks that a window need not hold whole any more, oldest first: none while there are few."""
    grids = list(dict.fromkeys(task.part.batch_id for task in tasks.values() if task.part and task.part.cell))
    shown = set(grids[-SHEETS:])
    loose = (task for task in tasks.values() if task.part is None or task.part.batch_id not in shown)
    settled = sorted(filter(is_settled, loose), key=ended_at)
    return tuple(settled[: len(settled) - RECENT]) if len(settled) > RECENT + SLACK else ()


def ended_at(task: Task) -> float:
    """When it ended, or was created, if the end is unknown."""
    return task.end.ended_at if task.end.ended_at is not None else task.created_at


def past_of(task: Task) -> PastTask:
    """A task's row."""
    seed, texts = seed_and_prompts(task.workflow)
    hashes = dict.fromkeys([*(item.sha256 for item in task.inputs if item.sha256), task.editor_sha256])
    return PastTask(
        prompt_id=task.prompt_id,
        owner=task.owner,
        server_id=task.server_id,
        title=task.title,
        state=task.state,
        created_at=task.created_at,
        ended_at=ended_at(task),
        seconds=task.end.seconds,
        label=task.part.label if task.part is not None else "",
        seed=seed,
        texts=texts[:MAX_TEXT],
        project=task.project,
        outputs=tuple(
            PastOutput(
                index=index,
                kind=output.kind,
                filename=output.filename,
                media_type=output.media_type,
                size=output.size,
                delivery=output.delivery,
            )
            for index, output in enumerate(task.delivery.outputs)
        ),
        inputs=tuple(item for item in hashes if item),
        input_name=input_name(task),
    )


def input_name(task: Task) -> str:
    """The user's name of the first file that a task was made from; empty if there was none."""
    return next((item.original_name for item in task.inputs if item.original_name), "")


@lru_cache(maxsize=256)
def seed_and_prompts(workflow: str) -> tuple[str, str]:
    """The seed of a workflow, and its prompts, each on its own lines; empty where there is none."""
    inputs = list(_inputs(workflow))
    seed = next((str(value) for name, value in inputs if name in _SEEDS and isinstance(value, int)), "")
    return seed, "\n".join(dict.fromkeys(_texts(inputs)))


def matches(row: PastTask, query: PastQuery, words: str | None = None) -> bool:
    """Whether a row matches; `words` is its `words_of`, if it is already known."""
    return (
        (not query.servers or row.server_id in query.servers)
        and (not query.titles or row.title in query.titles)
        and (not query.projects or row.project in query.projects)
        and (query.since is None or row.ended_at >= query.since)
        and (query.until is None or row.ended_at < query.until)
        and (not query.media or any(medium_of(item.media_type, item.filename) == query.media for item in row.outputs))
        and (not query.text.strip() or _has_words(words_of(row) if words is None else words, query.text))
    )


def words_of(row: PastTask) -> str:
    """All searchable text of a row, without case."""
    names = (item.filename for item in row.outputs)
    return "\n".join([row.title, row.texts, row.label, row.seed, row.project, row.input_name, *names]).casefold()


def _has_words(content: str, text: str) -> bool:
    return all(word in content for word in text.casefold().split())


def _inputs(workflow: str) -> Iterator[tuple[str, object]]:
    """The names and values of all inputs of a workflow; none if it cannot be parsed."""
    try:
        graph = json.loads(workflow) if workflow else {}
    except (ValueError, RecursionError):
        return
    for node in graph.values() if isinstance(graph, dict) else ():
        inputs = node.get("inputs") if isinstance(node, dict) else None
        if isinstance(inputs, dict):
            yield from inputs.items()


def _texts(inputs: list[tuple[str, object]]) -> Iterator[str]:
    """Texts written by users, recognised by the input's name or a space in them. File names and choices have none."""
    for name, value in inputs:
        if isinstance(value, str) and value.strip() and (name in _TEXTS or _SPACED.search(value)):
            yield value.strip()
