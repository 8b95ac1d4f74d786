"""The analysis behind the table of paths: what it follows, and where it stops."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.node_paths.node_classes import examine
from wire.paths import Use

OLDER = """
import os
from comfy_extras import reading

class Base:
    FUNCTION = "run"

    def run(self, name, number):
        {run}

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

class Node(Base):
    pass

NODE_CLASS_MAPPINGS = {{"Older": Node}}
"""
NEWER = """
from comfy_api.latest import io

class Node(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(node_id="Newer")

    @classmethod
    def execute(cls, name, **kwargs):
        {run}
"""
READING = """
import os

def load(folder, name):
    return fetch(os.path.join(folder, name))

def fetch(path):
    return Image.open(path)
"""


def uses(tmp_path: Path, source: str, run: str) -> dict[str, set[Use]]:
    """Return the uses that are found of a class's inputs."""
    (tmp_path / "comfy_extras").mkdir()
    for folder in ("comfy_api_nodes", "comfy_api"):
        (tmp_path / folder).mkdir()
    for name in ("nodes.py", "node_helpers.py", "folder_paths.py", "comfy/utils.py", "comfy/sd.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "comfyui_version.py").write_text('__version__ = "9.9.9"\n')
    (tmp_path / "comfy_extras" / "reading.py").write_text(READING)
    (tmp_path / "nodes.py").write_text(source.format(run=run.replace("\n", "\n        ")))
    (found,) = examine(tmp_path).classes.values()
    return {name: set(found_uses) for name, found_uses in found.items()}


@pytest.mark.parametrize(
    "run",
    [
        "open(name)",
        "open(os.path.join('/srv', name))",
        "open(f'/srv/{name}.txt', mode='r')",
        "path = name\npath = path.strip() + '.png'\nreturn Image.open(path)",
        "return self.read(name)",
        "return reading.load('/srv', name)",
        "for part in name.split(','):\n    open(part)",
        "return [open(part) for part in name]",
        "with open(name['image']) as file:\n    pass",
        "Path(name).read_text()",
        "lambda: open(name)",
        "if number:\n    name = 'x'\nopen(name)",
    ],
)
def test_text_is_followed_to_the_file_that_is_read(tmp_path: Path, run: str) -> None:
    assert uses(tmp_path, OLDER, run) == {"name": {Use.READS}}


@pytest.mark.parametrize(
    ("run", "use"),
    [
        ("folder_paths.get_annotated_filepath(name)", Use.READS),
        ("os.listdir(name)", Use.LISTS),
        ("open(name, 'wb')", Use.OVERWRITES),
        ("pixels.save(name)", Use.OVERWRITES),
        ("folder_paths.get_full_path('loras', name)", Use.MODEL),
        ("folder, file, counter, _, _ = folder_paths.get_save_image_path(name, '')\nopen(file, 'w')", Use.WRITES),
    ],
)
def test_each_use_of_a_path_is_told_apart(tmp_path: Path, run: str, use: Use) -> None:
    assert uses(tmp_path, OLDER, run) == {"name": {use}}


@pytest.mark.parametrize(
    "run",
    [
        "open(name.shape)",
        "open(name.get_source())",
        "open(str(name > 3))",
        "name = 'x'\nopen(name)",
        "for place, pixels in enumerate(name):\n    open(str(place))",
        "print(name)",
    ],
)
def test_what_is_no_text_any_more_is_no_path(tmp_path: Path, run: str) -> None:
    assert uses(tmp_path, OLDER, run) == {}


def test_newer_classes_and_inputs_by_any_name_are_found(tmp_path: Path) -> None:
    assert uses(tmp_path, NEWER, "open(kwargs['film'])") == {"kwargs": {Use.READS}}
