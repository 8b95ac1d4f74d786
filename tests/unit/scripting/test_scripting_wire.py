"""The messages between a script's worker and the page: their form, and what the receiver makes of them."""

from __future__ import annotations

import json
import re

import pytest

from app.core import errors
from app.core.errors import AffinityError, BadInput, PromptRejected, ServerLockedError, TaskNotFound
from app.scripting.wire import BLOB_KEY, ERRORS, PageError, camel, pack, revive, snake, unpack
from tests.kit.services import ROOT


def test_arguments_are_json_and_a_list_of_bytes() -> None:
    text, blobs = pack(["沙丘", None, {"1": {"image": b"\x00\xff"}}, bytearray(b"b"), memoryview(b"c")])
    assert json.loads(text) == ["沙丘", None, {"1": {"image": {BLOB_KEY: 0}}}, {BLOB_KEY: 1}, {BLOB_KEY: 2}]
    assert blobs == [b"\x00\xff", b"b", b"c"]


@pytest.mark.parametrize("value", [{1, 2}, object(), float("nan")])
def test_unsendable_value_is_refused_before_sending(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        pack([value])


def test_both_sides_mark_bytes_alike() -> None:
    for path in ("static/js/scripting.js", "app/browser/console.py"):
        assert re.search(r'BLOB_KEY = "\\0blob"', (ROOT / path).read_text(encoding="utf-8")), path


def test_answer_is_unpacked_to_its_value() -> None:
    assert unpack('{"value": {"ok": true}}') == {"ok": True}
    assert unpack('{"value": null}') is None
    assert unpack("{}") is None, "undefined"


def test_refusal_is_the_same_error_with_its_facts() -> None:
    raised = {"operation": "submit", "asked": "gpu-1", "locked": "gpu-2", "holders": 2}
    answer = {"error": {"name": "ServerLockedError", "message": "…", "facts": raised}}
    with pytest.raises(AffinityError) as refused:
        unpack(json.dumps(answer))
    assert type(refused.value) is ServerLockedError
    assert refused.value.facts() == raised


def test_facts_have_python_names_and_unknown_ones_are_dropped() -> None:
    error = revive({"name": "TaskNotFound", "message": "", "facts": {"promptId": "a", "fromANewerPage": 1}})
    assert isinstance(error, TaskNotFound)
    assert error.prompt_id == "a"
    rejected = revive({"name": "PromptRejected", "message": "", "facts": {"nodeErrors": [{"nodeId": "3"}]}})
    assert isinstance(rejected, PromptRejected)
    assert rejected.node_errors == [{"nodeId": "3"}]  # type: ignore[comparison-overlap]


def test_every_own_error_can_be_revived() -> None:
    assert {"MooringError", "BadInput", "ConnectError", "StorageError", "InvalidTransition"} <= set(ERRORS)
    for name, error in ERRORS.items():
        assert getattr(errors, name) is error
        assert type(revive({"name": name, "message": "m"})) is error


def test_other_errors_keep_name_and_message() -> None:
    assert type(revive({"name": "TypeError", "message": "no such name: x"})) is TypeError
    stranger = revive({"name": "DataCloneError", "message": "cannot"})
    assert isinstance(stranger, PageError)
    assert str(stranger) == "DataCloneError: cannot"


@pytest.mark.parametrize(
    ("python", "javascript"), [("prompt_id", "promptId"), ("cause", "cause"), ("is_newer", "isNewer")]
)
def test_names_follow_each_languages_style(python: str, javascript: str) -> None:
    assert (camel(python), snake(javascript)) == (javascript, python)


def test_revived_error_has_its_own_message() -> None:
    assert str(revive({"name": "BadInput", "message": "", "facts": {"cause": "empty"}})) == str(BadInput("empty"))
