"""What set-up prints when a tool fails: one sentence, with the cause from the tool's output."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from gateway.install.failures import explain, explain_os

PIP_OFFLINE = (
    "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('...')': /simple/attrs/\n"
    "ERROR: Could not find a version that satisfies the requirement attrs==26.1.0 (from versions: none)\n"
    "ERROR: No matching distribution found for attrs==26.1.0\n"
)


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (PIP_OFFLINE, "could not reach its package registry"),
        ("npm error code ECONNREFUSED\nnpm error syscall connect", "could not reach its package registry"),
        ("npm error code ENOTFOUND", "could not reach its package registry"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "its hash differs"),
        ("npm error code EINTEGRITY", "its hash differs"),
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "The disk is full"),
        ("npm error code ENOSPC", "The disk is full"),
        ("ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] ... ConnectionError", "certificate"),
        ("npm error code EACCES", "may not write"),
        ("ERROR: No matching distribution found for pillow==13.0.0", "not made for this Python"),
        ("something nobody has thought of", "see .mooring/setup.log"),
    ],
)
def test_failed_tool_is_reported_in_one_sentence(output: str, says: str) -> None:
    said = str(explain("pip", output))
    assert says in said
    assert said.endswith(".")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "/x/.mooring"), "may not write /x/.mooring"),
        (OSError(errno.EROFS, "Read-only file system", "/x/.mooring"), "may not write /x/.mooring"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/x/requirements.txt"), "requirements.txt is missing"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
    ],
)
def test_system_error_is_reported_in_one_sentence(error: OSError, says: str) -> None:
    said = str(explain_os(error, Path("/x")))
    assert says in said
    assert said.endswith(".")
    assert "\n" not in said
