"""Every error, state, contact, end, delivery, choice, health and blocker has its own text, in both languages."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from enum import Enum

import pytest

from app.core import errors
from app.core.errors import MooringError
from app.core.model import Contact, Delivery, Failure, NodeError, ServerChoice, ServerId, TaskState
from app.core.progress import Progress
from app.session import RunStage
from app.ui.fleet.words import word_health, word_queue, word_source
from app.ui.kit.cause_words import word_cause
from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_error, word_node_error
from app.ui.kit.plan_words import word_row
from app.ui.notices.notice_words import word_notice
from app.ui.notices.state import Notice, NoticeKind
from app.ui.runs.progress_words import word_stage, word_step
from app.ui.runs.run_bar_words import word_blocker
from app.ui.runs.state import Blocker
from app.ui.runs.task_words import (
    word_choice,
    word_contact,
    word_delivery,
    word_failure,
    word_score,
    word_state,
    word_task,
)
from tests.kit.page.stills import fleet, output, server, task, translator
from wire.health import Health

LANGUAGES = [translator("en"), translator("zh-CN")]
BRANCHES = {errors.TransportError, errors.ComfyError, errors.AffinityError, MooringError}
BAD_INPUTS = (
    *(fault.value for fault in errors.SourceFault if fault is not errors.SourceFault.EMPTY),
    "not-a-picture",
    "too-large",
    "empty",
    "unreadable",
    "bad-inputs",
    "not-a-number",
    "out-of-range",
    "not-an-option",
    "no-picture-field",
    "list-elsewhere",
    "bad-workflow",
)
STORAGE = ("quota", "blocked", "disabled", "upgrade", "closed", "broken-record", "newer-record", "unknown")

in_both = pytest.mark.parametrize("_", LANGUAGES, ids=["en", "zh-CN"])


def _classes() -> Iterator[type[MooringError]]:
    for _name, found in inspect.getmembers(errors, inspect.isclass):
        if issubclass(found, MooringError):
            yield found


def _made(kind: type[MooringError]) -> MooringError:
    error = kind()
    for name in ("server_id", "asked", "locked"):
        if hasattr(error, name):
            setattr(error, name, ServerId("gpu-1" if name != "asked" else "gpu-2"))
    return error


def _own_words(words: dict[object, str]) -> None:
    """Check that all have a text, and no two the same."""
    assert all(words.values()), words
    assert len(set(words.values())) == len(words), words


def test_cause_that_several_servers_have_is_said_once() -> None:
    causes = {ServerId(name): cause for name, cause in (("a", "drained"), ("b", "down"), ("c", "drained"))}
    quote = word_error(errors.NoServerAvailable("reserve", causes), LANGUAGES[0]).quote
    assert quote == "a, c: it takes nothing new; b: no connection"


@in_both
def test_every_error_class_has_its_own_message(_: Translator) -> None:
    _own_words({kind.__name__: word_error(_made(kind), _).title for kind in _classes()})


@in_both
def test_every_error_says_what_to_do_next(_: Translator) -> None:
    assert all(word_error(_made(kind), _).advice for kind in _classes())


@in_both
def test_every_cause_of_bad_input_and_storage_has_a_message(_: Translator) -> None:
    _own_words({cause: word_error(errors.BadInput(cause, "Photo", "1 – 2"), _).title for cause in BAD_INPUTS})
    _own_words({cause: word_error(errors.StorageError("write", cause), _).title for cause in STORAGE})


def test_oversized_upload_has_its_own_message() -> None:
    words = word_error(errors.HttpStatusError(ServerId("gpu-1"), 413, "Maximum request body size"), LANGUAGES[0])
    assert "too large" in words.title
    assert "max-upload-size" in words.advice


def test_an_error_never_shows_its_python_form() -> None:
    for kind in set(_classes()) - BRANCHES:
        words = word_error(_made(kind), LANGUAGES[0])
        assert kind.__name__ not in f"{words.title} {words.advice}"


@in_both
@pytest.mark.parametrize(
    ("kinds", "word"),
    [
        (TaskState, lambda item, _: word_state(task(state=item), _).title),
        (Contact, lambda item, _: word_contact(task(contact=item), _).title),
        (Delivery, lambda item, _: word_delivery(output(delivery=item), _).title),
        (Health, lambda item, _: word_health(item, "", _).title),
        (RunStage, word_stage),
    ],
    ids=["state", "contact", "delivery", "health", "stage"],
)
def test_every_value_has_its_own_text(
    _: Translator, kinds: type[Enum], word: Callable[[Enum, Translator], str]
) -> None:
    _own_words({item: word(item, _) for item in kinds})


@in_both
def test_every_blocker_and_notice_has_a_text(_: Translator) -> None:
    assert all(word_blocker(item, _) for item in Blocker)
    assert all(word_notice(Notice(item, 1, errors.StorageError("read", "blocked")), _).title for item in NoticeKind)


@in_both
def test_every_choice_failure_source_and_cause_has_a_text(_: Translator) -> None:
    known = ("only", "least_loaded", "soonest", "warm", "weighted", "two_choice", "tie", "weighted_tie")
    reasons = (*known, "moored", "asked", "")
    _own_words({item: word_choice(ServerChoice(server_id=ServerId("gpu-1"), reason=item), _) for item in reasons})
    _own_words({kind: word_failure(Failure(kind=kind), _).title for kind in ("rejected", "not_sent", "execution")})
    _own_words({kind: word_source(fleet(source=kind), _) for kind in ("demo", "found", "file", "flags")})
    for health in (Health.DOWN, Health.TIMEOUT, Health.REFUSES, Health.NOT_COMFYUI):
        assert word_cause(health.value, _) != health.value
    _own_words({cause: word_cause(cause, _) for cause in ("lacks", "drained", "busy", "avoided")})


@in_both
def test_seconds_are_rounded_to_their_precision(_: Translator) -> None:
    texts = [word_score(seconds, _) for seconds in (0.2, 1.0, 42.4, 89.4, 95.0, 600.0)]
    assert len({*texts}) == 5, "less than a second is shown as one"
    assert "42" in texts[2] and "10" in texts[5]


@in_both
def test_known_node_errors_name_the_input(_: Translator) -> None:
    for kind in ("required_input_missing", "value_not_in_list", "custom_validation_failed"):
        fault = NodeError(node_id="2", class_type="ImageScale", type=kind, message="m", details="d", input_name="width")
        assert "width" in word_node_error(fault, _).title
    unknown = NodeError(node_id="2", class_type="X", type="new_kind", message="The server's own words")
    assert word_node_error(unknown, _).quote == "The server's own words"


def test_silent_server_is_shown_instead_of_the_state() -> None:
    words = word_task(task(contact=Contact.UNREACHABLE, contact_detail="timeout"), LANGUAGES[0])
    assert words.title == "gpu-1 does not answer"
    assert words.cause == "no answer in time"


def test_end_is_shown_even_if_the_server_is_silent() -> None:
    done = task(state=TaskState.SUCCEEDED, contact=Contact.UNREACHABLE)
    assert word_task(done, LANGUAGES[0]).title == "Finished"


def test_a_success_without_its_output_is_no_plain_success() -> None:
    words = word_state(task(state=TaskState.SUCCEEDED, missing=("4",)), LANGUAGES[0])
    assert "not everything" in words.title
    assert "4" in words.advice


def test_place_in_queue_is_shown() -> None:
    texts = [word_state(task(state=TaskState.QUEUED, place=place), LANGUAGES[0]).title for place in (None, 1, 4)]
    assert texts == ["Waiting in line", "Next in line", "3 ahead in line"]


def test_cancelling_is_shown_until_it_is_done() -> None:
    for state in (TaskState.QUEUED, TaskState.RUNNING):
        assert "Stopping" in word_state(task(state=state, cancel_asked_at=5.0), LANGUAGES[0]).title


def test_a_step_is_counted_only_where_the_node_counts() -> None:
    progress = Progress(task().prompt_id, 4, node="2", value=12.0, maximum=60.0)
    assert word_step(progress, "Draw", LANGUAGES[0]) == "Draw: step 12 of 60"
    assert word_step(Progress(task().prompt_id, 4, node="2"), "Draw", LANGUAGES[0]) == "Draw"


def test_queue_shows_running_and_waiting() -> None:
    texts = [word_queue(server("a", running=r, pending=p), LANGUAGES[0]) for r, p in ((0, 0), (1, 0), (0, 2), (1, 2))]
    assert texts == ["idle", "1 running", "2 waiting", "1 running, 2 waiting"]


def test_each_delivery_has_its_own_text() -> None:
    texts = [word_delivery(output(delivery=item), LANGUAGES[0]).title for item in Delivery]
    texts.append(word_delivery(output(delivery=Delivery.GONE, size=1000), LANGUAGES[0]).title)
    assert len(set(texts)) == len(texts)


def test_only_a_picture_mentions_a_thumbnail() -> None:
    film = output("v.mp4", delivery=Delivery.THUMBNAIL, media_type="video/mp4", size=1000)
    assert "humbnail" in word_delivery(output(delivery=Delivery.THUMBNAIL), LANGUAGES[0]).title
    assert "humbnail" not in word_delivery(film, LANGUAGES[0]).title
    lost = output("v.mp4", delivery=Delivery.GONE, media_type="video/mp4", size=1000)
    assert "humbnail" not in word_delivery(lost, LANGUAGES[0]).title


PLANS = (
    "empty-plan", "too-many-runs", "plan-too-large", "bad-rows", "bad-header", "no-such-input", "ambiguous-input",
    "same-input", "bad-seed", "bad-step",
)  # fmt: skip
ROWS = ("bad-quotes", "row-length", "too-long", "bad-seed", "bad-value")


@in_both
def test_every_cause_against_a_plan_has_a_message(_: Translator) -> None:
    _own_words({cause: word_error(errors.BadPlan(cause, "seed", "7"), _).title for cause in PLANS})
    faults = {cause: errors.RowFault(3, cause, "seed", "7") for cause in ROWS}
    _own_words({cause: word_row(fault, _) for cause, fault in faults.items()})
    assert (
        word_row(faults["bad-value"], _)
        in word_error(errors.BadPlan("bad-rows", faults=(faults["bad-value"],)), _).quote
    )
