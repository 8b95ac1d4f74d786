"""What is known of a task, for people and for support: why its server, and everything that was noted, with the time."""

from __future__ import annotations

import htpy as h

from app.core.model import Choice, Task
from app.ui.kit.cause_words import word_cause
from app.ui.kit.i18n import Translator
from app.ui.kit.parts import disclosure, own, quote, titled
from app.ui.runs.evidence_words import word_note
from app.ui.runs.task_words import word_choice, word_score


def details(task: Task, _: Translator) -> h.Element:
    """One thing to open on every card."""
    return disclosure(
        _("Details and evidence"),
        task.choice is not None and h.fragment[h.h4[_("Why this server?")], why(task.choice, _)],
        h.h4[_("What is known")],
        _evidence(task, _),
        h.p(".quiet.task-id", translate="no")[task.prompt_id],
        key=f"details-{task.prompt_id}",
    )


def _evidence(task: Task, _: Translator) -> h.Element:
    """The notes, oldest first, after the one thing that every record tells."""
    told = ((note.at, word_note(note, _)) for note in task.notes)
    return h.ol(".evidence", data_testid="evidence")[
        _row(task.created_at, _, _("Written down, then sent to {server}.", server=task.server_id)),
        (_row(at, _, titled(words), words.quote and quote(words.quote)) for at, words in told),
    ]


def _row(at: float, _: Translator, *content: h.Node) -> h.Element:
    return h.li[h.span(".quiet.numeric")[_.formats.moment(at)], h.div[content]]


def why(choice: Choice, _: Translator) -> h.Node:
    """Why this server: what was known of each when the window chose."""
    return h.fragment[
        h.p[word_choice(choice, _)],
        bool(choice.loads or choice.refused)
        and h.ul(".loads")[
            (
                h.li[own(server_id), h.span[_load(load, choice.scores.get(server_id), _)]]
                for server_id, load in choice.loads.items()
            ),
            (
                h.li[own(server_id), h.span[_("left out: {cause}", cause=word_cause(cause, _))]]
                for server_id, cause in choice.refused.items()
            ),
        ],
    ]


def _load(count: int, score: float | None, _: Translator) -> str:
    """What stood in a server's line, and when the work would be done there if that was known."""
    line = _.plural("{count} task in line", "{count} tasks in line", count)
    return line if score is None else f"{line} · {word_score(score, _)}"
