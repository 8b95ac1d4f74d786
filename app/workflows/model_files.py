"""Choices that are model files, and the folders on a server that they are in.

place({"ink.safetensors"}, {"vae": {"a.safetensors"}, "loras": {"ink.safetensors"}})     # {"ink.safetensors": "loras"}

No catalogue says which folder a choice is from, and node packs have folders of their own. But a node lists a folder as
`/models/{folder}` does, so the folder is the one with these names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from app.workflows.forms.fields import Choice, Kind
from app.workflows.needs import CLASS_FOLDERS, MODEL_ENDINGS, MODEL_FOLDERS

TRIED = 50  # choices: a list of models may begin with a few that are none, such as "None"


def is_model_choice(kind: Kind) -> bool:
    """Whether the choices are model files as the server lists them, rather than names by an author."""
    if not isinstance(kind, Choice) or kind.labels or kind.remote_route:
        return False
    return any(isinstance(item, str) and is_model_name(item) for item in kind.options[:TRIED])


def is_model_name(choice: str) -> bool:
    """Whether a choice is the name of a model file."""
    name = choice.lower()
    return name.endswith(MODEL_ENDINGS) and name not in MODEL_ENDINGS


def likely_folder(class_type: str, input_name: str) -> str:
    """Return the folder that ComfyUI's own loaders take such an input from; empty for inputs of other nodes."""
    return CLASS_FOLDERS.get(class_type, "") or MODEL_FOLDERS.get(input_name.rstrip("0123456789"), "")


def place(names: Collection[str], folders: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return the folder of each name: of the folders with the most of these names, that with the fewest others."""
    found: dict[str, str] = {}
    left = set(names)
    while left:
        best = max(
            folders, key=lambda folder: (len(left.intersection(folders[folder])), -len(folders[folder])), default=""
        )
        here = left.intersection(folders.get(best, ()))
        if not here:
            break
        found |= dict.fromkeys(here, best)
        left -= here
    return found
