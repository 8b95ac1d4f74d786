"""What screen readers announce about runs and servers: each change once, as the difference between two pages.

Texts that are on the page, such as errors, are announced by `static/js/live.js` instead (`data-live`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from app.core.model import TaskState
from app.ui.header.header_words import word_ill
from app.ui.header.state import HeaderView
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView
from app.ui.notices.state import NoticeKind, Notices
from app.ui.runs.card_words import word_card
from app.ui.runs.now import Cards
from app.ui.runs.progress_words import word_batch
from app.ui.runs.state import CardView, NowView
from app.ui.runs.task_words import word_contact
from app.ui.runs.waiting import WaitingView


def announcements(before: PageView | None, after: PageView, _: Translator) -> list[str]:
    """Return what has happened since the page was drawn; nothing when it is drawn first, with the records of before."""
    if before is None or before.of(HeaderView).is_restoring:
        return []
    return [
        *_runs(before, after, _),
        *_batch(before, after, _),
        *_waiting(before, after, _),
        *_servers(before, after, _),
    ]


def _runs(before: PageView, after: PageView, _: Translator) -> Iterator[str]:
    """Yield the new states of runs; several with the same one at a server together."""
    groups: defaultdict[tuple[str, str], list[CardView]] = defaultdict(list)
    for was, card in reversed(_changed(before, after)):  # the oldest first
        groups[card.tag.name, _state(was, card, _)].append(card)
    for (server, state), cards in groups.items():
        if len(cards) == 1:
            title = _.known(cards[0].task.title) or _("Untitled")
            yield _("{title} on {server}: {state}", title=title, server=server, state=state)
        else:
            yield _.plural(
                "{count} run on {server}: {state}", "{count} runs on {server}: {state}", len(cards),
                server=server, state=state,
            )  # fmt: skip


def _changed(before: PageView, after: PageView) -> list[tuple[CardView | None, CardView]]:
    """Return the cards with a new state, newest first, each with its former one."""
    known = {id(card.task): card for card in before.of(Cards).items}
    newest = before.of(Cards).items[0].task.created_at if before.of(Cards).items else float("-inf")
    moved = [
        card
        for card in after.of(Cards).items
        if (was := known.get(id(card.task))) is None or (was.still_minutes is None) != (card.still_minutes is None)
    ]
    former = {card.task.prompt_id: card for card in before.of(Cards).items} if moved else {}
    pairs = [(former.get(card.task.prompt_id), card) for card in moved]
    return [
        (was, card)
        for was, card in pairs
        if card.task.state is not TaskState.REGISTERED
        # Ended runs also appear when they are adopted, or when their deletion is undone.
        and (_mark(was) != _mark(card) if was else not card.task.state.is_end or card.task.created_at > newest)
    ]


def _mark(card: CardView) -> tuple[object, ...]:
    """Return what is announced of a card when it changes: its state, not its progress or its place in the queue."""
    task = card.task
    return (
        task.state,
        task.progress.contact,
        not task.progress.is_cancelling,
        task.progress.absent_since is None,
        card.still_minutes is None,
    )


def _state(was: CardView | None, card: CardView, _: Translator) -> str:
    task = card.task
    is_back = was is not None and not was.task.progress.is_reachable and task.progress.is_reachable
    if is_back and was is not None and task.state is was.task.state:
        return word_contact(task, _).title
    return word_card(card, _).title


def _batch(before: PageView, after: PageView, _: Translator) -> Iterator[str]:
    """Yield how a batch has ended."""
    was, batch = before.of(NowView).batch, after.of(NowView).batch
    if batch is not None and batch.is_over and batch != was:
        yield word_batch(batch, _)


def _waiting(before: PageView, after: PageView, _: Translator) -> Iterator[str]:
    """Yield how many runs wait, when some were added."""
    count = after.of(WaitingView).count
    if count > before.of(WaitingView).count:
        yield _.plural("{count} run waits in this window", "{count} runs wait in this window", count)


def _servers(before: PageView, after: PageView, _: Translator) -> Iterator[str]:
    """Yield how many servers are not well. That none answers is a notice; of one with work, its runs say it."""
    was, header = before.of(HeaderView), after.of(HeaderView)
    if header.tags or was.ill == header.ill:
        return
    if any(notice.kind is NoticeKind.NONE_WELL for notice in after.of(Notices).items):
        return
    yield word_ill(header, _) if header.ill else _("All servers answer again")
