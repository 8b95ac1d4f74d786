"""Unusual links: servers accept or refuse each prompt as the table says, and follow its links."""

from __future__ import annotations

import pytest

from tests.contract.peer import Peer, entry, new_id, post
from tests.kit.links import ROWS

PICTURE = {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 0}}


async def test_unusual_links_are_followed_or_refused(peer: Peer) -> None:
    known = await peer.request("GET", "/object_info/PreviewAny")
    if known.status != 200 or not known.json():
        pytest.skip("this server has no PreviewAny")
    for row in ROWS:
        prompt = {"1": PICTURE, "2": {"class_type": "PreviewAny", "inputs": {"source": row["value"]}}}
        prompt_id = new_id()
        answer = await post(peer, "/prompt", {"prompt": prompt, "prompt_id": prompt_id})
        assert (answer.status == 200) is row["accepted"], row
        if row["accepted"]:
            (text,) = (await entry(peer, prompt_id))["outputs"]["2"]["text"]
            assert ("tensor(" in text or "Image" in text) is row["link"], row
