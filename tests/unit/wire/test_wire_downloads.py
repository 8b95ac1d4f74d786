"""Addresses from which a server may download, and its answers."""

from __future__ import annotations

import string
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.downloads import (
    DownloadStatus,
    DownloadTask,
    SourceFault,
    file_name,
    is_host,
    is_model_folder,
    judge_source,
    read_task,
)

HOSTS = ("huggingface.co", "models.example.org")
GOOD = "https://huggingface.co/org/repo/resolve/main/a.safetensors"
TASK = "0f0e0d0c-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    "source",
    [
        GOOD,
        f"{GOOD}?download=true",
        "https://models.example.org/a.safetensors",
        "https://huggingface.co/o/r/resolve/main/two%20words%20(v1.0)+x@2,5.safetensors",
        "https://huggingface.co/o/r/resolve/refs%21/.cache/a.b.safetensors",
    ],
)
def test_plain_address_at_listed_host_passes(source: str) -> None:
    assert judge_source(source, HOSTS) is None
    assert judge_source(source, ()) is SourceFault.HOST


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("", SourceFault.FORM),
        ("a.safetensors", SourceFault.FORM),
        ("//huggingface.co/a.safetensors", SourceFault.FORM),
        ("https:/huggingface.co/a.safetensors", SourceFault.FORM),
        ("http://huggingface.co/a.safetensors", SourceFault.SCHEME),
        ("HTTPS://huggingface.co/a.safetensors", SourceFault.SCHEME),
        ("file:///etc/a.safetensors", SourceFault.SCHEME),
        ("ftp://huggingface.co/a.safetensors", SourceFault.SCHEME),
        ("https://u:p@huggingface.co/a.safetensors", SourceFault.LOGIN),
        ("https://huggingface.co@evil.example/a.safetensors", SourceFault.LOGIN),
        ("https://huggingface.co:443/a.safetensors", SourceFault.PORT),
        ("https://huggingface.co:8443/a.safetensors", SourceFault.PORT),
        ("https://huggingface.co:/a.safetensors", SourceFault.PORT),
        ("https://Huggingface.co/a.safetensors", SourceFault.HOST),
        ("https://huggingface.co./a.safetensors", SourceFault.HOST),
        ("https://huggingface.co.evil.example/a.safetensors", SourceFault.HOST),
        ("https://evilhuggingface.co/a.safetensors", SourceFault.HOST),
        ("https://cdn.huggingface.co/a.safetensors", SourceFault.HOST),
        ("https://huggingface.co%2eevil.example/a.safetensors", SourceFault.HOST),
        ("https://huggingface.co\\.evil.example/a.safetensors", SourceFault.HOST),
        ("https://huggingface.co\t/a.safetensors", SourceFault.HOST),
        ("https://\N{CYRILLIC SMALL LETTER HA}uggingface.co/a.safetensors", SourceFault.HOST),
        ("https://127.0.0.1/a.safetensors", SourceFault.HOST),
        ("https://[::1]/a.safetensors", SourceFault.HOST),
        ("https:///a.safetensors", SourceFault.HOST),
        ("https://huggingface.co", SourceFault.ENDING),
        ("https://huggingface.co/a.ckpt", SourceFault.ENDING),
        ("https://huggingface.co/a.safetensors.exe", SourceFault.ENDING),
        ("https://huggingface.co/a.safetensors/", SourceFault.ENDING),
        ("https://huggingface.co/a.SAFETENSORS", SourceFault.ENDING),
        ("https://huggingface.co/a.ckpt?x=.safetensors", SourceFault.ENDING),
        ("https://huggingface.co/a.ckpt#.safetensors", SourceFault.ENDING),
        ("https://civitai.com/api/download/models/1?type=Model", SourceFault.ENDING),
        (f"{GOOD}?token=abc", SourceFault.QUERY),
        (f"{GOOD}?", SourceFault.QUERY),
        (f"{GOOD}?download=true&x=1", SourceFault.QUERY),
        (f"{GOOD}#x", SourceFault.FORM),
        (f" {GOOD}", SourceFault.FORM),
        (f"{GOOD}\n", SourceFault.ENDING),
        ("https://huggingface.co/../a.safetensors", SourceFault.FORM),
        ("https://huggingface.co/%2e%2E/a.safetensors", SourceFault.FORM),
        ("https://huggingface.co/x%2fa.safetensors", SourceFault.FORM),
        ("https://huggingface.co/x%5ca.safetensors", SourceFault.FORM),
        ("https://huggingface.co/x\\a.safetensors", SourceFault.FORM),
        ("https://huggingface.co/x%00a.safetensors", SourceFault.FORM),
        ("https://huggingface.co/x%0aa.safetensors", SourceFault.FORM),
        ("https://huggingface.co/x%252fa.safetensors", SourceFault.FORM),
        ("https://huggingface.co/x%3fa.safetensors", SourceFault.FORM),
        ("https://huggingface.co/x%c3%a9.safetensors", SourceFault.FORM),
        ("https://huggingface.co/x y.safetensors", SourceFault.FORM),
        ("https://huggingface.co//a.safetensors", SourceFault.FORM),
        ("https://huggingface.co/.safetensors", SourceFault.FORM),
        ("https://huggingface.co/C:a.safetensors", SourceFault.FORM),
        ("https://huggingface.co/a.ckpt;x.safetensors", SourceFault.FORM),
        ("https://huggingface.co/a.ckpt%3Bx.safetensors", SourceFault.FORM),
        ("https://huggingface.co/a.ckpt%3bx.safetensors", SourceFault.FORM),
        ("https://huggingface.co/..;/a.safetensors", SourceFault.FORM),
        (f"https://huggingface.co/{'x' * 2048}.safetensors", SourceFault.FORM),
    ],
)
def test_any_other_address_is_refused(source: str, fault: SourceFault) -> None:
    assert judge_source(source, HOSTS) is fault


