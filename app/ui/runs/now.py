"""The runs of this tab as values: a card for each task, the queue, and the panel of waiting runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.core.eta import NO_OUTLOOK
from app.core.model import PromptId
from app.core.window import Window
from app.session import RunStage
from app.ui.form.context import Chosen
from app.ui.kit.colours import tag_of
from app.ui.kit.i18n import Translator
from app.ui.kit.image_addresses import NO_PREVIEW
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.session_facts import Pictures, SessionFacts
from app.ui.runs.cards import linked, task_cards, with_motion
from app.ui.runs.own_windows import own_unfinished, window_items
from app.ui.runs.progress_html import pace_inside
from app.ui.runs.queue import queue_cards, shown_rows
from app.ui.runs.run_view import run_view
from app.ui.runs.state import (
    BatchNow,
    BatchView,
    CardPlace,
    CardView,
    LeftBehind,
    NowView,
    PastShown,
    RunCard,
    RunsState,
    RunView,
    ShownMarks,
)
from app.ui.runs.tasks_html import preview_inside
from app.ui.runs.turns import turn_view
from app.ui.runs.waiting import WaitingView, waiting_view


@dataclass(frozen=True, slots=True)
class Cards:
    """A card for each task of this tab, newest first, without those that are being deleted."""

    items: tuple[CardView, ...]


@dataclass(frozen=True, slots=True)
class QueueCards:
    """The cards in the queue, how many of them are shown, and those that have ended and left it."""

    cards: tuple[CardView, ...]
    shown: int
    ended: tuple[CardView, ...]


@dataclass(frozen=True, slots=True)
class Unsent:
    """The runs that have no task yet: those with a card of their own, and by id those with a waiting row."""

    cards: tuple[RunCard, ...]
    in_rows: dict[PromptId, RunCard]


def cards_part(page: Projection) -> Cards:
    """Return a card for each task."""
    marks = page.of(ShownMarks)
    listed = task_cards(page.session, page.pictures, marks.marks)
    shown = [card for card in listed if card.task.prompt_id not in page.ui.hidden]
    return Cards(tuple(linked(shown, marks.results_shown)))


def queue_part(page: Projection) -> QueueCards:
    """Sort the cards into the queue and the results."""
    state, cards = page.ui.of(RunsState), page.of(Cards).items
    queue = queue_cards(cards, page.of(Unsent).cards, state)
    queued = {card.task.prompt_id for card in queue if card.place is not CardPlace.STAYING}
    ended = tuple(card for card in cards if card.task.state.is_end and card.task.prompt_id not in queued)
    return QueueCards(tuple(queue), len(queue) if state.is_whole else shown_rows(state), ended)


def run_part(page: Projection) -> RunView:
    """Return the Run bar."""
    return run_view(page.session, page.of(Chosen).shaped, page.ui)


def waiting_part(page: Projection) -> WaitingView:
    """Return the panel of waiting runs."""
    session, state, batch = page.session, page.ui.of(RunsState), _told_batch(page)
    return waiting_view(
        session.line,
        window_items(session),
        len(session.fleet.servers),
        turn_view(session),
        held=state.hold.waiting if state.hold is not None else (),
        cards={card.task.prompt_id: card for card in page.of(Cards).items},
        runs=page.of(Unsent).in_rows,
        is_whole=state.is_whole,
        before=sum(card.rank > 0 for card in page.of(QueueCards).cards),
        counted=batch.batch_id if batch is not None else None,
    )


def now_part(page: Projection) -> NowView:
    """Return the queue as the page shows it."""
    session, queue, waiting, run = page.session, page.of(QueueCards), page.of(WaitingView), page.of(RunView)
    window, left, runs = session.window, page.of(LeftBehind), page.of(Unsent)
    is_ready = isinstance(window, Window)
    return NowView(
        tuple(replace(item, is_large=not queue.cards and not place) for place, item in enumerate(runs.cards)),
        _first_offer_open(queue.cards[: queue.shown]),
        is_ready=is_ready,
        is_unreadable=not is_ready and session.store_error is not None,
        is_many=len(own_unfinished(session)) > 1,
        waits=waiting.count,
        is_brief=bool(queue.ended or queue.cards or left.is_listed or page.of(PastShown).is_shown),
        blocker=run.blocker,
        left=left.sign,
        more=sum(not card.task.state.is_end for card in queue.cards[queue.shown :]),
        below=waiting.under_way,
        sending=len(runs.in_rows),
        is_whole=page.ui.of(RunsState).is_whole,
        batch=_told_batch(page),
    )


def _told_batch(page: Projection) -> BatchView | None:
    """Return the batch whose counts are shown."""
    batch = page.of(BatchNow).view
    return batch if batch is not None and _is_telling(batch, page.ui.of(RunsState)) else None


def _is_telling(batch: BatchView, state: RunsState) -> bool:
    """Whether the counts of a batch are shown: not after the user has dismissed them, or ended it by stopping it."""
    is_known = batch.is_over and batch.was_stopped and not batch.failed
    return batch.batch_id not in state.dismissed and not is_known


def _waiting(session: SessionFacts) -> frozenset[PromptId]:
    """Return the runs that wait in this window."""
    line = session.line.line
    return frozenset(item.prompt_id for item in line.entries) if line is not None else frozenset()


def _first_offer_open(cards: Iterable[CardView]) -> tuple[CardView, ...]:
    """Open the offers of only the first of several unclear cards, to keep the page readable."""
    shown = list(cards)
    for place, card in enumerate(shown):
        if card.offers:
            shown[place] = replace(card, is_first_offer=True)
            break
    return tuple(shown)


def running(view: PageView) -> list[PromptId]:
    """Return the tasks whose cards move."""
    return [card.task.prompt_id for card in view.of(NowView).cards if not card.task.state.is_end]


def moved(view: PageView, prompt_id: PromptId, session: SessionFacts, pictures: Pictures) -> NowView:
    """Return the queue with the present progress and preview of one task, and all else as it was."""
    now = view.of(NowView)
    cards = (with_motion(card, session, pictures) if card.task.prompt_id == prompt_id else card for card in now.cards)
    return replace(now, cards=tuple(cards))


def unsent_part(page: Projection) -> Unsent:
    """Return the runs that have no task yet."""
    session = page.session
    tasks = {prompt_id for window in session.windows for prompt_id in window.tasks}
    entries, cards, in_rows = _waiting(session), list[RunCard](), dict[PromptId, RunCard]()
    for run in session.runs:
        if run.prompt_id not in tasks and run.stage is not RunStage.DONE:
            card = RunCard(run, tag_of(session.fleet, run.server_id) if run.server_id else None)
            if run.prompt_id in entries and run.stage is not RunStage.FAILED:
                in_rows[run.prompt_id] = card
            else:
                cards.append(card)
    return Unsent(tuple(cards), in_rows)


def moved_parts(before: NowView, after: NowView, _: Translator) -> dict[str, str] | None:
    """Return the small regions of cards that moved; None if anything else has changed."""
    if replace(before, cards=()) != replace(after, cards=()) or len(before.cards) != len(after.cards):
        return None
    moved = {}
    for was, card in zip(before.cards, after.cards, strict=True):
        if was is card or was == card:
            continue
        if _static_part(was) != _static_part(card):
            return None
        moved[f"pace-{card.task.prompt_id}"] = str(pace_inside(card, _))
        if card.preview != was.preview:
            moved[f"preview-{card.task.prompt_id}"] = str(preview_inside(card, _))
    return moved


def _static_part(card: CardView) -> tuple[CardView, bool]:
    """Return a card without its moving parts, and whether it has a picture."""
    still = replace(card, progress=None, node_title="", outlook=NO_OUTLOOK, preview=NO_PREVIEW)
    return still, card.preview.is_there
