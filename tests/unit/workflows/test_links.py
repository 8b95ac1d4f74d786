"""Links to the page: readable, bounded, compared with what the page has, and never more than values of a form."""

from __future__ import annotations

import base64
import json
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.errors import BadInput
from app.core.model import PromptId, ServerId
from app.core.workflow import parse_workflow
from app.workflows.catalogue import Catalogue
from app.workflows.forms.building import build_form
from app.workflows.forms.form import Form
from app.workflows.forms.kinds import SeedMode
from app.workflows.links import (
    LONGEST_LINK,
    LONGEST_OPEN,
    LONGEST_OPENED,
    LONGEST_VALUE,
    MOST_VALUES,
    SHOWN,
    LeftOutReason,
    OpenLink,
    ResultLink,
    WorkflowLink,
    can_link,
    filled,
    link_name,
    path_of,
    read_link,
    with_values,
    write_link,
)

RUN = "5a0c2b1e-0000-4000-8000-000000000001"
CATALOGUE = Catalogue.parse(
    {
        "Sampler": {
            "input": {
                "required": {
                    "seed": ["INT", {"default": 1, "min": 0, "max": 1000, "control_after_generate": True}],
                    "steps": ["INT", {"default": 20, "min": 1, "max": 100}],
                    "cfg": ["FLOAT", {"default": 7.0, "min": 0.0, "max": 30.0}],
                    "name": [["euler", "ddim"]],
                    "text": ["STRING", {"multiline": True, "default": ""}],
                    "title": ["STRING", {"default": "x"}],
                }
            },
            "output": ["IMAGE"],
            "output_name": ["IMAGE"],
        },
        "LoadImage": {
            "input": {"required": {"image": [["a.png"], {"image_upload": True}]}},
            "output": ["IMAGE"],
            "output_name": ["IMAGE"],
        },
        "Partner": {"input": {"required": {"count": ["INT", {"default": 1}]}}, "output": [], "api_node": True},
    }
)
VALUES = {"seed": 1, "steps": 20, "cfg": 7.0, "name": "euler", "text": "", "title": "x"}


def make_form() -> Form:
    nodes = {
        "1": {"class_type": "Sampler", "inputs": VALUES, "_meta": {"title": "Base"}},
        "2": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "3": {"class_type": "Partner", "inputs": {"count": 1}},
        "4": {"class_type": "Sampler", "inputs": VALUES, "_meta": {"title": "Refine"}},
    }
    return build_form(parse_workflow(json.dumps(nodes)), CATALOGUE)


FORM = make_form()
CREDITS = frozenset({"Partner"})


def fill(*values: tuple[str, str]) -> tuple[dict[tuple[str, str], str], list[tuple[str, LeftOutReason]]]:
    found = filled(FORM, values, CREDITS, lambda label: {"Steps": "步数"}.get(label, label))
    return dict(found.values), [(item.name, item.reason) for item in found.refused]


def values_of(text: str) -> tuple[tuple[str, str], ...]:
    link = read_link(text)
    assert isinstance(link, WorkflowLink)
    return link.values


def refused_of(text: str) -> list[tuple[str, LeftOutReason]]:
    link = read_link(text)
    assert isinstance(link, WorkflowLink)
    return [(item.name, item.reason) for item in link.refused]


def test_link_names_a_workflow_and_values() -> None:
    link = read_link("workflow=portraits/studio&Prompt=a%20boat%2C%20dusk&3.steps=20")
    assert link == WorkflowLink("portraits/studio", (("Prompt", "a boat, dusk"), ("3.steps", "20")))
    assert read_link("workflow=a%26b") == WorkflowLink("a&b")
    assert values_of("workflow=x&Prompt=1+1=2&empty=&&") == (("Prompt", "1+1=2"), ("empty", ""))


