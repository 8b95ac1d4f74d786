"""Which headers pass, and how content may be shown."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from gateway.http.answers import json_answer
from gateway.http.headers import OWN_HEADERS, request_headers, response_headers
from gateway.http.refusal import Refusal
from wire.refusals import Cause


def view(content_type: str, filename: str = "a.png") -> dict[str, str]:
    return response_headers(CIMultiDict({"Content-Type": content_type}), is_view=True, filename=filename)


def test_browser_secrets_and_hop_headers_are_dropped() -> None:
    sent = CIMultiDict(
        {
            "Cookie": "a=b",
            "Authorization": "Bearer x",
            "Connection": "keep-alive, X-Odd",
            "X-Odd": "1",
            "X-Forwarded-For": "1.2.3.4",
            "Sec-Fetch-Site": "same-origin",
            "Host": "127.0.0.1:8200",
            "Referer": "http://127.0.0.1:8200/",
            "Origin": "http://127.0.0.1:8200",
            "Range": "bytes=0-1",
            "if-none-match": '"x"',
        }
    )
    passed = request_headers(sent, origin="http://10.0.0.5:8188")
    assert passed == {"Range": "bytes=0-1", "If-None-Match": '"x"', "Origin": "http://10.0.0.5:8188"}


def test_server_cannot_set_cookies_permissions_or_our_header() -> None:
    sent = CIMultiDict(
        {
            "Set-Cookie": "a=b",
            "Access-Control-Allow-Origin": "*",
            "X-Mooring-Gateway": "timeout; sent=no",
            "Refresh": "0; url=http://evil.example/",
            "Clear-Site-Data": "*",
            "Service-Worker-Allowed": "/",
            "Content-Security-Policy": "default-src *",
            "Content-Type": "application/json; charset=utf-8",
            "ETag": '"x"',
        }
    )
    passed = response_headers(sent, is_view=False, filename="")
    assert passed == {
        "ETag": '"x"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "Content-Type": "application/json; charset=utf-8",
    }


@pytest.mark.parametrize("kind", ["image/png", "image/JPEG", "image/webp; x=y", "video/mp4", "audio/flac"])
def test_pixels_and_sound_are_shown_in_place(kind: str) -> None:
    headers = view(kind)
    assert headers["Content-Type"] == kind.partition(";")[0].lower()
    assert headers["Content-Disposition"].startswith("inline")


@pytest.mark.parametrize(
    "kind",
    [
        "image/svg+xml",
        "text/html",
        "application/xml",
        "text/xml",
        "application/xhtml+xml",
        "text/plain",
        "application/json",
        "application/pdf",
        "text/javascript",
        "",
        "nonsense",
        "image/png, text/html",
    ],
)
def test_every_other_file_is_a_download(kind: str) -> None:
    headers = view(kind)
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"].startswith("attachment")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox"


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/javascript"])
def test_other_answers_are_downloads_on_every_route(kind: str) -> None:
    headers = response_headers(CIMultiDict({"Content-Type": kind}), is_view=False, filename="")
    assert headers["Content-Disposition"] == "attachment"


@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        ("a.png", "inline; filename*=UTF-8''a.png"),
        ("../../x.png", "inline; filename*=UTF-8''x.png"),
        ("a\r\nSet-Cookie:x", "inline"),
        ('日".png', "inline; filename*=UTF-8''%E6%97%A5%22.png"),
        ("", "inline"),
    ],
)
def test_download_name_stays_within_its_header(filename: str, shown: str) -> None:
    assert view("image/png", filename)["Content-Disposition"] == shown


def test_own_answers_have_the_protections_of_a_servers_answer() -> None:
    passed = response_headers(CIMultiDict(), is_view=False, filename="")
    assert OWN_HEADERS.items() <= passed.items()
    for own in (json_answer({}), json_answer(b"{}"), Refusal(Cause.NOT_LISTED, "There is no such route.").answer()):
        assert {name: own.headers.get(name) for name in OWN_HEADERS} == OWN_HEADERS
