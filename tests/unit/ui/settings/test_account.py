"""The page's owner: warned when logged out, protected from other users, and asked before logging out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import pytest

from app.core.errors import ConfigError, GatewayRefused, MooringError, PromptRejected
from app.core.model import Contact, Delivery, Failure, ServerId, TaskState, WindowId
from app.core.ports.blobs import KeepSettings, Usage
from app.core.roster import OutputSummary
from app.core.waiting_runs import numbered_window
from app.ui.form.state import FormState
from app.ui.kit.account import Account, Presence
from app.ui.kit.actions import ActionTable
from app.ui.kit.messages import word_error
from app.ui.kit.projection import PageView
from app.ui.kit.state import UiState
from app.ui.notices.notices_html import notices
from app.ui.notices.state import NoticeKind
from app.ui.runs.state import Blocker
from app.ui.runs.task_words import word_contact, word_failure
from app.ui.settings.account import Attendance, LogOutDialog, LooseWindow
from app.ui.settings.account_actions import AccountActions
from app.ui.settings.account_html import account as drawn_account
from app.ui.settings.account_html import log_out as drawn
from app.ui.settings.commands import setting_commands
from app.ui.settings.logout import log_out_view
from app.ui.windows.panel import PanelFacts
from tests.kit.page.panels import OTHER, glance, roster
from tests.kit.page.stills import (
    ENGLISH,
    MemoryContext,
    MemoryScreen,
    StillPictures,
    StillSession,
    task,
    translator,
    window,
    workflows,
)
from tests.kit.page.views import project

ALICE = Account("alice", has_login=True)


@dataclass
class MemoryLogin:
    """A login that records logouts, or refuses them."""

    gone: list[tuple[bool, bool]] = field(default_factory=list)
    refusal: MooringError | None = None
    deleted: int = 0

    async def log_out(self, *, is_everywhere: bool, is_wiping: bool) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.gone.append((is_everywhere, is_wiping))

    async def delete_data(self) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.deleted += 1


def account_actions(
    login: MemoryLogin | None = None,
) -> tuple[ActionTable, MemoryContext, MemoryScreen, Attendance, StillSession]:
    context, screen, attendance, session = MemoryContext(), MemoryScreen(), Attendance(ALICE), StillSession()
    actions = AccountActions(attendance, login or MemoryLogin(), context, screen, session.results)  # type: ignore[arg-type]
    return ActionTable(context, actions), context, screen, attendance, session


def shown(
    presence: Presence, session: StillSession | None = None, language: str = "en"
) -> tuple[list[NoticeKind], str]:
    ui = UiState().with_slices(replace(ALICE, presence=presence), FormState(workflow_id=workflows()[0].workflow_id))
    page = project(session or StillSession(), ui, workflows=workflows(), pictures=StillPictures(), language=language)
    assert (page.run.blocker in {Blocker.LOGGED_OUT, Blocker.OTHER_USER}) is (presence is not Presence.IN)
    return [item.kind for item in page.notices], str(notices(page.notices, translator(language)))


def test_page_compares_its_owner_with_the_logged_in_user() -> None:
    reported: list[Presence] = []
    attendance = Attendance(ALICE)
    attendance.subscribe(lambda: reported.append(attendance.account.presence))
    for user in ("alice", None, None, "bob", "alice"):
        attendance.note_user(user)
    assert reported == [Presence.OUT, Presence.OTHER, Presence.IN]


def test_every_user_is_logged_in_without_logins() -> None:
    attendance = Attendance(Account())
    attendance.note_user("")
    assert attendance.account.presence is Presence.IN


def test_logged_out_is_one_notice_with_the_way_back() -> None:
    """The fleet is not reported then either, which adds nothing."""
    kinds, html = shown(Presence.OUT, StillSession(fleet_error=ConfigError("/fleet answered 401")))
    assert kinds == [NoticeKind.LOGGED_OUT]
    assert re.search(r'<a [^>]*href="/login"[^>]*target="_blank"[^>]*rel="noopener"', html)
    assert "Nothing is lost" in html and "Dismiss" not in html
    assert "没有任何内容丢失" in shown(Presence.OUT, language="zh-CN")[1]


def test_other_user_blocks_the_page() -> None:
    kinds, html = shown(Presence.OTHER)
    assert kinds == [NoticeKind.OTHER_USER]
    assert 'data-action="reload"' in html and "/login" not in html


def test_the_notice_goes_when_they_are_back() -> None:
    assert shown(Presence.IN)[0] == []


async def test_the_page_follows_who_is_logged_in() -> None:
    _actions, context, _screen, attendance, _session = account_actions()
    assert context.ui.of(Account) == ALICE
    attendance.note_user(None)
    assert context.ui.of(Account).presence is Presence.OUT


@pytest.mark.parametrize(("everywhere", "wipes"), [("false", False), ("true", True)])
async def test_logging_out_is_asked_about_first(everywhere: str, wipes: bool) -> None:
    login = MemoryLogin()
    actions, context, screen, _attendance, session = account_actions(login)
    actions.act("ask-log-out", {"everywhere": everywhere})
    await context.done()
    assert login.gone == [] and ("refresh_soon",) in session.results.calls
    actions.act("log-out-wipe", {"checked": wipes})
    actions.act("log-out", {})
    actions.act("log-out", {})
    await context.done()
    assert login.gone == [(everywhere == "true", wipes)], "once"
    assert screen.guards == [False]


async def test_a_log_out_that_did_not_happen_says_so() -> None:
    actions, context, _screen, _attendance, _session = account_actions(
        MemoryLogin(refusal=GatewayRefused(None, "internal"))
    )
    actions.act("ask-log-out", {})
    actions.act("log-out", {})
    await context.done()
    assert context.ui.dialog == LogOutDialog(), "it can be retried"
    assert len(context.ui.errors) == 1


def test_refused_logout_everywhere_names_no_server() -> None:
    words = word_error(GatewayRefused(None, "not-allowed", "Whoever runs it can."), ENGLISH)
    assert "gateway" in words.title and words.quote == "Whoever runs it can."


async def test_a_log_out_without_a_question_does_nothing() -> None:
    login = MemoryLogin()
    actions, context, *_ = account_actions(login)
    actions.act("log-out", {})
    await context.done()
    assert login.gone == []


def test_unfinished_work_is_listed_by_window() -> None:
    seen = roster(
        glance("a", state=TaskState.RUNNING, ended_at=None),
        glance("b", numbered_window(OTHER, 1), "gpu-2", state=TaskState.QUEUED, ended_at=None),
        glance("c", OTHER),
        glance("d", "gone", state=TaskState.RUNNING, ended_at=None),
        glance("e", "gone too", "gpu-2", outputs=(OutputSummary(delivery=Delivery.PENDING),)),
        in_line={OTHER: 3, WindowId("gone"): 2},
    )
    session = StillSession()
    session.results.usage = Usage(settings=KeepSettings(), size=1000, thumbnails_size=24)
    view = log_out_view(LogOutDialog(is_wiping=True), ALICE, session, PanelFacts(seen))
    assert view.windows == (
        LooseWindow(2, True, 1, 0, ("gpu-1",)),
        LooseWindow(1, False, 1, 3, ("gpu-2",)),
        LooseWindow(0, False, 2, 2, ("gpu-1", "gpu-2")),
    )
    html = str(drawn(view, ENGLISH))
    assert "1024 B" in html and "3 waiting in line" in html and "Log out and delete" in html
    assert "Closed windows" in html and "other users stays" in html and "fetched when you log in" not in html
    assert "Log out and delete" not in str(drawn(replace(view, dialog=LogOutDialog()), ENGLISH))


async def test_data_of_a_user_who_is_logged_out_can_be_deleted() -> None:
    login = MemoryLogin()
    actions, context, *_ = account_actions(login)
    actions.act("ask-delete-data", {})
    dialog = context.ui.dialog
    assert dialog == LogOutDialog(is_wiping=True, is_out=True)
    html = str(drawn(log_out_view(dialog, ALICE, StillSession(), PanelFacts(roster())), ENGLISH))
    assert "Delete what this browser keeps of alice?" in html and "This is deleted for good" in html
    assert "Log out" not in html and "log-out-wipe" not in html
    actions.act("log-out", {})
    await context.done()
    assert (login.gone, login.deleted) == ([], 1)


def test_only_a_logged_out_page_offers_to_delete_data() -> None:
    assert "ask-delete-data" in shown(Presence.OUT)[1]
    assert "ask-delete-data" not in shown(Presence.OTHER)[1]


@pytest.mark.parametrize("known", [Account(), Account("dora"), Account(runs_fleet=True)])
def test_logout_is_hidden_without_logins(known: Account) -> None:
    assert drawn_account(known, ENGLISH) == ""
    page = project(
        StillSession(), UiState().with_slices(known), workflows=workflows(), pictures=StillPictures(), language="en"
    )
    assert page is not None and not known.can_log_out


def test_the_account_names_whose_it_is_and_nothing_is_markup() -> None:
    html = str(drawn_account(Account("a<b>", has_login=True), ENGLISH))
    assert "a&lt;b&gt;" in html and html.count("ask-log-out") >= 2


RULES = (
    "not-logged-in", "other-person", "not-yours", "not-allowed", "denied-node", "no-partner-key", "no-partner-server",
    "too-many-prompts", "too-large", "refused-body",
)  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_speaks_for_itself_and_not_for_the_server(rule: str, language: str) -> None:
    _ = translator(language)
    said = "EvilNode is not allowed here."
    words = word_failure(Failure(kind="rejected", message=said, exception_type=rule), _)
    assert words.quote == said
    assert words.title != word_failure(Failure(kind="rejected", message=said), _).title
    assert words.advice and words.cause not in {"", rule}
    reported = word_error(PromptRejected(ServerId("gpu-1"), said, rule), _)
    assert (reported.title, reported.quote) == (words.title, said)


def test_a_server_that_refuses_still_says_so() -> None:
    words = word_failure(Failure(kind="rejected", message="x", exception_type="prompt_no_outputs"), ENGLISH)
    assert words.title == "The server refused the workflow"


def test_logout_command_needs_a_login() -> None:
    for account in (Account(), Account("ada", has_login=True)):
        ids = {item.command_id for item in setting_commands(PageView({}), UiState().with_slices(account), ENGLISH)}
        assert ("log-out" in ids) is account.can_log_out


@pytest.mark.parametrize("cause", ["not-logged-in", "other-person"])
def test_card_does_not_blame_the_server_for_a_logout(cause: str) -> None:
    words = word_contact(task("a", contact=Contact.UNREACHABLE, contact_detail=cause), ENGLISH)
    assert "does not answer" not in words.title and "gpu-1" in words.advice
    away = word_contact(task("a", contact=Contact.UNREACHABLE, contact_detail="timeout"), ENGLISH)
    assert "does not answer" in away.title


def test_a_task_stays_as_it_is() -> None:
    session = StillSession(window=window(task("a")))
    kinds, _html = shown(Presence.OUT, session)
    assert kinds == [NoticeKind.LOGGED_OUT]
    assert session.window == window(task("a"))


@pytest.mark.parametrize(("has_copies", "is_everywhere"), [(True, False), (True, True), (False, False)])
def test_log_out_says_that_copies_stay_valid(has_copies: bool, is_everywhere: bool) -> None:
    dialog, alice = LogOutDialog(is_everywhere=is_everywhere), replace(ALICE, has_copies=has_copies)
    html = str(drawn(log_out_view(dialog, alice, StillSession(), PanelFacts()), ENGLISH))
    assert ("stays valid for up to a day" in html) is (has_copies and not is_everywhere)
