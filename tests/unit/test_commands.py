"""The sub-commands: which one runs, with which arguments, and how a wrong command line is reported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.commands import COMMANDS, find_command, parse_command
from gateway.flags import read_flags
from tests.kit.platforms import posix_only

ROOT = Path(__file__).resolve().parents[2]
SERVER = ["--server", "a=http://127.0.0.1:8188"]


@pytest.mark.parametrize("words", [[], ["--port", "9000"], SERVER])
def test_gateway_runs_without_a_command(words: list[str]) -> None:
    assert find_command(words) == (None, words)
    assert read_flags(parse_command(words)) == read_flags(words)


def test_command_keeps_its_name_and_its_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fleet.toml").touch()
    monkeypatch.chdir(tmp_path)
    assert find_command(["check", *SERVER]) == (COMMANDS["check"], SERVER)
    assert parse_command(["check", *SERVER]) == ["check", *SERVER]
    path = str((tmp_path / "fleet.toml").resolve())
    assert parse_command(["check", "--fleet", "fleet.toml"]) == ["check", "--fleet", path]
    assert parse_command(["check"]) == ["check"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["chek"], "There is no command 'chek'; did you mean 'check'?"),
        (["zzz"], "There is no command 'zzz'; there is check"),
        (["static"], "needs a folder"),
        (["static", "out", "--fleet", "no-such-file.toml"], "There is no fleet file 'no-such-file.toml'"),
        (["check", "--port", "1"], "Unrecognized arguments: --port 1;"),
        (["check", "--fleet", "no-such-file.toml"], "no-such-file.toml"),
        (["check", "--fleet", str(ROOT / "pyproject.toml"), *SERVER], "--fleet and --server"),
        (["check", *SERVER, *SERVER], "the id a twice"),
    ],
)
def test_wrong_command_line_is_one_sentence_and_exit_code_2(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_command(words)
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert says in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_command_line_is_read_before_anything_is_installed(name: str) -> None:
    words = [name, "--no-such-flag"] if name else ["--no-such-flag"]
    program = f"from gateway.commands import parse_command; parse_command({words!r})"
    command = [sys.executable, "-S", "-c", program]  # -S: as if nothing were installed
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr
    assert "--no-such-flag" in ended.stderr


@posix_only("another error for a closed pipe")
@pytest.mark.parametrize("unbuffered", ["", "1"])  # the first write fails, or the last flush
def test_command_ends_quietly_when_no_one_reads_it(unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "gateway", "paths"]
    variables = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    ended = subprocess.run(command, cwd=ROOT, env=variables, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, b"")
