"""The service of each platform: its definition is shown, says what the user types, and starts the same gateway."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
import sys
from pathlib import Path, PureWindowsPath
from xml.etree import ElementTree as Xml

import pytest

from gateway.flags import Flags, read_flags
from gateway.installation import Locations
from gateway.service.command import define, main
from gateway.service.definitions import NAME, Program, launchd_agent, systemd_unit, windows_task
from gateway.service.flags import ServiceFlags, parse_service_flags

ODD = ["/opt/my python/bin/python", "-m", "mooring", "--server", 'a=http://h:1/%20"$x\\y']


@pytest.fixture
def user_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path


def own(folder: Path) -> Locations:
    return Locations(folder / "users.toml", folder, log=folder / "log" / "mooring.log")


def test_flags_after_the_action_are_those_of_the_gateway() -> None:
    flags = parse_service_flags(["install", "--port", "8300", "--yes", "--demo", "2"])
    assert flags == ServiceFlags("install", Flags(port=8300, demo=2), is_agreed=True)
    assert parse_service_flags(flags.arguments()) == flags


@pytest.mark.parametrize("words", [["start"], [], ["install", "--prt", "1"], ["install", "--export", "/tmp/x"]])
def test_wrong_flags_are_reported_in_one_sentence(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_service_flags(words)
    assert ended.value.code == 2 and len(capsys.readouterr().err.splitlines()) == 1


def test_nothing_is_written_without_agreement(user_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", "--port", "8300"], lambda _: "") == 1
    assert list(user_home.iterdir()) == []
    assert "ExecStart=" in capsys.readouterr().out, "it was shown"


def test_agreed_definition_is_written_and_removed_again(user_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = user_home / ".config" / "systemd" / "user" / f"{NAME}.service"
    assert main(["install"], lambda _: "y") == 0
    assert path.read_text("utf-8") in capsys.readouterr().out
    assert main(["install", "--yes"]) == 0
    assert "which is replaced" in capsys.readouterr().out
    assert main(["remove"]) == 0
    assert not path.exists() and "disable --now" in capsys.readouterr().out
    assert main(["remove"]) == 1


@pytest.mark.parametrize("kind", ["systemd", "launchd", "task"])
def test_service_starts_this_gateway_with_its_flags(kind: str, user_home: Path) -> None:
    definition = define(parse_service_flags(["install", "--port", "8300"]), own(user_home), kind)
    for word in (sys.executable, "-m", "gateway", "--port", "8300"):
        assert word in definition.text
    assert definition.start and definition.stop
    assert ("mooring.log" in definition.text) is (kind != "systemd"), "only systemd keeps a log"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_reads_odd_words_unchanged(tmp_path: Path) -> None:
    program = Program([shutil.which("printf") or "", "%s\\n", *ODD], tmp_path)
    definition = systemd_unit(program, tmp_path, {})
    unit = tmp_path / "mooring.service"
    unit.write_bytes(definition.data)
    words = ["systemd-analyze", "verify", "--user", "--man=no", str(unit)]
    result = subprocess.run(words, capture_output=True, text=True, check=False, env={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert (result.returncode, result.stderr) == (0, "")


def test_launchd_starts_the_same_words() -> None:
    definition = launchd_agent(Program(ODD, Path("/x")), Path("/Users/a"), Path("/l/m.log"))
    found = plistlib.loads(definition.data)
    assert found["ProgramArguments"] == [*ODD, "--log", "/l/m.log"]
    assert definition.path == Path("/Users/a/Library/LaunchAgents/com.github.comfy-mooring.plist")


def test_windows_task_is_xml_with_the_same_words() -> None:
    words = [str(PureWindowsPath(r"C:\My Python\pythonw.exe")), "-m", "mooring", "--fleet", r"C:\a b\fleet.toml"]
    definition = windows_task(Program(words, Path("x")), Path("state"), Path("m.log"), "DESK\\ann")
    task = Xml.fromstring(definition.data.decode("utf-16").partition("\n")[2])
    found = {element.tag.rpartition("}")[2]: element.text for element in task.iter()}
    assert found["Command"] == words[0]
    assert found["Arguments"] == r'-m mooring --fleet "C:\a b\fleet.toml" --log m.log'
    assert found["UserId"] == "DESK\\ann"
    assert f'"{definition.path}"' in definition.start[0]


def test_log_goes_to_a_file(tmp_path: Path) -> None:
    """A service without a log of its own is given one, also of a start that fails."""
    log = tmp_path / "new" / "mooring.log"
    words = ["--fleet", str(tmp_path / "fleet.toml"), "--log", str(log)]
    (tmp_path / "fleet.toml").write_text("[gateway]\nnames = 3\n", "utf-8")
    assert read_flags(words).log == log
    ended = subprocess.run([sys.executable, "-m", "gateway", *words], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.strip() in log.read_text("utf-8")
