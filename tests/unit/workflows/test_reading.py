"""Parsing: JSON in all formats in use, the warnings beside a workflow, and the causes of refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.core.errors import BadInput, SourceFault
from app.core.workflow import parse_workflow
from app.workflows.carriers.carrier import Carrier
from app.workflows.documents import FileNote
from app.workflows.reading import Source, plain_name, read_source, read_text
from tests.unit.workflows.carrier_files import COMMENT, GRAPH, PROMPT, TEXTS, png
from wire.own_cache import keep_apart

EXTRA = {"extra_pnginfo": {"workflow": GRAPH}}
ENTRY = {"prompt": [7, "8f0c", PROMPT, EXTRA, ["9"]], "outputs": {}, "status": {"status_str": "success"}}


def read(value: object, **options: Any) -> Source:
    """A JSON file with that in it."""
    return read_source(json.dumps(value, **options).encode(), "graph.json")


def refusal(data: bytes | str, name: str = "x.json") -> BadInput:
    """The error for a file or a pasted text."""
    with pytest.raises(BadInput) as caught:
        read_source(data, name) if isinstance(data, bytes) else read_text(data, name)
    return caught.value


def cause(data: bytes | str) -> SourceFault:
    """Why it is refused."""
    return SourceFault(refusal(data).cause)


@pytest.mark.parametrize(
    ("value", "api", "graph"),
    [
        (PROMPT, PROMPT, None),
        (GRAPH, None, GRAPH),
        ({"nodes": []}, None, {"nodes": []}),
        ({"prompt": PROMPT, "workflow": GRAPH}, PROMPT, GRAPH),
        (TEXTS, PROMPT, GRAPH),
        (json.loads(COMMENT["comment"]), PROMPT, GRAPH),
        ({"prompt": json.dumps(json.dumps(PROMPT))}, PROMPT, None),
        ({"Prompt": PROMPT, "WORKFLOW": GRAPH, "CreationTime": "today"}, PROMPT, GRAPH),
        ({"output": PROMPT, "workflow": GRAPH}, PROMPT, GRAPH),
        ({"prompt": PROMPT, "client_id": "a", "extra_data": EXTRA}, PROMPT, GRAPH),
        ({"prompt": PROMPT}, PROMPT, None),
        ({"workflow": PROMPT}, PROMPT, None),
        ({"prompt": "a street in the rain", "workflow": GRAPH}, None, GRAPH),
        (ENTRY, PROMPT, GRAPH),
        ({"8f0c": ENTRY}, PROMPT, GRAPH),
        ({"prompt": [7, "8f0c", PROMPT, {}, []]}, PROMPT, None),
    ],
)
def test_json_formats_are_distinguished(value: object, api: object, graph: object) -> None:
    source = read(value)
    assert (json.loads(source.api or "null"), json.loads(source.graph or "null")) == (api, graph)
    assert (source.carrier, source.size, source.notes) == (Carrier.JSON, None, frozenset())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_json_may_have_any_encoding_of_json(encoding: str) -> None:
    text = json.dumps(GRAPH, ensure_ascii=False, indent=2)
    assert read_source(f"\n  {text}\n".encode(encoding)).graph == text


@pytest.mark.parametrize("indent", [None, 2])
def test_unchanged_text_is_returned_as_is(indent: int | None) -> None:
    """Down to the digit: 1e-7 stays 1e-7, 7.50 stays 7.50, and 64 bits are whole."""
    text = json.dumps(PROMPT, indent=indent).replace("7.5", "7.50")
    assert read_source(text.encode()).api == text
    assert parse_workflow(text).value("3", "seed") == 18446744073709551615


@pytest.mark.parametrize("text", [json.dumps(GRAPH), json.dumps(GRAPH)[:-1] + ', "extra": [1e999, NaN]}'])
def test_parsed_graph_is_what_its_text_says(text: str) -> None:
    source = read_source(text.encode())
    assert source.parsed in (None, json.loads(source.graph or ""))
    assert (source.parsed is None) == (FileNote.NON_FINITE in source.notes)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_non_numbers_become_null_with_warning(number: str) -> None:
    prompt = f'{{"3": {{"class_type": "NaN", "inputs": {{"text": "-Infinity NaN"}}, "is_changed": [{number}]}}}}'
    for source in (read_source(prompt.encode()), read_source(png({"prompt": prompt}))):
        assert FileNote.NON_FINITE in source.notes
        assert json.loads(source.api or "", parse_constant=pytest.fail) == {
            "3": {"class_type": "NaN", "inputs": {"text": "-Infinity NaN"}, "is_changed": [None]}
        }


def test_a_note_is_about_what_is_worked_with() -> None:
    """Many a prompt has an `is_changed` of NaN; with the editor's graph beside it, that changes nothing."""
    prompt = json.dumps({**PROMPT, "5": {"class_type": "A", "inputs": {}, "is_changed": float("nan")}})
    assert read_source(png({**TEXTS, "prompt": prompt})).notes == frozenset()


