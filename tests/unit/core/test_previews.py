"""The method that a prompt asks for, by the user's choice and the server's own."""

from __future__ import annotations

import pytest

from app.core.model import Server, ServerId
from app.core.previews import Previews, preview_method


def server(own: str) -> Server:
    """Return a server that was started with this preview method."""
    return Server(server_id=ServerId("a"), name="a", address="http://a", base="/servers/a", preview_method=own)


@pytest.mark.parametrize(
    ("choice", "own", "method"),
    [
        (Previews.AUTOMATIC, "", "auto"),
        (Previews.AUTOMATIC, "taesd", "default"),
        (Previews.AUTOMATIC, "none", "default"),
        (Previews.OFF, "taesd", "none"),
        (Previews.FAST, "none", "latent2rgb"),
        (Previews.BEST, "", "taesd"),
    ],
)
def test_only_an_automatic_choice_leaves_the_method_to_the_operator(choice: Previews, own: str, method: str) -> None:
    assert preview_method(choice, server(own)) == method


def test_unknown_server_is_asked_for_previews() -> None:
    assert preview_method(Previews.AUTOMATIC, None) == "auto"