def test_link_names_a_result() -> None:
    link = ResultLink(ServerId("gpu-1"), PromptId(RUN), 3)
    assert write_link(link) == f"result=gpu-1/{RUN}/3"
    assert read_link(write_link(link)) == link
    assert can_link(ServerId("gpu-1"), PromptId(RUN), 0)
    assert not can_link(ServerId("gpu 1"), PromptId(RUN), 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "workflow",
        "workflow=",
        "result=",
        "result=gpu-1",
        f"result=gpu-1/../{RUN}/0",
        f"result=../gpu-1/{RUN}/0",
        f"result=gpu-1/{RUN}/0/x",
        f"result=gpu-1/{RUN}/-1",
        f"result=gpu-1/{RUN}/99999999999",
        f"result=gpu-1%2F..%2F..%2Fview/{RUN}/0",
        f"result=//evil.example/{RUN}/0",
        f"result=gpu-1/{RUN}%3Fx=1/0",
        f"result=gpu-1/{RUN}/0&workflow=x",
        "javascript:alert(1)",
        "url=https://evil.example",
        "WORKFLOW=x",
        "workflow=%00",
        "workflow=%FF%FE",
        "workflow=a%0Ab",
        "workflow=" + "a" * 301,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_link(text)
    assert caught.value.cause == "bad-link"


def test_too_long_a_link_is_refused_unread() -> None:
    with pytest.raises(BadInput) as caught:
        read_link("workflow=x&a=" + "b" * LONGEST_LINK)
    assert caught.value.cause == "link-too-long"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize("text", ["", "{}", '{"nodes": []}', "猫 ~ \ufffe"])
def test_whole_workflow_is_read_packed_or_plain(text: str) -> None:
    data = text.encode()
    assert read_link(f"open=Blue%20hour&json={encoded(data)}") == OpenLink("Blue hour", text)
    assert read_link(f"open=Blue%20hour&deflate={encoded(zlib.compress(data))}") == OpenLink("Blue hour", text)


@pytest.mark.parametrize(
    "text",
    [
        "open=",
        "open=x",
        "open=x&gzip=e30",
        "open=x&json=e3%30",
        "open=x&json=e30&json=e30",
        "open=x&json=a",
        "open=x&json=_w",  # not UTF-8
        "open=x&deflate=e30",
        f"open=x&deflate={encoded(zlib.compress(b'{}' * 9)[:-6])}",  # it ends too soon
        "open=%00&json=e30",
        "open=%FF&json=e30",
        f"open={'a' * 301}&json=e30",
    ],
)
def test_whole_workflow_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_link(text)
    assert caught.value.cause == "bad-link"


@pytest.mark.parametrize("level", [0, 9])
def test_whole_workflow_is_bounded_before_and_while_unpacking(level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    class Unpacker:
        def __init__(self) -> None:
            self._own = zlib_unpacker()
            self.eof = True

        def decompress(self, raw: bytes, most: int) -> bytes:
            taken.append(len(found := self._own.decompress(raw, most)))
            return found

    zlib_unpacker = zlib.decompressobj
    bomb = zlib.compress(b" " * 40_000_000, level)  # of 39 kB, or too long a link
    monkeypatch.setattr("app.workflows.carriers.carrier.zlib.decompressobj", Unpacker)
    with pytest.raises(BadInput) as caught:
        read_link(f"open=x&deflate={encoded(bomb)}")
    assert caught.value.cause == "link-too-large"
    assert taken == ([] if level == 0 else [LONGEST_OPENED + 1])
    with pytest.raises(BadInput) as caught:
        read_link(f"open=x&json={'e' * LONGEST_OPEN}")
    assert caught.value.cause == "link-too-large"


@given(st.text(max_size=40))
@example("&deflate=eJwDAAAAAAE")
def test_any_whole_workflow_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(read_link(f"open={text}"), OpenLink)
    except BadInput as error:
        assert error.cause in {"bad-link", "link-too-large"}


def test_values_that_cannot_be_read_are_named_and_the_rest_stays() -> None:
    text = f"workflow=x&a=%FF&b=%00&c=1&c=2&=5&long={'b' * (LONGEST_VALUE + 1)}&d=%0D%0Aline"
    assert values_of(text) == (("c", "1"), ("d", "\nline"))
    assert refused_of(text) == [
        ("a", LeftOutReason.UNREADABLE),
        ("b", LeftOutReason.UNREADABLE),
        ("c", LeftOutReason.TWICE),
        ("", LeftOutReason.UNREADABLE),
        ("long", LeftOutReason.TOO_LONG),
    ]
    many = "workflow=x&" + "&".join(f"n{number}=1" for number in range(MOST_VALUES + 50))
    assert len(values_of(many)) == MOST_VALUES
    assert [reason for _, reason in refused_of(many)] == [LeftOutReason.TOO_MANY]


def test_quoted_names_are_short_and_printable() -> None:
    ((name, _),) = refused_of(f"workflow=x&{'a%E2%80%AE' * 60}=1")
    assert len(name) == SHOWN + 1 and name.isprintable()


@given(st.text(max_size=400))
@example("workflow=\ud800")
@example("workflow=x&\ud800=\udfff")
def test_no_text_breaks_the_reader(text: str) -> None:
    for each in (text, f"workflow={text}", f"workflow=x&{text}", f"result={text}"):
        try:
            link = read_link(each)
        except BadInput:
            continue
        assert isinstance(link, WorkflowLink | ResultLink)


@given(
    st.text(min_size=1, max_size=50),
    st.lists(st.tuples(st.text(min_size=1, max_size=20), st.text(max_size=60)), max_size=5),
)
def test_written_link_is_read_back(name: str, values: list[tuple[str, str]]) -> None:
    texts = [name, *(text for pair in values for text in pair)]
    keys = [key for key, _ in values]
    if not all(text.isprintable() for text in texts) or len(set(keys)) < len(keys):
        return
    link = WorkflowLink(name, tuple(values))
    written = write_link(link)
    assert read_link(written) == link
    assert written.isascii() and written.isprintable() and " " not in written
    assert written[-1].isalnum() or written[-1] == "="


# The form


def test_fields_are_found_by_id_and_by_label_in_either_language() -> None:
    assert FORM.by_key["1", "steps"].label == "Steps"
    assert fill(("1.steps", "30"), ("4.cfg", "2.5")) == ({("1", "steps"): "30", ("4", "cfg"): "2.5"}, [])
    assert fill(("steps refine", "30"), ("步数 Base", "31"))[0] == {
        ("4", "steps"): "30",
        ("1", "steps"): "31",
    }
    assert fill(("Steps", "30")) == ({}, [("Steps", LeftOutReason.SEVERAL)])


def test_seed_of_a_link_stays_as_it_is() -> None:
    found = filled(FORM, [("1.seed", "7"), ("1.steps", "5")], CREDITS, str)
    assert found.modes == {("1", "seed"): SeedMode.FIXED}


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("2.image", "secret.png", LeftOutReason.FILE),
        ("2.image", "../../etc/passwd", LeftOutReason.FILE),
        ("3.count", "100", LeftOutReason.CREDITS),
        ("9.steps", "1", LeftOutReason.UNKNOWN),
        ("__proto__", "x", LeftOutReason.UNKNOWN),
        ("constructor.prototype", "x", LeftOutReason.UNKNOWN),
        ("__class__", "x", LeftOutReason.UNKNOWN),
        ("1.images", "x", LeftOutReason.UNKNOWN),
        ("<img src=x onerror=alert(1)>", "x", LeftOutReason.UNKNOWN),
        ("1.steps", "1000", LeftOutReason.INVALID),
        ("1.steps", "javascript:alert(1)", LeftOutReason.INVALID),
        ("1.steps", "9" * 5_000, LeftOutReason.TOO_LONG),
        ("1.cfg", "nan", LeftOutReason.INVALID),
        ("1.cfg", "1e999", LeftOutReason.INVALID),
        ("1.name", "<b>", LeftOutReason.INVALID),
        ("1.title", "two\nlines", LeftOutReason.UNREADABLE),
    ],
)
def test_value_that_does_not_fit_is_left_out(name: str, value: str, reason: LeftOutReason) -> None:
    values, refused = fill((name, value), ("1.text", "a boat\nat dusk"))
    assert values == {("1", "text"): "a boat\nat dusk"}
    assert [found for _, found in refused] == [reason]


