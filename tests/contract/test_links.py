"""Odd links sent to servers, which accept or refuse each prompt as the table says and follow its links."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.peer import Peer, entry, new_id, post
from tests.links import ODD_IDS, ROWS

PICTURE = {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 0}}


@pytest.mark.parametrize("row", ROWS, ids=ODD_IDS)
async def test_odd_link_is_followed_or_not(peer: Peer, row: dict[str, Any]) -> None:
    known = await peer.request("GET", "/object_info/PreviewAny")
    if known.status != 200 or not known.json():
        pytest.skip("this server has no PreviewAny")
    prompt = {"1": PICTURE, "2": {"class_type": "PreviewAny", "inputs": {"source": row["value"]}}}
    prompt_id = new_id()
    answer = await post(peer, "/prompt", {"prompt": prompt, "prompt_id": prompt_id})
    assert (answer.status == 200) is row["accepted"], answer.json()
    if row["accepted"]:
        (text,) = (await entry(peer, prompt_id))["outputs"]["2"]["text"]
        assert ("tensor(" in text or "Image" in text) is row["link"]
