"""Every error class and every cause in the source has a message, advice and details to copy, in both languages.
The causes are read from the source itself, so that a new one without a message fails here."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache

import pytest

import app
from app.core import errors
from app.core.errors import (
    BadInput,
    BadPlan,
    ComfyError,
    ConnectError,
    HttpStatusError,
    MooringError,
    SourceFault,
    StorageError,
    TransportError,
    reason_of,
)
from app.core.model import Contact, Failure, NodeError, ServerId
from app.session.watching.watch import silence_of
from app.ui.kit.cause_words import word_cause
from app.ui.kit.error_texts import error_text, failure_text
from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_error
from app.ui.notices.notice_words import word_notice
from app.ui.notices.notices_html import errors as drawn
from app.ui.notices.state import Notice, NoticeKind
from app.ui.runs.task_words import word_contact, word_failure
from tests.kit.page.stills import ENGLISH, ROOT, task, translator
from wire.refusals import Cause

CHINESE = translator("zh-CN")
in_both = pytest.mark.parametrize("_", [ENGLISH, CHINESE], ids=["en", "zh-CN"])

# Shown at a field, whose title says what it expects.
AT_FIELDS = {"not-a-number", "out-of-range", "not-an-option", "list-elsewhere"}


def _outer_modules() -> Iterator[str]:
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if not module.name.startswith(("app.browser", "app.composition", "app.main")):
            yield module.name


@cache
def classes() -> tuple[type[MooringError], ...]:
    """Return all error classes, including those derived in other modules."""
    for name in _outer_modules():
        importlib.import_module(name)
    found, left = [], [MooringError]
    while left:
        kind = left.pop()
        found.append(kind)
        left += kind.__subclasses__()
    return tuple(found)


@cache
def causes(class_name: str, place: int = 0) -> frozenset[str]:
    """Return the causes that the source gives to an error of that class, anywhere in the app."""
    found = set()
    for path in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == class_name:
                texts = [*node.args[place : place + 1], *(item.value for item in node.keywords if item.arg == "cause")]
                found |= {text.value for item in texts for text in ast.walk(item) if _is_text(text)}
    return frozenset(found)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def made(kind: type[MooringError]) -> MooringError:
    error = kind()
    for name in ("server_id", "asked", "locked"):
        if hasattr(error, name):
            setattr(error, name, ServerId("gpu-1" if name != "asked" else "gpu-2"))
    return error


def texts(error: MooringError, _: Translator) -> tuple[str, str]:
    words = word_error(error, _)
    return words.title, words.advice


def check(found: dict[str, tuple[str, str]], other: tuple[str, str], *, without: set[str] | None = None) -> None:
    """Check that each has its own text, not the one for unknown causes."""
    assert found
    for name, (title, advice) in found.items():
        assert title and title != other[0], name
        assert advice or name in (without or set()), f"{name} does not say what can be done"


@in_both
def test_every_class_says_what_happened_and_what_can_be_done(_: Translator) -> None:
    found = {kind.__name__: texts(made(kind), _) for kind in classes() if kind is not MooringError}
    assert len(found) > len([name for name in vars(errors) if name.endswith(("Error", "Closed"))])
    check(found, texts(MooringError(), _))


def test_every_error_class_has_a_translated_message() -> None:
    for kind in classes():
        assert not set(texts(made(kind), ENGLISH)) & set(texts(made(kind), CHINESE)), kind


@in_both
def test_every_cause_of_bad_input_has_a_message(_: Translator) -> None:
    named = causes("BadInput") | {item.value for item in SourceFault} | {"not-a-film", "not-a-sound"}
    assert {"empty", "bad-workflow", "cannot-break", "bad-catalogue"} <= named, "the source is read"
    found = {cause: texts(BadInput(cause, "Photo", "2"), _) for cause in named if cause.count(" ") == 0}
    check(found, texts(BadInput("?", "Photo"), _), without=AT_FIELDS)


@in_both
def test_every_cause_against_a_plan_has_a_message(_: Translator) -> None:
    assert "bad-header" in causes("BadPlan")
    check({cause: texts(BadPlan(cause, "seed", "7"), _) for cause in causes("BadPlan")}, texts(BadPlan("?"), _))


@in_both
def test_every_cause_of_the_store_has_a_message(_: Translator) -> None:
    named = causes("StorageError", 1) - {"unknown"}
    assert "blocked" in named
    check({cause: texts(StorageError("write", cause), _) for cause in named}, texts(StorageError("write", "?"), _))


@in_both
def test_every_cause_of_gateway_and_request_has_a_message(_: Translator) -> None:
    named = {item.code for item in Cause} | {
        "deadline",
        "lost",
        "gateway-lost",
        "redirected",
        "closed",
        "dropped",
    }
    named |= {item for item in causes("ConnectError", 1) | causes("SocketClosed", 1) if item}
    assert {cause for cause in named if word_cause(cause, _) == word_cause("?", _)} == {"unknown"} & named
    assert all(texts(ConnectError(ServerId("gpu-1"), cause), _)[1] for cause in named)


def silences() -> list[TransportError | ComfyError]:
    """Return an error of each class with which a poll can fail."""
    kinds = [kind for kind in classes() if issubclass(kind, TransportError | ComfyError)]
    return [
        *map(made, kinds),
        HttpStatusError(ServerId("gpu-1"), 502, "<html>"),
        ConnectError(ServerId("gpu-1"), "x(y)"),
    ]


@in_both
def test_no_error_shows_a_name_of_the_code(_: Translator) -> None:
    names = {f"{kind.__name__}(" for kind in (*classes(), KeyError, ValueError)}
    shown = [word_error(made(kind), _) for kind in classes() if kind is not MooringError]
    for error in silences():
        unreachable = task("a", contact=Contact.UNREACHABLE, contact_detail=silence_of(error))
        shown.append(word_contact(unreachable, _))
        assert shown[-1].cause, error
    assert not [words for words in shown for name in names if name in str(words)]
    assert word_contact(task("a", contact=Contact.UNREACHABLE, contact_detail="status-502"), ENGLISH).cause == (
        "it answers with status 502"
    )


def test_errors_of_python_are_worded_when_they_are_shown() -> None:
    """An error that is raised for the user has no `repr` among its facts."""
    for path in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)):
                continue
            kind = getattr(node.exc.func, "id", "")
            if kind not in {item.__name__ for item in classes()}:
                continue
            inner = [*ast.walk(node.exc)]
            assert not [item for item in inner if isinstance(item, ast.FormattedValue) and item.conversion == ord("r")]
            assert not [item for item in inner if isinstance(item, ast.Name) and item.id == "repr"], path


@pytest.mark.parametrize(
    ("error", "words"), [(KeyError("servers"), "servers is missing"), (ValueError(), "ValueError")]
)
def test_error_of_python_has_a_reason(error: Exception, words: str) -> None:
    assert reason_of(error) == words


@in_both
def test_fault_without_a_server_is_the_gateways(_: Translator) -> None:
    gateway = {"en": "Mooring's gateway", "zh-CN": "Mooring 的网关"}[_.language]
    for error in silences():
        error.server_id = None
        title = word_error(error, _).title
        assert title.startswith(gateway) or f" {gateway}" in title, title
        assert f"{gateway} " not in title or _ is ENGLISH, title
    lost = word_error(ConnectError(ServerId("gpu-1"), "gateway-lost"), _)
    assert gateway in lost.title and "gpu-1" not in lost.title


@in_both
def test_every_error_can_be_copied_with_its_facts(_: Translator) -> None:
    for number, kind in enumerate(classes(), 1):
        error = made(kind)
        words = word_error(error, _)
        text = error_text(error, words)
        assert words.title in text and words.advice in text and kind.__name__ in text
        markup = str(drawn([Notice(NoticeKind.ERROR, number, error)], _))
        assert f'data-copy="notice-error-{number}-text"' in markup
        assert f'id="notice-error-{number}-text"' in markup
    assert "server_id: gpu-1" in error_text(made(ConnectError), word_error(made(ConnectError), _))


@in_both
def test_errors_are_all_there_and_the_newest_is_first(_: Translator) -> None:
    view = [Notice(NoticeKind.ERROR, number, StorageError("write", "quota", f"no {number}")) for number in range(12)]
    markup = str(drawn(view, _))
    places = [markup.index(f'id="notice-error-{number}"') for number in range(12)]
    assert places == sorted(places, reverse=True)
    assert markup.count('data-live="now"') == 12
    assert "dismiss-errors" in markup and "dismiss-errors" not in str(drawn(view[:1], _))


@in_both
def test_every_notice_has_advice(_: Translator) -> None:
    for kind in NoticeKind:
        words = word_notice(Notice(kind, 1, StorageError("read", "blocked")), _)
        assert words.title and words.advice, kind


@in_both
def test_failed_run_is_copied_with_its_servers_report(_: Translator) -> None:
    fault = NodeError(node_id="2", class_type="ImageScale", type="value_smaller_than_min", message="m", details="d")
    for kind in ("rejected", "not_sent", "execution"):
        failed = Failure(kind=kind, message="No memory", exception_type="OOM", traceback="File x", node_errors=(fault,))
        words = word_failure(failed, _)
        assert words.title and words.advice, kind
        text = failure_text(failed, words)
        assert all(part in text for part in (words.title, words.advice, "OOM", "File x", "ImageScale"))
