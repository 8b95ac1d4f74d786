"""A workflow in API format as a value: what `POST /prompt` takes, parsed once and checked for shape.

workflow = parse_workflow(text)
workflow.nodes["3"].class_type                  # "LoadImage"
workflow.with_value("3", "image", "mooring/ab12.png").text
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.errors import BadInput
from app.core.model import NodeId

MAX_NODES = 5000
MAX_TEXT = 20_000_000  # characters; the real server's body limit is 100 MB

SCENE_PICTURE = ("Load3D", "image")  # a class and its input: it describes pictures that the editor takes of a scene
NO_SCENE: Mapping[str, object] = {
    "image": "",
    "mask": "",
    "normal": "",
    "camera_info": None,
    "recording": "",
    "model_3d_info": [],
}

# Output nodes of the stock server that write files a history entry lists (object_info.json, `output_node`).
OUTPUT_CLASSES = frozenset(
    {
        "SaveImage",
        "PreviewImage",
        "SaveAnimatedWEBP",
        "SaveAnimatedPNG",
        "SaveWEBM",
        "SaveVideo",
        "SaveAudio",
        "SaveAudioMP3",
        "SaveAudioOpus",
        "PreviewAudio",
        "SaveSVGNode",
        "SaveGLB",
    }
)


@dataclass(frozen=True, slots=True)
class WorkflowNode:
    """One node: its class, and its title if the editor wrote one."""

    node_id: NodeId
    class_type: str
    title: str


@dataclass(frozen=True, slots=True)
class ApiWorkflow:
    """A workflow in API format; `text` is canonical JSON, numbers whole."""

    text: str
    nodes: Mapping[str, WorkflowNode]

    @property
    def expected_outputs(self) -> tuple[NodeId, ...]:
        """The output nodes that must have files for a full success."""
        return tuple(node.node_id for node in self.nodes.values() if node.class_type in OUTPUT_CLASSES)

    def value(self, node_id: str, input_name: str) -> object:
        """The value of one input (a link is a list), or None."""
        return json.loads(self.text).get(node_id, {}).get("inputs", {}).get(input_name)

    def with_value(self, node_id: str, input_name: str, value: object) -> ApiWorkflow:
        """The workflow with one input set; BadInput if there is no such node."""
        return self.with_values({(node_id, input_name): value})

    def with_uploads(self, values: Mapping[tuple[str, str], str]) -> ApiWorkflow:
        """The workflow with the names of uploaded files; a scene's picture is also its mask and its normals."""

        def value_of(node_id: str, name: str, file: str) -> object:
            node = self.nodes.get(node_id)
            is_scene = node is not None and (node.class_type, name) == SCENE_PICTURE
            return {**NO_SCENE, "image": file, "mask": file, "normal": file} if is_scene else file

        return self.with_values({key: value_of(*key, file) for key, file in values.items()}) if values else self

    def with_meta(self) -> ApiWorkflow:
        """Return the workflow with `_meta` in each node: 0.30.0 answers 500 when it replaces a node without it."""
        graph = {node_id: {"_meta": {}, **node} for node_id, node in json.loads(self.text).items()}
        return ApiWorkflow(json.dumps(graph, ensure_ascii=False), self.nodes)

    def with_values(self, values: Mapping[tuple[str, str], object]) -> ApiWorkflow:
        """The workflow with several inputs set, by (node id, input name)."""
        graph = json.loads(self.text)
        for (node_id, input_name), value in values.items():
            if node_id not in graph:
                raise BadInput("bad-workflow", name=node_id, detail="no such node")
            graph[node_id]["inputs"][input_name] = value
        return ApiWorkflow(json.dumps(graph, ensure_ascii=False), self.nodes)


def parse_workflow(source: str | Mapping[str, Any]) -> ApiWorkflow:
    """Parse API format from text or a mapping; BadInput says what is invalid."""
    text = source if isinstance(source, str) else json.dumps(source, ensure_ascii=False)
    if len(text) > MAX_TEXT:
        raise BadInput("bad-workflow", detail="too large")
    try:
        graph = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput("bad-workflow", detail="not JSON") from error
    if not isinstance(graph, dict) or not graph:
        raise BadInput("bad-workflow", detail="not an object of nodes")
    if isinstance(graph.get("nodes"), list):
        raise BadInput("bad-workflow", detail="editor format; export it in API format")
    if len(graph) > MAX_NODES:
        raise BadInput("bad-workflow", detail=f"more than {MAX_NODES} nodes")
    nodes = {node_id: _node(node_id, node) for node_id, node in graph.items()}
    return ApiWorkflow(json.dumps(graph, ensure_ascii=False), nodes)


def _node(node_id: str, node: object) -> WorkflowNode:
    if not isinstance(node, dict) or not isinstance(node.get("class_type"), str):
        raise BadInput("bad-workflow", name=node_id, detail="a node without class_type")
    node.setdefault("inputs", {})
    if not isinstance(node["inputs"], dict):
        raise BadInput("bad-workflow", name=node_id, detail="inputs is not an object")
    return WorkflowNode(NodeId(node_id), node["class_type"], title_in(node))


def title_in(node: Mapping[str, Any]) -> str:
    """The title of a node in API format; empty if the editor wrote none."""
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    return title if isinstance(title, str) else ""