ADDRESSES = [
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0177.0.0.1", "017700000001", "0x7f000001", "0x7f.0.0.1", "0x7f.1",
    "127.0.0.0x1", "a.0x7f", "0x", "a.0x", "0X7F000001", "127.0.0.1.", "0x7f000001.", "[::1]", "[::ffff:7f00:1]",
    "::1", "1.2.3.4:80", "１２７.０.０.１", "127。0。0。1", "①②⑦.0.0.1", "a.１",
]  # fmt: skip


@pytest.mark.parametrize("host", ADDRESSES)
def test_address_in_any_spelling_is_no_host(host: str) -> None:
    assert not is_host(host)
    fault = judge_source(f"https://{host}/a.safetensors", (host, "huggingface.co"))
    assert fault is (SourceFault.HOST if ":" not in host else fault) and fault is not None


@pytest.mark.parametrize("host", ["0x7f.example", "0x7g", "a.b0x1", "1.example", "xn--80ak6aa92e.com", "localhost"])
def test_name_with_digits_is_a_host(host: str) -> None:
    assert is_host(host) and judge_source(f"https://{host}/a.safetensors", (host,)) is None


@pytest.mark.parametrize("name", ["aux", "NUL", "com1", "aux.v2", "CON ", "CONIN$"])
def test_file_is_no_device_of_windows(name: str) -> None:
    address = f"https://huggingface.co/{name.replace(' ', '%20')}.safetensors"
    assert judge_source(address, HOSTS) is SourceFault.FORM


def test_civitai_link_names_no_file() -> None:
    source = "https://civitai.com/api/download/models/128713?type=Model&format=SafeTensor"
    assert judge_source(source, ("civitai.com",)) is SourceFault.ENDING


PIECES = st.sampled_from(
    [
        "https",
        "http",
        "://",
        "huggingface.co",
        "evil.example",
        "/",
        "\\",
        "@",
        ":",
        "?",
        "#",
        "%2f",
        "%2e",
        "..",
        ".safetensors",
        "?download=true",
        " ",
        "\t",
        "\u3002",
        "a",
    ]
)


