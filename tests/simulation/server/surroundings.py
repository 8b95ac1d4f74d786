"""Routes besides the work: the server's description, and the settings and files of its only user."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.server.catalogue import DEFINITIONS, describe
from tests.simulation.server.exchange import Answer, file_answer, json_answer, not_allowed, nothing_here, text_answer
from tests.simulation.server.files import FOLDERS, Files
from tests.simulation.server.sockets import FEATURES

SYSTEM = {
    "os": "posix",
    "ram_total": 25276502016,
    "ram_free": 23999246336,
    "comfyui_version": "",
    "required_frontend_version": "1.27.10",
    "installed_templates_version": "0.1.95",
    "required_templates_version": "0.1.95",
    "python_version": "3.11",
    "pytorch_version": "none (simulated)",
    "embedded_python": False,
    "argv": ["main.py"],
}
DEVICE = {
    "name": "cpu",
    "type": "cpu",
    "index": None,
    "vram_total": 25276502016,
    "vram_free": 23999246336,
    "torch_vram_total": 25276502016,
    "torch_vram_free": 23999246336,
}
MODELS = [
    "checkpoints",
    "configs",
    "loras",
    "vae",
    "text_encoders",
    "diffusion_models",
    "clip_vision",
    "style_models",
    "embeddings",
    "diffusers",
    "vae_approx",
    "controlnet",
    "gligen",
    "upscale_models",
    "custom_nodes",
    "hypernetworks",
    "photomaker",
    "classifiers",
    "model_patches",
    "audio_encoders",
]


@dataclass
class Surroundings:
    """Settings, userdata and descriptions. Settings and userdata are on the disk and survive a restart."""

    files: Files
    now: Callable[[], float]
    version: str = "0.3.64"
    settings: dict[str, Any] = field(default_factory=dict)
    userdata: dict[str, tuple[bytes, float]] = field(default_factory=dict)

    def get(self, parts: list[str], query: Mapping[str, str]) -> Answer:
        """Answer a GET; `parts` are those of the path."""
        match parts:
            case ["system_stats"]:
                return json_answer({"system": {**SYSTEM, "comfyui_version": self.version}, "devices": [DEVICE]})
            case ["features"]:
                return json_answer(FEATURES)
            case ["object_info"]:
                return json_answer({name: describe(name, self.files.input_pictures()) for name in DEFINITIONS})
            case ["object_info", name]:
                known = {name: describe(name, self.files.input_pictures())} if name in DEFINITIONS else {}
                return json_answer(known)
            case ["models"]:
                return json_answer(MODELS)
            case ["models", folder]:
                return json_answer([]) if folder in MODELS else Answer(404)
            case ["embeddings"] | ["extensions"] | ["experiment", "models"]:
                return json_answer([])
            case ["workflow_templates"] | ["i18n"]:
                return json_answer({})
            case ["internal", "logs"]:
                return json_answer("a simulated server\n")
            case ["internal", "files", folder] if folder in FOLDERS:
                return json_answer(self.files.names(folder))
            case _:
                return self._get_user(parts, query)

    def _get_user(self, parts: list[str], query: Mapping[str, str]) -> Answer:
        match parts:
            case ["users"]:
                return json_answer({"storage": "server", "migrated": False})
            case ["settings"]:
                return json_answer(self.settings)
            case ["settings", key]:
                return json_answer(self.settings.get(key))
            case ["userdata"]:
                return self._list(query)
            case ["userdata", name]:
                return self._read(name)
        return nothing_here()

    def change(self, method: str, parts: list[str], query: Mapping[str, str], body: bytes) -> Answer:
        """Answer a POST or DELETE."""
        match method, parts:
            case "POST", ["settings"]:
                self.settings.update(json.loads(body))
                return Answer(200)
            case "POST", ["settings", key]:
                self.settings[key] = json.loads(body)
                return Answer(200)
            case "POST", ["userdata", name]:
                if name in self.userdata and query.get("overwrite") == "false":
                    return text_answer("File already exists", 409)
                self.userdata[name] = (body, self.now())
                return json_answer(self._info(name, name) if query.get("full_info") == "true" else name)
            case "DELETE", ["userdata", name]:
                return Answer(404 if self.userdata.pop(name, None) is None else 204)
        return not_allowed()

    def _list(self, query: Mapping[str, str]) -> Answer:
        if not query.get("dir"):
            return text_answer("Directory not provided", 400)
        below = {name: posixpath.relpath(name, query["dir"]) for name in self.userdata}
        below = {name: path for name, path in below.items() if not path.startswith("..")}
        if not below:
            return text_answer("Directory not found", 404)
        if query.get("recurse") != "true":
            below = {name: path for name, path in below.items() if "/" not in path}
        whole = query.get("full_info") == "true"
        return json_answer([self._info(name, path) if whole else path for name, path in sorted(below.items())])

    def _read(self, name: str) -> Answer:
        if name not in self.userdata:
            return Answer(404)
        return file_answer(*self.userdata[name], {"content-type": "application/json"})

    def _info(self, name: str, path: str) -> dict[str, Any]:
        data, at = self.userdata[name]
        return {"path": path, "size": len(data), "modified": at, "created": at}
