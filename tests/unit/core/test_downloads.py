"""Requests about downloads of models, and their answers."""

from __future__ import annotations

import json

import pytest

from app.core.downloads import (
    check_accepted,
    download_cancel_request,
    download_request,
    download_task_request,
    read_download,
)
from app.core.errors import ConnectError, GatewayRefused, HttpStatusError, MooringError, ProtocolError, RequestTimeout
from app.core.model import ServerId
from app.core.ports.http import Response
from wire.downloads import DownloadStatus, DownloadTask

A = ServerId("a")
SOURCE = "https://huggingface.co/a.safetensors"


def test_requests_name_the_address_the_folder_and_the_task() -> None:
    start = download_request("/servers/a", SOURCE, "vae")
    assert (start.method, start.path) == ("POST", "/servers/a/api/assets/download")
    assert json.loads(start.json or "") == {"source_url": SOURCE, "tags": ["models", "vae"]}
    for request, method in ((download_task_request, "GET"), (download_cancel_request, "DELETE")):
        made = request("/servers/a", "x/..")
        assert (made.method, made.path) == (method, "/servers/a/api/tasks/x%2F..")


def test_answer_is_a_task_or_an_existing_file() -> None:
    task = Response(202, text=json.dumps({"task_id": "t", "status": "created"}))
    assert read_download(task, A) == DownloadTask("t", DownloadStatus.CREATED)
    asset = Response(201, text=json.dumps({"id": "x", "name": "a.safetensors"}))
    assert read_download(asset, A) == DownloadTask("", DownloadStatus.COMPLETED)


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (
            Response(403, {"x-mooring-gateway": "model-source; sent=no"}, '{"error": {"message": "not this host"}}'),
            GatewayRefused(A, "model-source", "not this host"),
        ),
        (Response(503, {"x-mooring-gateway": "gateway-busy; sent=no"}), ConnectError(A, "gateway-busy")),
        (Response(504, {"x-mooring-gateway": "timeout; sent=unknown"}), RequestTimeout(A, "timeout")),
        (Response(404, text='{"error": "Task not found"}'), HttpStatusError(A, 404, "Task not found")),
        (Response(500, text='{"message": "disk full"}'), HttpStatusError(A, 500, "disk full")),
        (Response(405, text=" no "), HttpStatusError(A, 405, "no")),
        (Response(200, text="<html>"), ProtocolError(A, "not a task of a download")),
        (Response(200, text='{"status": "asleep"}'), ProtocolError(A, "not a task of a download")),
    ],
)
def test_other_answer_is_an_error_with_the_servers_message(response: Response, error: MooringError) -> None:
    with pytest.raises(type(error)) as caught:
        read_download(response, A)
    assert caught.value.facts() == error.facts()


def test_cancel_may_be_answered_without_a_body() -> None:
    check_accepted(Response(204), A)
    with pytest.raises(HttpStatusError):
        check_accepted(Response(404), A)