def test_half_characters_become_whole_ones_and_that_is_said() -> None:
    graph = '{"nodes": [], "extra": {"\\ud83d\\ude00": "a\\ud800b \\\\ud800"}}'
    source = read_source(graph.encode())
    assert source.notes == {FileNote.SURROGATES}
    assert json.loads(source.graph or "") == {"nodes": [], "extra": {"😀": "a\ufffdb \\ud800"}}
    assert (source.graph or "").encode()


@pytest.mark.parametrize(
    ("escaped", "halves"),
    [
        ("\\ud83d\\ude00", 0),
        ("\\uD83D\\uDE00\\ud83d\\ude00", 0),
        ("\\\\ud83d", 0),
        ("\\ud83d", 1),
        ("\\ude00", 1),
        ("\\ude00\\ud83d", 2),
        ("\\ud83d\\ud83d\\ude00", 1),
        ("\\ud83d\\ude00\\ude00", 1),
        ("\\\\ud83d\\ude00", 1),
        ("\\ud83d\\\\ude00", 1),
        ("\udc00", 1),
    ],
)
def test_a_whole_character_in_two_escapes_is_none_to_change(escaped: str, halves: int) -> None:
    text = f'{{"nodes": [], "extra": "{escaped}"}}'
    source = read_text(text)
    assert source.notes == ({FileNote.SURROGATES} if halves else frozenset())
    assert json.loads(source.graph or "")["extra"].count("\ufffd") == halves
    assert source.graph == text or halves


def test_a_pasted_half_is_made_whole() -> None:
    pasted = read_text('{"nodes": [], "extra": "\udc00"}')
    assert json.loads(pasted.graph or "")["extra"] == "\ufffd"


def test_of_two_parts_the_broken_one_is_said() -> None:
    source = read({"prompt": TEXTS["prompt"], "workflow": TEXTS["workflow"][:-5]})
    assert (source.graph, source.notes) == (None, {FileNote.GRAPH_UNREADABLE})
    source = read({"prompt": TEXTS["prompt"][:-5], "workflow": GRAPH})
    assert (source.api, source.notes) == (None, {FileNote.PROMPT_UNREADABLE})
    assert cause(json.dumps({key: text[:-5] for key, text in TEXTS.items()}).encode()) is SourceFault.DAMAGED


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", SourceFault.EMPTY),
        (b"   ", SourceFault.UNKNOWN_FILE),
        (b"{}", SourceFault.NO_WORKFLOW),
        (b'{"templates": [{"name": "a", "data": "{}"}]}', SourceFault.NO_WORKFLOW),
        (b'{"3": {"class_type": "A"}, "4": {}}', SourceFault.NO_WORKFLOW),
        (b'{"nodes": [1]}', SourceFault.NO_WORKFLOW),
        (b'{"nodes": {"1": {}}}', SourceFault.NO_WORKFLOW),
        (b'{"prompt": [1, 2]}', SourceFault.NO_WORKFLOW),
        (b"[1, 2]", SourceFault.NO_WORKFLOW),
        (b'{"nodes": [', SourceFault.DAMAGED),
        (b'{"nodes": []} {}', SourceFault.DAMAGED),
        (b'{"nodes": [], "extra": "\xff"}', SourceFault.DAMAGED),
        (b'{"nodes": [' + b"9" * 5000 + b"]}", SourceFault.DAMAGED),
        ("", SourceFault.EMPTY),
        ("a street in the rain", SourceFault.UNKNOWN_FILE),
        ("{", SourceFault.DAMAGED),
    ],
)
def test_every_refusal_has_its_reason(data: bytes | str, fault: SourceFault) -> None:
    error = refusal(data)
    assert (error.cause, error.name) == (fault.value, "x.json")
    assert str(error).isascii() or str(error).encode()


def test_a_refusal_names_the_node_that_is_none() -> None:
    assert "'4'" in refusal(b'{"3": {"class_type": "A"}, "4": {"class": "B"}}').detail


def test_pasted_text_may_surround_workflow() -> None:
    for text in (TEXTS["workflow"], f"Try this:\n```json\n{TEXTS['workflow']}\n```\nIt works!"):
        source = read_text(text, "pasted")
        assert (source.graph, source.carrier, source.name) == (TEXTS["workflow"], Carrier.JSON, "pasted")


@pytest.mark.parametrize("given", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind_are_read(given: type) -> None:
    assert read_source(given(png())).graph == TEXTS["workflow"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("street.png", "street.png"),
        ("C:\\fake\\街道.png", "街道.png"),
        ("../../etc/street.png", "street.png"),
        ("a\ud800b\0\n.png", "a\ufffdb.png"),
        ("gnp\u202e.exe", "gnp.exe"),
        ("n" * 999, "n" * 255),
        ("", ""),
    ],
)
def test_a_files_name_is_plain(name: str, shown: str) -> None:
    assert plain_name(name) == shown
    assert read_source(png(), name).name == shown
    assert refusal(b"?", name).name == shown


def test_mark_of_its_user_is_left_out_of_a_prompt() -> None:
    """Pictures made through a gateway with users contain the prompt as it was sent to the server."""
    outputs = frozenset({node["class_type"] for node in PROMPT.values()})
    marked = keep_apart(PROMPT, outputs.__contains__, "0123456789abcdef")
    assert marked != PROMPT
    assert json.loads(read_text(json.dumps(marked)).api or "") == PROMPT
