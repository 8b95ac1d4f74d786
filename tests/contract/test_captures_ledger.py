"""Which recorded exchanges are replayed, and why the others are not.

There are no records for 10 and 14, only the facts in docs/comfyui.md, which are checked in test_demo_faults.py and
test_simulated.py (a restart), and in test_protocol_events.py (history at the end, deafness).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recordings import names, read
from wire.versions import NEWEST, OLDEST, VERSIONS

NOT_REPLAYED = {
    "05_queue_ops": {
        "": "test_protocol_queue.py and test_protocol_submit.py ask the same; the record has answers without requests",
    },
    "06_upload_view": {
        "": "test_files.py asks the same of uploads; the record has answers without requests",
    },
    "07_origin": {
        "cors_": "a server with --enable-cors-header; test_cors.py asks some of it of a demo that has it",
        "compress ": "a server with --enable-compress-response-body",
        "upload 2MiB, limit 1": "a server with --max-upload-size 1; test_demo_process.py asks the same of a demo",
        "prompt 2MiB": "likewise",
        "multi ": "a server with --multi-user",
        "create user": "likewise",
    },
    "08_browser_cors": {
        "8190": "a server with --enable-cors-header",
        "8191": "likewise, for one origin",
    },
    "09_robust": {
        "stuck_reader": "an earlier record of what 11 has",
        "sigint_ws_end": "how a process ends: test_demo_process.py",
        "after_restart_temp_view": "the record does not say what was asked; docs/comfyui.md 8 has the fact",
        "client_id_list": "it kills the real server; a demo refuses it on purpose",
    },
    "13_frontend_calls": {
        "api_calls_at_load": "addresses without their answers",
        "sessionStorage": "of the browser",
        "localStorage_keys": "of the browser",
        "ws_after": "counts of what `ws` has",
    },
}
"""The reasons by file and part of a key, of recordings of the oldest version."""
REPLAYED = {
    "07_origin": ["default / "],
    "08_browser_cors": ["8188"],
    "09_robust": ["cached_file_deleted", "names_on_two_servers", "same_id_number_diff_prompt"],
    "11_more": ["blocked ", "POST /", "GET /", "DELETE /", "stuck_reader"],
    "13_frontend_calls": ["ws", "window.name", "prompt_requests"],
}
WHOLE = {
    OLDEST: {"01_get", "04_prompt_post", "12_models"},
    NEWEST: {"01_get", "04_prompt_post", "12_models", "05_queue_ops", "06_upload_view", "11_node_replacement"},
}
"""Recordings that are replayed item by item; what a test skips has its reason there."""
PARTLY = {
    (NEWEST, "20_assets_enabled"): "test_demo_extras.py replays uploads, /features, and the form of the history; a demo"
    " has no list of its assets, which Mooring never asks for",
}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_recording_is_replayed_or_excused(version: str) -> None:
    events = (Path(__file__).parent / "test_captures.py").read_text("utf-8")
    left = []
    for file in names(version):
        recording = read(file, version)
        is_run = "ws_client" in recording
        if (
            is_run
            or file in WHOLE[version]
            or (version, file) in PARTLY
            or (file.startswith(("02", "03")) and file in events)
        ):
            continue
        known = [*REPLAYED.get(file, []), *NOT_REPLAYED.get(file, {})] if version == OLDEST else []
        left += [(file, key) for key in recording if not any(part in key for part in known)]
    assert left == []
