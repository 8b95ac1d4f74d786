"""The table of inputs that become paths: compared with servers' catalogues and, if they are at hand, with sources."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.fleet.catalogue_contents import NodeClasses
from tests.recordings import catalogue
from wire.paths import TYPES, VERSIONS, Use, is_core, is_examined, uses_of
from wire.versions import NEWEST, OLDEST

SOURCES = os.environ.get("MOORING_COMFYUI_SOURCES", "")  # checkouts of ComfyUI, one for each version


def test_table_is_as_new_as_the_newest_version() -> None:
    assert (VERSIONS[0], VERSIONS[-1]) == (OLDEST, NEWEST), "make it again: python -m tests.node_paths"


@pytest.mark.skipif(not SOURCES, reason="MOORING_COMFYUI_SOURCES names no checkouts of ComfyUI")
def test_table_follows_from_the_sources() -> None:
    command = [sys.executable, "-m", "tests.node_paths", *SOURCES.split(os.pathsep), "--check"]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or "the table differs: run the command without --check"


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_each_class_of_a_server_is_examined(version: str) -> None:
    core = {name for name, node in catalogue(version).items() if is_core(node["python_module"])}
    assert {name for name in core if not is_examined(name)} == set()
    assert NodeClasses.of(catalogue(version)).unexamined == frozenset()


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_each_choice_of_uploads_is_in_the_table(version: str) -> None:
    """Inputs that the catalogue marks are judged anyway; the table has those that the server itself reads."""
    listed = {(name, one) for name, inputs in NodeClasses.of(catalogue(version)).files.items() for one in inputs}
    unread = {place for place in listed if uses_of(place[0]).get(place[1]) is not Use.READS}
    views = {place for place in unread if place[1] == "viewport_state"}
    assert unread - views <= {("Load3DAnimation", "model_file")}


def test_a_type_that_may_hold_a_text_is_unknown() -> None:
    assert not TYPES & {"STRING", "*", "COMFY_MATCHTYPE_V3", "AUDIO_RECORD", "LOAD_3D"}
    assert {"IMAGE", "INT", "COMBO"} <= TYPES
