"""The page and the gateway rejoin the parts into which the gateway splits a catalogue."""

from __future__ import annotations

from typing import Any

import pytest

from app.workflows.catalogue import Catalogue
from gateway.fleet.catalogue_contents import split_files
from tests import recordings
from wire.catalogue_files import with_files

NODES: dict[str, Any] = {
    "LoadImage": {"input": {"required": {"image": [["a.png"], {"image_upload": True}]}, "hidden": {"x": "y"}}},
    "LoadVideo": {"input": {"optional": {"file": ["COMBO", {"options": ["b.mp4"], "video_upload": True}]}}},
    "KSampler": {"input": {"required": {"name": [["euler"]]}}},
    "Odd": {"input": []},
}


def test_a_catalogue_is_what_it_was() -> None:
    assert with_files(*split_files(NODES)) == NODES


@pytest.mark.parametrize("version", recordings.VERSIONS)
def test_real_catalogue_survives_split_and_join(version: str) -> None:
    real = recordings.catalogue(version)
    nodes, files = split_files(real)
    assert nodes != real
    assert with_files(nodes, files) == real


@pytest.mark.parametrize("files", [{}, {"None": {"x": []}}, {"LoadImage": []}, {"KSampler": {"gone": ["x"]}}])
def test_lists_that_do_not_fit_change_nothing(files: dict[str, Any]) -> None:
    assert with_files(NODES, files) == NODES


def test_a_form_can_choose_among_a_servers_files() -> None:
    nodes, files = split_files(NODES)
    node = Catalogue.parse(with_files(nodes, files)).get("LoadImage")
    assert node is not None
    spec = node.input("image")
    assert spec is not None
    assert spec.options == ("a.png",)
