"""Which recorded exchanges are replayed, and why the others are not.

There are no records for 10, 12 and 14, only the facts in docs/comfyui.md, which are checked in test_demo_faults.py and
test_simulated.py (a restart), and in test_protocol_events.py (history at the end, deafness).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recordings import names, read

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
"""The reasons by file and part of a key."""
REPLAYED = {
    "07_origin": ["default / "],
    "08_browser_cors": ["8188"],
    "09_robust": ["cached_file_deleted", "names_on_two_servers", "same_id_number_diff_prompt"],
    "11_more": ["blocked ", "POST /", "GET /", "DELETE /", "stuck_reader"],
    "13_frontend_calls": ["ws", "window.name", "prompt_requests"],
}
WHOLE = {"01_get", "04_prompt_post"}  # and 02 and 03, in test_captures.py


@pytest.mark.parametrize("file", names())
def test_every_recorded_exchange_is_replayed_or_excused(file: str) -> None:
    if file in WHOLE:
        return
    if file.startswith(("02", "03")):
        assert file in (Path(__file__).parent / "test_captures.py").read_text("utf-8")
        return
    known = [*REPLAYED.get(file, []), *NOT_REPLAYED.get(file, {})]
    assert [key for key in read(f"{file}") if not any(part in key for part in known)] == []
