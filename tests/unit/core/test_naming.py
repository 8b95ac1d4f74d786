"""Names of saved files: they follow the user's template, are valid on every system, and differ for two servers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.naming import MAX_NAME, TEMPLATE, NameFacts, file_name, safe, unknown_parts

FACTS = NameFacts(
    original="out_00012_.png",
    task="ab12cd34-0000-4000-8000-000000000000",
    server="gpu-2",
    workflow="Dunes",
    project="harbour",
    seed="77",
    at=(2026, 1, 6, 9, 5, 7),
)


def test_number_is_read_from_a_name_with_a_folder() -> None:
    """Without Windows, a prefix with a backslash makes no folder."""
    assert file_name("{server}_{n}", replace(FACTS, original="night\\out_00012_.png")) == "gpu-2_00012.png"


@pytest.mark.parametrize(
    ("template", "name"),
    [
        (TEMPLATE, "harbour_2026-01-06_Dunes_gpu-2_77_00012.png"),
        ("{seed}", "77_ab12cd34.png"),
        ("{date} {time} {server}", "2026-01-06 09-05-07 gpu-2.png"),
        ("mine", "mine_ab12cd34.png"),
        ("{workflow}_{n}", "Dunes_00012_ab12cd34.png"),
        ("{nothing}_{server}", "gpu-2.png"),
        ("", "ab12cd34.png"),
        ("../{server}", "gpu-2.png"),
    ],
)
def test_a_template_is_filled_in(template: str, name: str) -> None:
    assert file_name(template, FACTS) == name


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("IMG_1.jpg", "IMG_1"),
        ("evening/IMG_1.jpg", "evening-IMG_1"),
        ("v1.2/photo", "v1.2-photo"),
        (".png", "png"),
        ("..\\..\\x.png", "x"),
        ('a"<b.png', "a-b"),
    ],
)
def test_name_of_the_input_is_a_part(name: str, part: str) -> None:
    assert file_name("{input}_{server}", replace(FACTS, input=name)) == f"{part}_gpu-2.png"


def test_missing_parts_leave_no_gap() -> None:
    bare = replace(FACTS, project="", seed="", workflow="")
    assert file_name(TEMPLATE, bare) == "2026-01-06_gpu-2_00012.png"


@pytest.mark.parametrize(
    ("original", "name"),
    [
        ("out.png", "1-ab12cd34.png"),
        ("clip_00003.webm", "00003-ab12cd34.webm"),
        ("noending", "1-ab12cd34"),
        (".png", "1-ab12cd34"),
        ("x_12_.png", "1-ab12cd34.png"),
    ],
)
def test_the_number_is_the_servers_own_else_the_place(original: str, name: str) -> None:
    assert file_name("{n}-{id}", replace(FACTS, original=original)) == name


def test_the_same_file_name_on_two_servers_gives_two_names() -> None:
    other = replace(FACTS, server="gpu-3", task="99999999-0000-4000-8000-000000000000")
    for template in (TEMPLATE, "{workflow}", "same", "{date}", "{seed}"):
        assert file_name(template, FACTS) != file_name(template, other)


def test_unknown_parts_are_named() -> None:
    assert unknown_parts("{seed}_{sampler}_{model}_{sampler}") == ("sampler", "model")


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=80))
def test_any_name_is_safe(template: str, title: str, original: str) -> None:
    name = file_name(template, replace(FACTS, workflow=title, project=title, original=original))
    assert name
    assert name == safe(name)
    assert not name.startswith(".")
    assert not set(name) & set('<>:"/\\|?*\0\n')
    assert len(name) <= MAX_NAME + len(original) + 1
    assert name.casefold() not in {"con", "nul", "com1"}
