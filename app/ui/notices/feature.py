"""Messages: notices above everything else, what the user's own actions have brought about, and announcements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from app.ui.kit.account import Account, Presence
from app.ui.kit.colours import tag_of
from app.ui.kit.commands import Command, Group
from app.ui.kit.feature import Feature, Life, PagePart, Region, Service, itself
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection, Surroundings
from app.ui.kit.services import Services
from app.ui.kit.session_facts import SessionFacts
from app.ui.kit.state import UiState
from app.ui.kit.undeleted import read_undeleted
from app.ui.notices.announcements import announcements
from app.ui.notices.message_actions import MessageActions
from app.ui.notices.notice_timer import NoticeTimer
from app.ui.notices.notices_html import errors, notices
from app.ui.notices.releases import Release, Releases
from app.ui.notices.state import Messages, Notice, NoticeKind, Notices, NoticesState
from app.ui.results.state import ResultsState
from app.ui.runs.state import RunsState
from app.ui.runs.stopping import outcome_of
from app.ui.windows.orphans import WindowsState
from wire.health import Health

DELETIONS_SHOWN = 3  # at a time
ABSENCES = {Presence.OUT: NoticeKind.LOGGED_OUT, Presence.OTHER: NoticeKind.OTHER_USER}


def _notices(page: Projection) -> Notices:
    session, ui, newer = page.session, page.ui, page.of(Release).newer
    fleet = session.fleet
    found = list[Notice]()
    if not page.of(Surroundings).is_online:
        found.append(Notice(NoticeKind.OFFLINE))
    if session.store_error is not None:
        found.append(Notice(NoticeKind.STORE, error=session.store_error))
    if (absence := ABSENCES.get(ui.of(Account).presence)) is not None:
        found.append(Notice(absence))  # nor is the fleet reported then
    elif session.fleet_error is not None:
        found.append(Notice(NoticeKind.FLEET, error=session.fleet_error))
    elif fleet.source and not fleet.servers:
        found.append(Notice(NoticeKind.NO_SERVER))
    elif fleet.servers and all(server.health not in {Health.WELL, Health.UNKNOWN} for server in fleet.servers):
        found.append(Notice(NoticeKind.NONE_WELL))
    found += [
        Notice(NoticeKind.CHANGED, number, tag=tag_of(fleet, server_id), noticed=noticed)
        for number, (server_id, noticed) in enumerate(session.noticed.items(), 1)
    ]
    if quarantined := tuple(task for item in session.windows for task in item.quarantined):
        found.append(Notice(NoticeKind.QUARANTINE, tasks=quarantined))
    unreadable = {record.prompt_id: record for item in session.windows for record in item.unreadable}
    found += [
        Notice(NoticeKind.UNREADABLE, number, record=record) for number, record in enumerate(unreadable.values(), 1)
    ]
    if newer is not None:
        is_busy = any(item.unfinished or item.reservations for item in session.windows)
        found.append(Notice(NoticeKind.NEWER, newer=newer, is_busy=is_busy))
    if session.identity is not None and session.identity.is_duplicate:
        found.append(Notice(NoticeKind.DUPLICATE))
    if unsent := ui.of(RunsState).unsent:
        found.append(Notice(NoticeKind.UNSENT, unsent))
    if undeleted := ui.of(NoticesState).undeleted:
        found.append(Notice(NoticeKind.UNDELETED, undeleted))
    return Notices(tuple(notice for notice in found if notice.key not in ui.of(NoticesState).dismissed))


def _messages(page: Projection) -> Messages:
    return Messages(tuple(_told(page.session, page.ui)))


def _told(session: SessionFacts, ui: UiState) -> Iterator[Notice]:
    """Yield what the user's own actions have brought about, errors last."""
    yield from _searched(ui)
    yield from _stopped(session, ui)
    yield from _saved(ui)
    yield from _deletions(ui)
    yield from (Notice(NoticeKind.ERROR, number, error) for number, error in ui.errors)


def _deletions(ui: UiState) -> Iterator[Notice]:
    """Yield the notices of deletions that can be undone, latest first; only a few are shown at a time."""
    current = [item for item in reversed(ui.deletions) if not item.is_over]
    return (Notice(NoticeKind.DELETED, item.number, deletion=item) for item in current[:DELETIONS_SHOWN])


def _stopped(session: SessionFacts, ui: UiState) -> Iterator[Notice]:
    """Yield what became of the runs that were stopped last; busy as long as a server that answers has not done it."""
    stopped = ui.of(RunsState).stopped
    notice = Notice(NoticeKind.STOPPED, stopped.number)
    if notice.number and notice.key not in ui.of(NoticesState).dismissed:
        outcome = outcome_of(stopped, session)
        yield replace(notice, stopped=outcome, is_busy=not stopped.is_asked or outcome.stopping > 0)


def _saved(ui: UiState) -> Iterator[Notice]:
    """Yield the download that the browser was given last."""
    saved = ui.of(ResultsState).saved
    notice = Notice(NoticeKind.SAVED, saved.number, saved=saved)
    if notice.number and notice.key not in ui.of(NoticesState).dismissed:
        yield notice


def _searched(ui: UiState) -> Iterator[Notice]:
    """Yield what the search for work of closed windows does, or has found, or what was adopted."""
    search = ui.of(WindowsState)
    notice = Notice(NoticeKind.SEARCHED, search.number, found=search.found, adopted=search.adopted)
    is_shown = search.is_searching or search.found is not None or search.adopted is not None
    if is_shown and notice.key not in ui.of(NoticesState).dismissed:
        yield notice


def _said(before: PageView | None, after: PageView, _: Translator) -> Mapping[str, object]:
    said = announcements(before, after, _)
    return {"live": said} if said else {}


def _first_notices(services: Services) -> NoticesState:
    return NoticesState(undeleted=read_undeleted(services.screen))


def _start(services: Services) -> None:
    services.of(Releases).subscribe(services.page.request)


def _follow_view(services: Services, view: PageView) -> None:
    services.of(NoticeTimer).follow((*view.of(Notices).items, *view.of(Messages).items))


def _commands(page: Projection | PageView, _ui: UiState, _: Translator) -> Iterator[Command]:
    if page.of(Messages).items:
        yield Command("dismiss-errors", _("Dismiss all errors"), Group.WINDOW, "close", "dismiss-errors")
    yield Command("reload", _("Reload this page"), Group.WINDOW, "retry", "reload")


FEATURE = Feature(
    commands=(_commands,),
    states=(_first_notices,),
    services=(
        Service(NoticeTimer, lambda services: NoticeTimer(services.page, services.ports.sleep)),
        Service(MessageActions, lambda services: MessageActions(services.page, services.screen), itself),
    ),
    life=Life(
        start=_start,
        refresh=lambda services: (Release(services.of(Releases).newer),),
        follow_view=_follow_view,
    ),
    parts=(PagePart(Notices, _notices), PagePart(Messages, _messages)),
    regions={
        "notices": Region(Notices, lambda shown, _: notices(shown.items, _)),
        "errors": Region(Messages, lambda shown, _: errors(shown.items, _)),
    },
    changes=(_said,),
)
