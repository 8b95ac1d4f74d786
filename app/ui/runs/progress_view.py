"""One clear line on a card: the bar, the percent, the running node with its step, and the time that is left.

Its height is the same in every state, so that nothing moves when work begins. The time counts down in the page.
"""

from __future__ import annotations

import htpy as h

from app.core.eta import Eta
from app.core.model import Contact, Task, TaskState
from app.session import Run
from app.ui.kit.i18n import Translator
from app.ui.runs.progress_words import eta_patterns, word_eta, word_place, word_sent, word_steps
from app.ui.runs.state import CardView
from app.ui.runs.task_words import word_step

MOVING = (TaskState.REGISTERED, TaskState.QUEUED, TaskState.RUNNING)


def is_plain(view: CardView) -> bool:
    """Whether nothing is to be said of a task but how far it is."""
    return view.task.state in MOVING and view.task.contact is Contact.OK and view.still_minutes is None


def pace(view: CardView, _: Translator) -> h.Element:
    """The bar with its line, which is patched alone while nothing else changes (`regions.py`)."""
    return h.div(".pace", id=f"pace-{view.task.prompt_id}")[pace_inside(view, _)]


def pace_inside(view: CardView, _: Translator) -> h.Fragment:
    """The bar with its line; without the line if the card says something else."""
    task, progress = view.task, view.progress
    is_running = task.state is TaskState.RUNNING
    if not is_running or progress is None:
        is_moving = task.contact is Contact.OK and (is_running or task.state is TaskState.REGISTERED)
        bar = h.progress(max="1", value=None if is_moving else "0", aria_label=_("Progress"))
        return h.fragment[bar, is_plain(view) and _line(view, "", word_place(view, _), _)]
    title = _.known(view.node_title)
    percent = _.formats.percent(progress.fraction)
    told = f"{percent}, {word_step(progress, title, _)}" if progress.node else percent
    steps = word_steps(progress, title, _)
    says = steps if steps and task.cancel_asked_at is None else word_place(view, _)
    is_own = says == steps and title == view.node_title
    return h.fragment[
        h.progress(max="1", value=f"{progress.fraction:.3f}", aria_label=_("Progress"), aria_valuetext=told),
        _line(view, percent, says, _, is_own=is_own),
    ]


def _line(view: CardView, percent: str, says: str, _: Translator, *, is_own: bool = False) -> h.Element:
    return h.p(".card-step")[
        percent and h.span(".numeric.percent")[percent],
        h.span(".step-name", translate="no" if is_own else None)[says],
        view.outlook.eta is not None and _eta(view.task, view.outlook.eta, _),
    ]


def _eta(task: Task, eta: Eta, _: Translator) -> h.Element:
    coming, over = eta_patterns(task, _)
    return h.span(
        ".eta.numeric",
        data_testid="eta",
        data_ends=f"{eta.ends_at:.1f}",
        data_until=f"{eta.good_until:.1f}",
        data_coming=coming,
        data_over=over,
    )[word_eta(task, eta, _)]


def upload(run: Run, _: Translator) -> h.Element:
    """How far a click's files have been sent."""
    words = word_sent(run, _)
    return h.div(".pace")[
        h.progress(max="1", value=f"{run.fraction:.2f}", aria_label=_("Upload"), aria_valuetext=words),
        h.p(".card-step")[
            h.span(".numeric.percent")[_.formats.percent(run.fraction)],
            h.span(".step-name.numeric", data_testid="sent")[words],
        ],
    ]