def test_two_names_of_one_field_are_not_both_used() -> None:
    assert fill(("1.steps", "3"), ("Steps Base", "4")) == (
        {("1", "steps"): "3"},
        [("Steps Base", LeftOutReason.TWICE)],
    )


# Sharing


def test_shared_link_has_changed_values_but_no_files_and_no_random_seeds() -> None:
    texts = {
        ("1", "text"): "a boat.",
        ("1", "steps"): "20",
        ("1", "seed"): "77",
        ("4", "seed"): "78",
        ("2", "image"): "mine.png",
        ("3", "count"): "5",
        ("4", "steps"): "wrong",
        ("9", "gone"): "x",
    }
    written = with_values(
        "team/x", FORM, texts, {("1", "seed"): SeedMode.RANDOM, ("4", "seed"): SeedMode.FIXED}, CREDITS
    )
    assert written.link.values == (("1.text", "a boat."), ("4.seed", "78"))
    assert written.left_out == 3
    link = read_link(write_link(written.link))
    assert isinstance(link, WorkflowLink)
    assert filled(FORM, link.values, CREDITS, str).refused == ()


def test_shared_link_stays_within_the_bounds() -> None:
    texts = {(node, name): "雨" * 1_900 for node in "14" for name in ("text", "title")}
    written = with_values("x", FORM, texts, {}, CREDITS)
    assert written.left_out
    assert len(write_link(written.link)) <= LONGEST_LINK
    assert with_values("x", FORM, {("1", "text"): "a\x00b"}, {}, CREDITS).left_out == 1


# Published files


def test_published_files_are_named_without_their_ending() -> None:
    paths = ["a/x.json", "a/x.png", "b.png", "c.json", "c"]
    assert [link_name(path, paths) for path in paths] == ["a/x", "a/x.png", "b", "c.json", "c"]
    assert [path_of(link_name(path, paths), paths) for path in paths] == paths
    for name in ("../a/x", "/a/x", "a", "A/x", "a//x", "a\\x", "", ".json", "a/x.JSON"):
        assert path_of(name, paths) is None
