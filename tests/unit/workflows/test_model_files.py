"""Choices that are models, and their folders."""

from __future__ import annotations

import pytest

from app.workflows.forms.kinds import Choice, Kind, Text
from app.workflows.model_files import is_model_choice, likely_folder, place


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Choice(("a.safetensors",)), True),
        (Choice(("None", "xl\\A.CKPT")), True),
        (Choice(("pixel_space", "taesd", "v.pt")), True),
        (Choice(("euler", "dpmpp_2m")), False),
        (Choice((".safetensors", ".ckpt")), False),
        (Choice((1, 2.5, True)), False),
        (Choice(()), False),
        (Choice(("a.safetensors",), labels=("An author's name",)), False),
        (Choice(("a.safetensors",), remote_route="/x"), False),
        (Text(), False),
    ],
)
def test_models_are_recognized_by_their_endings(kind: Kind, expected: bool) -> None:
    assert is_model_choice(kind) is expected


def test_own_loaders_have_a_likely_folder() -> None:
    assert likely_folder("LoraLoader", "lora_name") == "loras"
    assert likely_folder("DualCLIPLoader", "clip_name2") == "text_encoders"
    assert likely_folder("UpscaleModelLoader", "model_name") == "upscale_models"
    assert likely_folder("Custom", "model") == ""


@pytest.mark.parametrize(
    ("names", "folders", "found"),
    [
        ({"a"}, {"x": {"b"}, "y": {"a"}}, {"a": "y"}),
        ({"a", "b"}, {"x": {"a", "b", "c"}, "y": {"a", "b"}}, {"a": "y", "b": "y"}),
        ({"a", "b", "c"}, {"x": {"a"}, "y": {"b", "c"}}, {"a": "x", "b": "y", "c": "y"}),
        ({"a", "gone"}, {"x": {"a"}}, {"a": "x"}),
        ({"a"}, {}, {}),
        (set(), {"x": {"a"}}, {}),
    ],
)
def test_names_are_placed_where_most_of_them_are(
    names: set[str], folders: dict[str, set[str]], found: dict[str, str]
) -> None:
    assert place(names, folders) == found
