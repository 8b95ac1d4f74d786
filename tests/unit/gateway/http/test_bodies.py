"""The checks of JSON bodies."""

from __future__ import annotations

import json

import pytest

from gateway.http.bodies import LARGEST_JSON, MOST_DELETED, examine_body, is_client_id
from gateway.http.routes import RequiredBody

PROMPT = {"prompt": {"1": {}}, "client_id": "w", "prompt_id": "0fcb1c85-6a7e-4f0b-9f3c-0e6f3d1f0a11"}


def text(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (RequiredBody.PROMPT, text(PROMPT)),
        (RequiredBody.PROMPT, text(PROMPT | {"number": -1, "front": True, "extra_data": {"mine": 1}})),
        (RequiredBody.QUEUE_DELETE, text({"delete": ["a"]})),
        (RequiredBody.HISTORY_DELETE, text({"delete": ["a", "b"]})),
        (RequiredBody.INTERRUPT, text({"prompt_id": "a"})),
        (RequiredBody.JOB_CANCEL, b""),
        (RequiredBody.JOB_CANCEL, b"{}"),
    ],
)
def test_request_that_names_its_prompts_passes(kind: RequiredBody, raw: bytes) -> None:
    assert examine_body(raw, kind).fault is None


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": ["a"]},
        {"client_id": {"a": 1}},
        {"client_id": ""},
        {"client_id": None},
        {"client_id": 5},
        {"client_id": "a\nb"},
        {"client_id": "x" * 201},
        {"prompt_id": None},
        {"prompt_id": ""},
        {"prompt_id": 42},
        {"prompt_id": ["0fcb1c85-6a7e-4f0b-9f3c-0e6f3d1f0a11"]},
        {"prompt_id": "0FCB1C85-6A7E-4F0B-9F3C-0E6F3D1F0A11"},
        {"prompt_id": "0fcb1c856a7e4f0b9f3c0e6f3d1f0a11"},
        {"prompt_id": "0fcb1c85-6a7e-4f0b-9f3c-0e6f3d1f0a11\n"},
        {"prompt": None},
        {"prompt": []},
        {"prompt": "x"},
        {"extra_data": None},
        {"extra_data": []},
        {"extra_data": {"api_key_comfy_org": "mine"}},
        {"extra_data": {"auth_token_comfy_org": None}},
    ],
)
def test_harmful_prompt_is_refused(change: dict[str, object]) -> None:
    assert examine_body(text(PROMPT | change), RequiredBody.PROMPT).fault


@pytest.mark.parametrize("missing", ["prompt", "client_id", "prompt_id"])
def test_a_prompt_without_its_ids_is_refused(missing: str) -> None:
    assert examine_body(
        text({key: value for key, value in PROMPT.items() if key != missing}), RequiredBody.PROMPT
    ).fault


def test_last_of_two_equal_keys_counts() -> None:
    twice = text(PROMPT)[:-1] + b', "client_id": ["a"]}'
    assert examine_body(twice, RequiredBody.PROMPT).fault


@pytest.mark.parametrize("kind", [RequiredBody.QUEUE_DELETE, RequiredBody.HISTORY_DELETE])
@pytest.mark.parametrize(
    "value",
    [
        {"clear": True},
        {"clear": True, "delete": ["a"]},
        {"clear": False, "delete": ["a"]},
        {"delete": []},
        {"delete": "a"},
        {"delete": [["a"]]},
        {"delete": [""]},
        {"delete": [1]},
        {"delete": None},
        {"delete": [str(number) for number in range(MOST_DELETED + 1)]},
        {},
        [],
        None,
    ],
)
def test_a_clear_is_refused(kind: RequiredBody, value: object) -> None:
    assert examine_body(text(value), kind).fault


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"prompt_id": ""}',
        b'{"prompt_id": null}',
        b'{"prompt_id": ["a"]}',
        b'{"x": "a"}',
        b'{"prompt_id": "a", "x": 1}',
    ],
)
def test_a_bare_interrupt_is_refused(raw: bytes) -> None:
    assert examine_body(raw, RequiredBody.INTERRUPT).fault


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"\xff\xfe{\x00}\x00",
        text(PROMPT).decode().encode("utf-16"),
        text(PROMPT).decode().encode("utf-8-sig"),
        b'{"a":' * 100_000,
        b'{"number": ' + b"9" * 5_000 + b"}",
        b"\x00",
    ],
)
def test_invalid_json_is_refused(raw: bytes) -> None:
    assert examine_body(raw, RequiredBody.PROMPT).fault


def test_client_ids() -> None:
    assert is_client_id("0fcb1c85-6a7e")
    assert not any(is_client_id(text) for text in ("", " ", "a b", "ä", "a\x00", "x" * 201))


def test_examination_returns_the_prompt_id() -> None:
    assert examine_body(text(PROMPT), RequiredBody.PROMPT).prompt_id == PROMPT["prompt_id"]
    assert examine_body(text(PROMPT | {"client_id": ""}), RequiredBody.PROMPT).prompt_id is None
    assert examine_body(text({"prompt_id": "a"}), RequiredBody.INTERRUPT).prompt_id is None


@pytest.mark.parametrize(
    ("inner", "is_too_much", "says"),
    [
        (b"[" + b"[]," * 2_500_000 + b"0]", True, "200,000 values"),
        (b"[" * 200 + b"]" * 200, False, "nested"),
        (b"9" * 4_000, False, "digits"),
        (b"NaN", False, "not JSON"),
        (b'"' + b"x" * LARGEST_JSON + b'"', True, "bytes"),
    ],
    ids=["lists", "depth", "digits", "not a number", "size"],
)
def test_costly_body_is_refused_unread(inner: bytes, is_too_much: bool, says: str) -> None:
    examined = examine_body(text(PROMPT)[:-1] + b', "extra_data": {"a": ' + inner + b"}}", RequiredBody.PROMPT)
    assert examined.is_too_much is is_too_much
    assert examined.fault
    assert says in examined.fault
