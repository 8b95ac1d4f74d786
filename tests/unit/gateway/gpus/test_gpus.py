"""`serve.py gpus`: which GPUs it finds, and the command lines that it prints for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.fleet.fleet import LocalServer
from gateway.gpus.command import command_lines, main
from gateway.gpus.detection import CUDA, HIP, TOOLS, Gpu, ToolError, described_by, listed_by
from gateway.http.servers import Server, ServerId
from gateway.platforms import windows
from tests.kit.platforms import posix_only, put_program

ROOT = Path(__file__).resolve().parents[4]
NVIDIA, ROCM = TOOLS
TWO_CARDS = """\
GPU 0: NVIDIA GeForce RTX 4090 (UUID: GPU-6ec2a9d2-1b1a-0c5f-7d41-2f0f3f2f0001)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-6ec2a9d2-1b1a-0c5f-7d41-2f0f3f2f0002)
  MIG 1g.10gb     Device  0: (UUID: MIG-6ec2a9d2-1b1a-0c5f-7d41-2f0f3f2f0003)
"""
TWO_RADEONS = """\
============================ ROCm System Management Interface ============================
====================================== Product Info ======================================
GPU[0]\t\t: Card Series: \t\tAMD Radeon RX 7900 XTX
GPU[0]\t\t: Card Model: \t\t0x744c
GPU[1]\t\t: Card series: \t\tAMD Radeon RX 7900 XTX
GPU[1]\t\t: Card vendor: \t\tAdvanced Micro Devices, Inc. [AMD/ATI]
==========================================================================================
"""
EQUAL = [Gpu(0, "NVIDIA GeForce RTX 4090"), Gpu(1, "NVIDIA GeForce RTX 4090")]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(folder: Path, name: str, output: str, code: int = 0) -> None:
    put_program(folder / name, f"#!/bin/sh\nwhile read -r line; do :; done\nprintf '%s' '{output}'\nexit {code}\n")


def test_nvidia_smi_lists_whole_gpus(programs: Path) -> None:
    install(programs, "nvidia-smi", TWO_CARDS)
    assert listed_by(NVIDIA) == [Gpu(0, "NVIDIA GeForce RTX 4090"), Gpu(1, "NVIDIA H100 80GB HBM3")]


def test_rocm_smi_lists_gpus_in_old_and_new_spelling(programs: Path) -> None:
    install(programs, "rocm-smi", TWO_RADEONS)
    assert listed_by(ROCM) == [Gpu(index, "AMD Radeon RX 7900 XTX", HIP) for index in (0, 1)]


def test_missing_program_is_no_error(programs: Path) -> None:
    assert programs and listed_by(NVIDIA) is None


@pytest.mark.parametrize(
    ("output", "says"), [("No devices were found\n", "No devices were found"), ("", "exit code 6")]
)
def test_failing_program_is_reported(programs: Path, output: str, says: str) -> None:
    install(programs, "nvidia-smi", output, 6)
    with pytest.raises(ToolError, match=says):
        listed_by(NVIDIA)


def test_program_that_cannot_be_run_is_reported(programs: Path) -> None:
    put_program(programs / "nvidia-smi", b"\x00no program")
    with pytest.raises(ToolError, match="format"):
        listed_by(NVIDIA)


def test_running_servers_name_their_gpus_once() -> None:
    def server(*devices: str) -> LocalServer:
        return LocalServer(Server(ServerId("local"), "local", "http://127.0.0.1:8188"), "0.30.0", devices)

    same = "cuda:0 NVIDIA GeForce RTX 4090"
    servers = [server(same, "cpu"), server(same), server("cuda:1 AMD Radeon RX 7900 XTX"), server("mps")]
    assert described_by(servers) == [Gpu(0, "NVIDIA GeForce RTX 4090", CUDA), Gpu(1, "AMD Radeon RX 7900 XTX", HIP)]


@posix_only("other shells")
def test_each_gpu_has_a_server_and_mooring_uses_all() -> None:
    lines = list(command_lines(EQUAL, 8188))
    second = "CUDA_VISIBLE_DEVICES=1 python main.py --port 8189 --database-url sqlite:///user/comfyui-8189.db"
    assert lines[1].split("  # ") == [
        f"  {'CUDA_VISIBLE_DEVICES=0 python main.py --port 8188':{len(second)}}",
        "NVIDIA GeForce RTX 4090",
    ]
    assert lines[2] == f"  {second}  # NVIDIA GeForce RTX 4090"
    assert any("--base-directory" in line for line in lines)
    assert lines[-1] == ("  python3 serve.py --server gpu-0=http://127.0.0.1:8188 --server gpu-1=http://127.0.0.1:8189")


@posix_only("other shells")
def test_one_gpu_shares_no_folder() -> None:
    lines = list(command_lines(EQUAL[:1], 9000))
    assert "CUDA_VISIBLE_DEVICES=0 python main.py --port 9000" in lines[1]
    assert not any("--base-directory" in line for line in lines)


@posix_only("other shells")
def test_different_cards_are_numbered_by_slot() -> None:
    mixed = [Gpu(0, "NVIDIA GeForce RTX 3060"), Gpu(1, "NVIDIA GeForce RTX 4090"), Gpu(0, "AMD Radeon", HIP)]
    lines = [line.strip() for line in command_lines(mixed, 8188)][1:4]
    beginnings = ["CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=0 ", "CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VIS"]
    assert all(line.startswith(start) for line, start in zip(lines, [*beginnings, "HIP_VIS"], strict=True))


def test_windows_gets_a_flag_instead_of_a_variable() -> None:
    lines = list(command_lines(EQUAL, 8188, windows))
    assert lines[1].strip().startswith("python main.py --port 8188 --cuda-device 0 ")
    assert not any("VISIBLE_DEVICES" in line for line in lines)


def test_gpus_of_both_makers_get_neighbouring_ports(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(programs, "nvidia-smi", TWO_CARDS)
    install(programs, "rocm-smi", TWO_RADEONS)
    assert main(["--port", "9000"]) == 0
    printed = capsys.readouterr().out
    assert "nvidia-smi: 2 GPUs." in printed and "rocm-smi: 2 GPUs." in printed
    assert "HIP_VISIBLE_DEVICES=1 python main.py --port 9003" in printed


def test_any_name_can_be_printed(programs: Path) -> None:
    install(programs, "nvidia-smi", "GPU 0: 显卡 4090 (UUID: GPU-1)")
    ran = subprocess.run(
        [sys.executable, "-m", "gateway", "gpus"],
        cwd=ROOT,
        env={"PATH": str(programs), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "# ?? 4090" in ran.stdout


def test_machine_without_gpu_is_reported(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(programs, "nvidia-smi", "NVIDIA-SMI has failed\n", 9)
    assert main([], ports=[]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "nvidia-smi fails: NVIDIA-SMI has failed",
        "nvidia-smi and rocm-smi list no GPU here, or are not installed.",
        "No ComfyUI that would name its own answers on this machine.",
        "With one GPU, or none, one ComfyUI is enough: python main.py --port 8188",
    ]
