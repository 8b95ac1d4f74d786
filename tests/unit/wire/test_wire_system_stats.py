"""What `/system_stats` shows of a server."""

from __future__ import annotations

import pytest

from wire.system_stats import read_stats


@pytest.mark.parametrize(
    ("argv", "method"),
    [
        (["main.py", "--preview-method", "taesd", "--cpu"], "taesd"),
        (["main.py", "--preview-method=latent2rgb"], "latent2rgb"),
        (["main.py", "--preview-meth", "auto"], "auto"),
        (["main.py", "--preview-method", "auto", "--preview-method", "none"], "none"),
        (["main.py", "--preview-size", "256"], ""),
        (["main.py", "--preview-method"], ""),
        ([3, None], ""),
        ("--preview-method", ""),
        (None, ""),
    ],
)
def test_preview_method_is_read_from_the_command_line(argv: object, method: str) -> None:
    assert read_stats({"system": {"argv": argv}, "devices": []}).condition.preview_method == method
