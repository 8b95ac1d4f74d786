"""The questions about one task, or about a record that cannot be read: what they show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from app.core.model import PromptId, Task, Unreadable
from app.ui.kit.colours import tag_of
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import Projection
from app.ui.kit.session_facts import SessionFacts
from app.ui.runs.cards import task_card
from app.ui.runs.now import Cards
from app.ui.runs.questions_html import give_up, give_up_record, run_again, same_server
from app.ui.runs.state import CardView, GiveUpDialog, RunAgainDialog, SameServerDialog, ShownMarks


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a task, or about its record if that cannot be read."""

    dialog: GiveUpDialog | RunAgainDialog | SameServerDialog
    card: CardView | None = None
    record: Unreadable | None = None
    present_address: str = ""  # where the fleet has the card's server now


def question(dialog: GiveUpDialog | RunAgainDialog | SameServerDialog, page: Projection) -> Question | None:
    """Return the open question; None if its task is gone."""
    session, asked = page.session, dialog.prompt_id
    card = asked_card(page, asked)
    record = next((item for item in _records(session) if item.prompt_id == asked), None)
    server = session.fleet.get(card.task.server_id) if card else None
    if card is None and record is None:
        return None
    return Question(dialog, card, record, server.address if server else "")


def draw_question(shown: Question, _: Translator) -> Markup:
    """Return the markup of an open question."""
    if shown.card is None:
        return give_up_record(shown.record, _) if shown.record is not None else Markup()
    match shown.dialog:
        case RunAgainDialog(is_elsewhere=is_elsewhere):
            return run_again(shown.card, _, is_elsewhere=is_elsewhere)
        case SameServerDialog():
            return same_server(shown.card, shown.present_address, _)
    return give_up(shown.card, _)


def asked_card(page: Projection, prompt_id: PromptId) -> CardView | None:
    """Return the card of a task that a dialog is about, also of an unreadable one."""
    session = page.session
    card = next((item for item in page.of(Cards).items if item.task.prompt_id == prompt_id), None)
    if card is not None:
        return card
    task = next(_aside(session, prompt_id), None)
    if task is None:
        return None
    marks = page.of(ShownMarks).marks
    return task_card(task, tag_of(session.fleet, task.server_id), session, page.pictures, marks=marks)


def find_task(session: SessionFacts, prompt_id: PromptId | None) -> Task | None:
    """Return a task of this tab, also an unreadable one."""
    if prompt_id is None:
        return None
    known = (window.tasks.get(prompt_id) for window in session.windows)
    return next(filter(None, known), None) or next(_aside(session, prompt_id), None)


def _aside(session: SessionFacts, prompt_id: PromptId) -> Iterator[Task]:
    """Yield the set-aside tasks of that id."""
    for window in session.windows:
        yield from (task for task in window.quarantined if task.prompt_id == prompt_id)


def _records(session: SessionFacts) -> Iterator[Unreadable]:
    """Yield the unreadable records of this tab and of closed windows."""
    for window in session.windows:
        yield from window.unreadable
    yield from (item.record for item in session.orphan_records)
