"""A server's queue, as kinds of work: `/queue` lists all full prompts (docs/comfyui.md 1)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from app.core.comfy import Queue
from app.core.errors import BadInput
from app.core.job import job_of
from app.core.model import Job, PromptId
from app.core.workflow import parse_workflow
from wire.queue import read_rows

MOST_READ = 40  # prompts of one answer; those further behind do not change an estimate much


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """A queue as last read: when, the job of each prompt where it is known, and since when the running ones run."""

    at: float
    queue: Queue
    jobs: Mapping[PromptId, Job | None] = field(default_factory=dict)
    running_since: Mapping[PromptId, float] = field(default_factory=dict)  # of those that were seen to begin

    def seen(self, queue: Queue, text: str, now: float, known: Mapping[PromptId, Job]) -> QueueSeen:
        """The queue after another poll; `text` is the answer, `known` are jobs that need no parsing."""
        there = (*queue.running, *queue.pending)
        jobs = {name: known.get(name) or self.jobs.get(name) for name in there if name in known or name in self.jobs}
        jobs |= read_jobs(text, [name for name in there[:MOST_READ] if name not in jobs])
        was_there = {*self.queue.running, *self.queue.pending}
        since = {
            name: self.running_since.get(name, now)
            for name in queue.running
            if name in self.running_since or (name in was_there and name not in self.queue.running)
        }
        return QueueSeen(now, queue, jobs, since)


def read_jobs(text: str, wanted: Collection[PromptId]) -> dict[PromptId, Job | None]:
    """The jobs of these prompts, from the answer to `/queue`; None for a prompt that cannot be parsed."""
    if not wanted:
        return {}
    rows = read_rows(json.loads(text))
    return {PromptId(row.prompt_id): _job(row.prompt) for row in rows if row.prompt_id in wanted}


def _job(prompt: Mapping[str, object]) -> Job | None:
    try:
        return job_of(parse_workflow(prompt))
    except (BadInput, ValueError, TypeError, AttributeError):
        return None
