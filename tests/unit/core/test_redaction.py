"""What leaves the browser: no text of the user's or a server's, and no credential."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import Enum
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import redaction
from app.core.busy import BUSY
from app.core.evidence import Evidence
from app.core.journal_entries import NOT_RECORDED, recorded_fields
from app.core.model import InputFile, NodeId, Note, ServerChoice, Task, Template
from app.core.records import TASK_RECORD
from app.core.redaction import WITHHELD, Redactor, place_of, without_credentials
from tests.kit.builders import task
from tests.ports.tasks import changed

LISTED = redaction.WORDS | redaction.WORD_LISTS | redaction.WORD_MAPS | redaction.SOURCE
LISTED |= redaction.PLACES | redaction.MIXED | redaction.NAMES | redaction.TEXTS

secrets = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs"]), min_size=3).map("zq".__add__)


def _text_fields(kind: Any, seen: set[Any]) -> Iterator[str]:
    """The names of all text fields of a record, at any depth."""
    if kind in seen:
        return
    seen.add(kind)
    for name, hint in get_type_hints(kind).items():
        if kind is Task and name in NOT_RECORDED:
            continue
        for part in _parts(hint):
            if is_dataclass(part):
                yield from _text_fields(part, seen)
            elif isinstance(part, type) and issubclass(part, str | Enum):
                yield name


def _parts(hint: Any) -> Iterator[Any]:
    inner = get_args(hint)
    if inner:
        for item in inner:
            yield from _parts(item)
    else:
        yield getattr(hint, "__supertype__", hint)


def test_every_text_field_is_listed_as_kept_or_not() -> None:
    """A new field is reported by its length until it is listed, and then a replay could not read it."""
    found = {
        name
        for kind in (Task, InputFile, Note, ServerChoice, *get_args(Evidence))
        for name in _text_fields(kind, set())
    }
    assert found
    assert found <= LISTED


def test_prompts_of_a_task_are_not_recorded() -> None:
    written = Template(NodeId("3"), "text", "{dunes|harbour}")
    assert "dunes" not in json.dumps(recorded_fields(changed(task(), templates=(written,))))


def test_no_name_is_listed_twice() -> None:
    lists = [redaction.WORDS, redaction.PLACES, redaction.MIXED, redaction.NAMES, redaction.TEXTS]
    assert sum(map(len, lists)) == len(frozenset().union(*lists))


@given(st.sampled_from(sorted(redaction.TEXTS | redaction.NAMES | {"anything", "else", "text", "servers"})), secrets)
def test_a_text_is_kept_only_under_a_listed_name(name: str, secret: str) -> None:
    for value in (secret, [secret], {name: secret}, {"deep": [{name: [secret, 1, None]}]}, (secret,)):
        assert secret not in json.dumps(Redactor().facts({name: value}), ensure_ascii=False)


@given(st.sampled_from(sorted(redaction.WORDS)), secrets)
def test_text_unlike_an_identifier_is_never_kept(name: str, secret: str) -> None:
    sentence = f"{secret} and more, of it"
    assert secret not in json.dumps(Redactor().facts({name: sentence}), ensure_ascii=False)


@given(secrets, st.booleans())
def test_no_literal_of_a_workflow_is_in_its_shape(secret: str, is_long: bool) -> None:
    literal = secret * 200 if is_long else secret
    workflow = {
        "6": {
            "class_type": "CLIPTextEncode",
            "inputs": {"text": literal, "clip": ["4", 1], "words": [literal, 0], "more": {"in": literal}, "n": 3},
            "_meta": {"title": literal},
        },
        "7": literal,
        "8": [literal],
        f"{literal} of it": {"class_type": "Note", "inputs": {}},
    }
    shape = Redactor().workflow(json.dumps(workflow))
    assert secret not in json.dumps(shape, ensure_ascii=False)
    assert shape["6"]["class_type"] == "CLIPTextEncode"
    assert shape["6"]["inputs"] == {
        "text": f"({len(literal)} characters)", "clip": ["4", 1], "words": "(list of 2)", "more": "(dict)", "n": 3,
    }  # fmt: skip


@given(secrets, st.booleans())
def test_no_credential_is_kept_even_when_texts_are(secret: str, texts: bool) -> None:
    workflow = {"1": {"class_type": "ApiNode", "inputs": {"api_key": secret, "auth_token_comfy_org": [secret]}}}
    record = {
        "Authorization": f"Bearer {secret}",
        "headers": {"Cookie": secret, "x-api-key": [secret]},
        "extra_data": {"api_key_comfy_org": secret},
        "password": {"is": secret},
    }
    redactor = Redactor(texts=texts)
    text = json.dumps([redactor.facts(record), redactor.workflow(json.dumps(workflow))], ensure_ascii=False)
    assert secret not in text
    assert WITHHELD in text


@pytest.mark.parametrize("name", ["address", "message", "line", "contact_detail", "url", "present"])
@pytest.mark.parametrize("texts", [False, True])
def test_address_loses_user_password_and_query(name: str, texts: bool) -> None:
    record = Redactor(texts=texts).facts({name: "http://zqme:zqpass@gpu-1.lan:8188/comfy?token=zqtoken#zqend"})
    assert "zq" not in record[name].replace("#zqend", "")


def test_addresses_keep_host_port_and_path() -> None:
    assert place_of("http://me:pass@gpu-1.lan:8188/a?b=c") == "http://gpu-1.lan:8188/a"
    assert place_of("ws://[::1]:8200/servers/gpu-1/ws?clientId=secret") == "ws://[::1]:8200/servers/gpu-1/ws"
    assert place_of("/servers/gpu-1/ws?clientId=secret") == "/servers/gpu-1/ws"
    assert place_of("/view?filename=secret") == "(21 characters)"
    assert place_of("http://[secret") == "(14 characters)"
    assert place_of("") == ""


def test_credentials_in_a_text_are_withheld() -> None:
    for text in (
        "http://u:zq1@host/ failed",
        "GET http://host/a?key=zq1 failed",
        "Authorization: Bearer zq1",
        '{"api_key": "zq1"}',
        "password=zq1",
        "passwd_and_password_of_mine = zq1",
        "ws://host/ wss://host/a?key=zq1",
    ):
        assert "zq1" not in without_credentials(text), text


def test_the_same_name_gets_the_same_number_and_another_another() -> None:
    redactor = Redactor()
    names = [
        redactor.facts({"filename": name})["filename"] for name in ("rose.png", "tulip.png", "rose.png", "", "a.b c")
    ]
    assert names == ["name-1.png", "name-2.png", "name-1.png", "", "name-3"]


def test_identifiers_and_numbers_are_kept() -> None:
    record = {
        "state": "succeeded",
        "prompt_id": "0b9b0b8e-0000-4000-8000-000000000000",
        "cause": "status 500",
        "loads": {"gpu-1": 3},
        "refused": {"gpu-2": "timeout"},
        "at": 12.5,
        "is_proven": True,
        "way": ["state.py:12 witness", "socket.py:3 <lambda>"],
        "template": "%s ended: %r",
        "ended_at": None,
    }
    assert Redactor().facts(record) == record


def test_texts_are_kept_when_asked_for() -> None:
    redactor = Redactor(texts=True)
    assert redactor.facts({"message": "no such file", "filename": "rose.png"}) == {
        "message": "no such file",
        "filename": "rose.png",
    }
    workflow = {"6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a rose", "clip": ["4", 1]}}}
    assert redactor.workflow(json.dumps(workflow)) == workflow


def test_records_have_no_fields_outside_this_test() -> None:
    assert {"failure", "outputs", "warnings"} <= set(TASK_RECORD)
    assert {"traceback", "filename", "told_end", "state", "contact_detail"} <= set(_text_fields(Task, set()))


def test_busy_answer_is_named_in_a_report() -> None:
    """Without it, a replay could not judge a prompt that met one."""
    assert Redactor().facts({"message": BUSY, "detail": BUSY}) == {"message": BUSY, "detail": BUSY}
    assert BUSY not in str(Redactor().facts({"message": f"{BUSY} of mine"}))
