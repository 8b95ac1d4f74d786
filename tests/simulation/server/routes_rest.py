"""Routes besides the work: the server's description, and the settings and files of its only user."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo_comfyui.model.description import NO_ASSETS, ONLY_USER, Machine, features, system_stats
from demo_comfyui.model.files import FOLDERS
from demo_comfyui.model.replacements import REPLACEMENTS
from demo_comfyui.model.versions import Version
from tests.simulation.server.catalogue import catalogue_of
from tests.simulation.server.exchange import Answer, file_answer, json_answer, not_allowed, nothing_here, text_answer
from tests.simulation.server.files import Files

MAX_UPLOAD = 104857600
MACHINE = Machine("linux", "posix", "3.11", "none (simulated)", ("main.py",), 25276502016, 23999246336)


@dataclass
class RestRoutes:
    """Settings, userdata and descriptions. Settings and userdata are on the disk and survive a restart."""

    files: Files
    now: Callable[[], float]
    version: Version
    settings: dict[str, Any] = field(default_factory=dict)
    userdata: dict[str, tuple[bytes, float]] = field(default_factory=dict)

    def get(self, parts: list[str], query: Mapping[str, str]) -> Answer:
        """Answer a GET; `parts` are those of the path."""
        match parts:
            case ["system_stats"]:
                return json_answer(system_stats(self.version, MACHINE))
            case ["features"]:
                return json_answer(features(self.version, MAX_UPLOAD))
            case ["node_replacements"] if self.version.replaces_nodes:
                return json_answer(REPLACEMENTS)
            case ["assets" | "tags"] if self.version.has_assets:
                return json_answer(NO_ASSETS, 503)
            case ["object_info", *names]:
                known, pictures = catalogue_of(self.version), self.files.input_pictures()
                shown = [name for name in names or known if name in known]
                return json_answer({name: known.describe(name, pictures) for name in shown})
            case ["models"]:
                return json_answer(self.version.model_folders)
            case ["models" | "view_metadata" as kind, folder]:
                is_known = kind == "models" and folder in self.version.model_folders
                return json_answer([]) if is_known else Answer(404)
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
                return json_answer(ONLY_USER)
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
