"""A workflow with an input of every kind, as a catalogue of unknown custom nodes would have it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.core.workflow import parse_workflow
from app.ui.form.open_workflow import OpenWorkflow, open_workflow
from app.ui.form.state import Draft, FormState
from app.ui.kit.state import UiState
from app.workflows.catalogue import Catalogue
from app.workflows.forms.arrangement import Layout
from app.workflows.published import Published

LORAS = [f"style/{number}.safetensors" for number in range(3000)]
ANYTHING = "anything"


def catalogue(text: str = "Shown so") -> Catalogue:
    """Return the catalogue; `text` replaces every text of a node's author."""
    hint = {"tooltip": text, "display_name": text}
    required: dict[str, Any] = {
        "prompt": ["STRING", {"multiline": True, "placeholder": text, **hint}],
        "name": ["STRING", hint],
        "steps": ["INT", {"min": 1, "max": 100, **hint}],
        "wide": ["INT", {"min": 0, "max": 2**64 - 1}],
        "share": ["FLOAT", {"min": 0.0, "max": 1.0, "step": 0.05, "display": "slider"}],
        "power": ["FLOAT", {}],
        "seed": ["INT", {"min": 0, "max": 2**64 - 1, "control_after_generate": True}],
        "on": ["BOOLEAN", {"label_on": text, "label_off": text}],
        "plain": ["BOOLEAN", {}],
        "method": [["a", "b", text]],
        "lora": [[*LORAS, text]],
        "remote": ["COMBO", {"remote": {"route": "/x"}}],
        "image": [["old.png", text], {"image_upload": True}],
        "film": ["COMBO", {"options": [], "video_upload": True}],
        "sound": [[], {"audio_upload": True}],
    }
    optional = {"more": ["INT", {"default": 5}]}
    return Catalogue.parse(
        {
            "Every": {"input": {"required": required, "optional": optional}, "display_name": text},
            "Mask": {"input": {"required": {"image": [[], {"image_upload": True}]}}, "output": ["MASK"]},
        }
    )


def anything(text: str = "Shown so", *, first: tuple[str, ...] = (), nodes: int = 1) -> OpenWorkflow:
    """Return the workflow; `first` are the first inputs of its first node."""
    values = {
        "prompt": text, "name": text, "steps": 20, "wide": 7, "share": 0.5, "power": 1.5, "seed": 7, "on": True,
        "plain": False, "method": "a", "lora": LORAS[0], "remote": text, "image": "", "film": "", "sound": "",
    }  # fmt: skip
    graph: dict[str, Any] = {
        str(number): {"class_type": "Every", "inputs": values, "_meta": {"title": text}}
        for number in range(1, nodes + 1)
    }
    graph["mask"] = {"class_type": "Mask", "inputs": {"image": ""}}
    graph["odd"] = {"class_type": text, "inputs": {"thing": {"a": text}}}
    layout = Layout(first=tuple(("1", name) for name in first))
    return open_workflow(Published(ANYTHING, text, text, False, parse_workflow(graph), layout), catalogue(text))


def unfolded(text: str = "Shown so") -> UiState:
    """Return the page's state with all of its nodes open, and an error in it."""
    draft = Draft(values={("1", "steps"): text}, unfolded=frozenset({"1", "mask", "odd"}))
    return UiState().with_slices(FormState(workflow_id=ANYTHING, drafts={ANYTHING: draft}, is_arranging=True))


def searched(ui: UiState, query: str) -> UiState:
    """The same with a search in the form."""
    return ui.with_slices(replace(ui.of(FormState), query=query))
