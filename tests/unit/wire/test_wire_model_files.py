"""Lists of models, and the paths of their pictures and metadata."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.routes import ServerCall, find_route
from wire.model_files import (
    MOST_FOLDERS,
    ListedModel,
    is_inside,
    is_plain_path,
    metadata_path,
    preview_path,
    read_folders,
    read_listing,
    read_names,
)

ITEM = {"name": "xl/a.safetensors", "pathIndex": 1, "modified": 1.5, "created": 1.5, "size": 9}


@pytest.mark.parametrize(
    ("answer", "listing"),
    [
        ([ITEM], (ListedModel("xl/a.safetensors", 1, 9),)),
        (
            [{**ITEM, "size": -1}, {**ITEM, "size": True}, {**ITEM, "size": 10**400}],
            (ListedModel("xl/a.safetensors", 1, 0),) * 3,
        ),
        (
            [
                {**ITEM, "pathIndex": -1},
                {**ITEM, "pathIndex": True},
                {**ITEM, "pathIndex": 1000},
                {**ITEM, "name": 7},
                "x",
                None,
            ],
            (),
        ),
        ({"a": ITEM}, ()),
        (None, ()),
    ],
)
def test_listing_has_only_entries_of_its_shape(answer: object, listing: tuple[ListedModel, ...]) -> None:
    assert read_listing(answer) == listing


def test_folders_are_those_of_models() -> None:
    odd = ["custom_nodes", "Configs", "..", "a/b", "a\\b", "a%b", "", "\ud800", "x" * 201, 7]
    assert read_folders(["loras", *odd, "my loras"]) == ("loras", "my loras")
    assert len(read_folders([f"x{number}" for number in range(100_000)])) == MOST_FOLDERS
    assert read_folders(None) == ()


def test_names_are_texts() -> None:
    assert read_names(["a", 7, None, "b"]) == ("a", "b")
    assert read_names({"a": 1}) == ()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/..",
        "a\\..\\b",
        "./a",
        "C:\\a",
        "a%2fb",
        "a#b",
        "a?b",
        "a;b",
        "a\0b",
        "a\nb",
        "a" * 201,
    ],
)
def test_name_that_may_leave_its_folder_has_no_picture(name: str) -> None:
    assert not is_plain_path(name) and preview_path("loras", 0, name) == ""


def test_name_with_a_sign_of_a_url_stays_inside_its_folder() -> None:
    assert is_inside("xl/100% odd #1.safetensors") and not is_plain_path("xl/100% odd #1.safetensors")


def test_paths_have_names_as_the_server_spells_them() -> None:
    assert preview_path("my loras", 2, "xl\\a b.pt") == "/experiment/models/preview/my%20loras/2/xl%5Ca%20b.pt"
    assert metadata_path("loras", "xl/a&b.safetensors") == "/view_metadata/loras?filename=xl%2Fa%26b.safetensors"


@given(st.text())
def test_every_picture_passes_the_gateway_under_its_own_name(name: str) -> None:
    if path := preview_path("loras", 0, name):
        route = find_route(f"/servers/a{path}")
        if len(name) < 2_000:  # a longer one is no file's
            assert isinstance(route, ServerCall) and unquote(route.path).endswith(f"/0/{name}")
