"""What servers announce, and what shows the jobs API."""

from __future__ import annotations

import json

import pytest

from tests.kit import captures
from tests.recordings import NEWEST, OLDEST
from wire.features import Features, lists_jobs, read_features


@pytest.mark.parametrize(
    ("answer", "features"),
    [
        ({"max_upload_size": 5, "node_replacements": True, "assets": True}, Features(5, replaces_nodes=True)),
        ({"max_upload_size": 0, "node_replacements": 1}, Features()),
        ({"max_upload_size": True, "node_replacements": "true"}, Features()),
        ({"async_model_upload_enabled": True}, Features(can_download=True)),
        ({"model_upload_button_enabled": True}, Features(can_download=True)),
        ({"async_model_upload_enabled": "yes", "model_upload_button_enabled": False}, Features()),
        ({"max_upload_size": "5"}, Features()),
        ([], Features()),
        (None, Features()),
    ],
)
def test_only_plain_features_count(answer: object, features: Features) -> None:
    assert read_features(answer) == features


@pytest.mark.parametrize(("version", "is_new"), [(OLDEST, False), (NEWEST, True)])
def test_recorded_servers_show_their_capabilities(version: str, is_new: bool) -> None:
    found = {
        exchange.url: json.loads(exchange.response.text)
        for exchange in captures.exchanges()
        if exchange.where.startswith(f"{version}/01_get") and exchange.response.status == 200
        if exchange.url in ("features", "api/jobs")
    }
    assert read_features(found["features"]) == Features(104857600, replaces_nodes=is_new)
    assert lists_jobs(found.get("api/jobs")) is is_new


@pytest.mark.parametrize("answer", [None, [], {}, {"jobs": None}, {"jobs": {}}])
def test_anything_else_is_no_jobs_api(answer: object) -> None:
    assert not lists_jobs(answer)