@given(
    st.one_of(
        st.lists(PIECES, max_size=9).map("".join),
        st.builds("https://huggingface.co/{}".format, st.lists(PIECES, max_size=6).map("".join)),
        st.builds("https://{}/a.safetensors".format, st.text(string.printable, max_size=30)),
        st.text(),
    )
)
def test_address_that_passes_means_one_file_at_a_listed_host(source: str) -> None:
    if judge_source(source, HOSTS) is not None:
        return
    found = urlsplit(source)
    assert (found.scheme, found.fragment) == ("https", "")
    assert found.netloc in HOSTS
    assert found.query in {"", "download=true"}
    assert source.isascii()
    assert source.isprintable()
    segments = unquote(found.path).split("/")[1:]
    assert len(segments) == found.path.count("/"), "no escape stands for a slash"
    assert not {"", ".", ".."} & set(segments)
    assert file_name(source) == segments[-1]
    assert file_name(source).endswith(".safetensors")


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("huggingface.co", True),
        ("a-b.example", True),
        ("models", True),
        ("", False),
        ("Huggingface.co", False),
        ("huggingface.co.", False),
        (".co", False),
        ("*.huggingface.co", False),
        ("https://huggingface.co", False),
        ("huggingface.co/x", False),
        ("huggingface.co:443", False),
        ("10.0.0.1", False),
        ("-a.example", False),
        ("h\N{LATIN SMALL LETTER U WITH DIAERESIS}gging.example", False),
        (f"{'a.' * 130}co", False),
    ],
)
def test_host_is_a_plain_name(text: str, is_right: bool) -> None:
    assert is_host(text) is is_right


def test_folder_is_one_plain_name() -> None:
    assert all(map(is_model_folder, ("checkpoints", "text_encoders", "IPAdapter-1")))
    assert not any(
        map(is_model_folder, ("", ".", "..", "a/b", "a\\b", "a.b", "a b", "custom_nodes", "Configs", "x" * 65))
    )


@pytest.mark.parametrize(
    ("answer", "task"),
    [
        ({"task_id": TASK, "status": "created"}, DownloadTask(TASK, DownloadStatus.CREATED)),
        (
            {"id": TASK, "status": "running", "result": {"bytes_downloaded": 5, "bytes_total": 9}},
            DownloadTask(TASK, DownloadStatus.RUNNING, 5, 9),
        ),
        (
            {"id": TASK, "status": "failed", "error_message": "no", "result": {"error": "other"}},
            DownloadTask(TASK, DownloadStatus.FAILED, message="no"),
        ),
        (
            {"id": TASK, "status": "failed", "result": {"error": "gone", "bytes_total": True}},
            DownloadTask(TASK, DownloadStatus.FAILED, message="gone"),
        ),
        (
            {"id": TASK, "status": "running", "result": {"bytes_downloaded": 10**400, "bytes_total": 2**53}},
            DownloadTask(TASK, DownloadStatus.RUNNING),
        ),
        (
            {"id": TASK, "status": "failed", "error": "x" * 1000},
            DownloadTask(TASK, DownloadStatus.FAILED, message="x" * 300),
        ),
        ({"id": "asset", "name": "a", "tags": []}, DownloadTask("", DownloadStatus.COMPLETED)),
        ({"id": TASK, "status": "asleep"}, None),
        ({"status": "running"}, None),
        ({"task_id": 5, "status": "running"}, None),
        ({"task_id": "x" * 201, "status": "running"}, None),
        ({"task_id": "..", "status": "running"}, None),
        ({"task_id": "a/b", "status": "running"}, None),
        ({"task_id": "\ud800", "status": "running"}, None),
        ([], None),
        (None, None),
    ],
)
def test_answer_is_read_as_a_task(answer: object, task: DownloadTask | None) -> None:
    assert read_task(answer) == task
