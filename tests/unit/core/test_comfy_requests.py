"""ComfyUI's HTTP: the requests, with our own ids and nothing of other users."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from app.core import comfy
from app.core.model import ClientId, PromptId
from app.core.ports.http import Request
from tests.kit.builders import A, output, task

P = PromptId("p-1")
GRAPH = {"3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "seed": 18446744073709551615}}}
TASK = task("p-1", A, workflow=json.dumps(GRAPH), title="日本")


class Picture:
    """Some bytes to upload."""

    size = 3
    media_type = "image/png"

    async def read(self, most: int | None = None) -> bytes:
        return b"png"[:most]


def test_a_submit_carries_our_own_ids_and_the_workflow_unchanged() -> None:
    request = comfy.submit_request("/servers/gpu-a", TASK, previews="auto")
    assert (request.method, request.path) == ("POST", "/servers/gpu-a/prompt")
    assert request.json is not None
    body = json.loads(request.json)
    assert (body["prompt_id"], body["client_id"]) == (P, ClientId("c-me"))
    assert body["prompt"] == GRAPH, "a seed of 64 bits survives"
    assert body["extra_data"]["mooring"] == {"window": "w-me", "title": "日本"}
    assert body["extra_data"]["preview_method"] == "auto"
    assert set(body) == {"prompt", "prompt_id", "client_id", "extra_data"}


@pytest.mark.parametrize(
    ("request_", "method", "path", "body"),
    [
        (comfy.queue_request("/servers/a"), "GET", "/servers/a/queue", None),
        (
            comfy.history_request("/servers/a", PromptId("my job / 1")),
            "GET",
            "/servers/a/history/my%20job%20%2F%201",
            None,
        ),
        (comfy.delete_request("/servers/a", P), "POST", "/servers/a/queue", {"delete": ["p-1"]}),
        (comfy.interrupt_request("/servers/a", P), "POST", "/servers/a/interrupt", {"prompt_id": "p-1"}),
        (comfy.loads_request(), "GET", "/fleet/loads", None),
    ],
)
def test_a_request_names_its_prompt_and_nothing_else(request_: Request, method: str, path: str, body: object) -> None:
    """Never a bare interrupt, never a clear."""
    assert (request_.method, request_.path) == (method, path)
    assert (json.loads(request_.json) if request_.json else None) == body
    assert request_.deadline > 0


def test_an_upload_goes_into_our_own_folder_and_never_overwrites() -> None:
    request = comfy.upload_request("/servers/a", Picture(), "ab12.png")
    assert request.form is not None
    assert request.form.fields == {"type": "input", "subfolder": "mooring"}
    assert request.form.filename == "ab12.png"
    assert request.path == "/servers/a/upload/image"


@pytest.mark.parametrize("subfolder", ["x/y", "x\\y"])
@pytest.mark.parametrize("filename", ["out_00001_.png", "日本 #?%&.png", "a/../b.png", "a\\b.png"])
def test_the_address_of_a_picture_carries_its_task(filename: str, subfolder: str) -> None:
    """A name exists on every server and is reused: with the name alone a browser would show an older picture."""
    made = output(filename, subfolder=subfolder, folder="temp")
    parts = urlsplit(comfy.view_path("/servers/gpu-a", TASK, made))
    assert parts.path == "/servers/gpu-a/view"
    assert parse_qs(parts.query) == {"filename": [filename], "subfolder": [subfolder], "type": ["temp"], "mooring": [P]}
    assert comfy.view_request("/servers/gpu-a", TASK, made).path == comfy.view_path("/servers/gpu-a", TASK, made)


def test_a_client_id_is_quoted_in_the_sockets_path() -> None:
    assert comfy.socket_path("/servers/a", "c 1&x=2") == "/servers/a/ws?clientId=c+1%26x%3D2"
