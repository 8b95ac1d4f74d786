"""Only the listed routes exist, in one spelling each."""

from __future__ import annotations

import tracemalloc

import pytest

from gateway.http.routes import (
    AppArchive,
    Asset,
    BuildFile,
    FleetLoads,
    FleetServerStats,
    FleetSocket,
    FleetStateRoute,
    PageRoute,
    RequiredBody,
    Route,
    ServerCall,
    ServerSocket,
    WorkflowFile,
    find_route,
    split_target,
)

KEY = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", PageRoute()),
        ("/index.html", PageRoute()),
        ("/pyscript.toml", Asset("pyscript.toml")),
        ("/app/main.py", Asset("app/main.py")),
        ("/app.zip", AppArchive()),
        ("/static/vendor/pyscript/core.js", Asset("static/vendor/pyscript/core.js")),
        ("/static/vendor/@scope/x-1.0+2/a_b.mjs", Asset("static/vendor/@scope/x-1.0+2/a_b.mjs")),
        (f"/b/{KEY}/static/js/grid.js", BuildFile(KEY, "static/js/grid.js")),
        (f"/b/{KEY}/app.zip", BuildFile(KEY, "app.zip")),
        ("/fleet", FleetStateRoute()),
        ("/fleet/ws", FleetSocket()),
        ("/fleet/loads", FleetLoads()),
        ("/fleet/stats", FleetServerStats()),
        ("/servers/a/ws", ServerSocket("a")),
        ("/servers/a@0123abcd/ws", ServerSocket("a", "0123abcd")),
    ],
)
def test_the_gateways_own_routes(path: str, route: Route) -> None:
    assert find_route(path) == route


@pytest.mark.parametrize(
    ("path", "bodies"),
    [
        ("/prompt", {"GET": RequiredBody.NONE, "POST": RequiredBody.PROMPT}),
        ("/queue", {"GET": RequiredBody.NONE, "POST": RequiredBody.QUEUE_DELETE}),
        ("/history", {"GET": RequiredBody.NONE, "POST": RequiredBody.HISTORY_DELETE}),
        ("/history/4f0c", {"GET": RequiredBody.NONE}),
        ("/system_stats", {"GET": RequiredBody.NONE}),
        ("/features", {"GET": RequiredBody.NONE}),
        ("/object_info", {"GET": RequiredBody.NONE}),
        ("/object_info/KSampler", {"GET": RequiredBody.NONE}),
        ("/embeddings", {"GET": RequiredBody.NONE}),
        ("/models", {"GET": RequiredBody.NONE}),
        ("/models/checkpoints", {"GET": RequiredBody.NONE}),
        ("/view_metadata/loras", {"GET": RequiredBody.NONE}),
        ("/experiment/models/loras", {"GET": RequiredBody.NONE}),
        ("/experiment/models/preview/loras/0/a.safetensors", {"GET": RequiredBody.NONE}),
        ("/experiment/models/preview/loras/12/xl%2Fold%20one.safetensors", {"GET": RequiredBody.NONE}),
        ("/experiment/models/preview/loras/0/xl%5Ca.safetensors", {"GET": RequiredBody.NONE}),
        ("/view", {"GET": RequiredBody.NONE, "HEAD": RequiredBody.NONE}),
        ("/node_replacements", {"GET": RequiredBody.NONE}),
        ("/interrupt", {"POST": RequiredBody.INTERRUPT}),
        ("/upload/image", {"POST": RequiredBody.UPLOAD}),
        ("/userdata", {"GET": RequiredBody.NONE}),
        ("/userdata/workflows%2Fa.json", {"GET": RequiredBody.NONE}),
        ("/userdata/workflows%2Fportraits%2Fold%20one.json", {"GET": RequiredBody.NONE}),
        ("/api/jobs", {"GET": RequiredBody.NONE}),
        ("/api/jobs/4f0c", {"GET": RequiredBody.NONE}),
        ("/api/jobs/4f0c/cancel", {"POST": RequiredBody.JOB_CANCEL}),
    ],
)
def test_the_listed_routes_of_a_server(path: str, bodies: dict[str, RequiredBody]) -> None:
    route = find_route(f"/servers/a{path}")
    assert route == ServerCall("a", path, bodies)


def test_a_server_may_be_named_with_the_tag_of_its_address() -> None:
    assert find_route("/servers/a@0123abcd/queue") == ServerCall(
        "a", "/queue", {"GET": RequiredBody.NONE, "POST": RequiredBody.QUEUE_DELETE}, "0123abcd"
    )


@pytest.mark.parametrize("tag", ["", "0123abc", "0123abcde", "0123ABCD", "0123abcg", "%30123abcd", "0123abcd@0123abcd"])
def test_invalid_tag_is_no_route(tag: str) -> None:
    assert find_route(f"/servers/a@{tag}/queue") is None


@pytest.mark.parametrize(
    ("segment", "written"),
    [("KSampler%20(Efficient)", "KSampler%20%28Efficient%29"), ("N%C3%B6de", "N%C3%B6de"), ("A%2bB", "A%2BB")],
)
def test_name_in_a_path_is_rewritten(segment: str, written: str) -> None:
    route = find_route(f"/servers/a/object_info/{segment}")
    assert isinstance(route, ServerCall)
    assert route.path == f"/object_info/{written}"


@pytest.mark.parametrize(
    "path",
    [
        "/free",
        "/settings",
        "/upload/mask",
        "/userdata/settings.json",
        "/userdata/workflows",
        "/userdata/workflows%2F",
        "/userdata/workflows%2F..%2Fkey.json",
        "/userdata/workflows%2F%2e%2e%2Fkey.json",
        "/userdata/workflows%252Fa.json",
        "/userdata/workflows%5Ca.json",
        "/userdata/workflows%2Fa%2F%2Fb.json",
        "/userdata/workflows%2Fa.txt",
        "/userdata/other%2Fa.json",
        "/userdata/workflows/a.json",
        "/userdata/%2Fworkflows%2Fa.json",
        "/experiment/models",
        "/experiment/models/",
        "/experiment/models/..%2Floras",
        "/experiment/models/preview/loras/0",
        "/experiment/models/preview/loras/0/",
        "/experiment/models/preview/loras/-1/a.safetensors",
        "/experiment/models/preview/loras/x/a.safetensors",
        "/experiment/models/preview/loras/0/a/b.safetensors",
        "/experiment/models/preview/loras/0/..%2Fa.safetensors",
        "/experiment/models/preview/loras/0/xl%2F..%5C..%2Fa.safetensors",
        "/experiment/models/preview/loras/0/%2Fetc%2Fa.safetensors",
        "/experiment/models/preview/loras/0/C:%5Ca.safetensors",
        "/experiment/models/preview/loras/0/%252e%252e%252Fa.safetensors",
        "/experiment/models/preview/..%2Floras/0/a.safetensors",
        "/models/custom_nodes",
        "/models/Custom_Nodes",
        "/models/custom%5Fnodes",
        "/experiment/models/custom_nodes",
        "/experiment/models/configs",
        "/experiment/models/preview/custom_nodes/0/a.safetensors",
        "/view_metadata/custom_nodes",
        "/view_metadata",
        "/view_metadata/loras/a.safetensors",
        "/users",
        "/extensions",
        "/internal/logs",
        "/internal/files",
        "/internal/files/input",
        "/internal/files/temp",
        "/internal/files/output/",
        "/internal/files/output/x",
        "/internal/files/%6futput",
        "/internal/files/..",
        "/demo/faults",
        "/api/queue",
        "/api/prompt",
        "/api/ws",
        "/api/jobs/cancel/x",
        "/ws/",
        "/",
        "",
        "/queue/",
        "//queue",
        "/./queue",
        "/x/../queue",
        "/%71ueue",
        "/queue%2f",
        "/queue%00",
        "/QUEUE",
        "/history/",
        "/history/.",
        "/history/..",
        "/history/%2e",
        "/history/%2e%2e",
        "/history/%2E%2E",
        "/history/..%2fqueue",
        "/history/a%2fb",
        "/history/a%5cb",
        "/history/a\\b",
        "/history/%252e%252e",
        "/history/a%25",
        "/history/a%",
        "/history/a%zz",
        "/history/a%00",
        "/history/a%0d%0aHost:%20evil",
        "/history/a%ff",
        "/history/a%3fb",
        "/history/a%23b",
        "/history/a;b",
        "/history/a/b",
        "/history/" + "a" * 201,
        "/upload/../prompt",
        "/view/../queue",
        "/view/x",
    ],
)
def test_other_server_paths_are_not_listed(path: str) -> None:
    assert find_route(f"/servers/a{path}") is None


@pytest.mark.parametrize(
    "path",
    [
        "/servers",
        "/servers/",
        "/servers//queue",
        "/servers/a%2fqueue",
        "/servers/..",
        "/servers/a b/queue",
        "/servers/a@evil.example/queue",
        "/servers/http://evil.example/queue",
        "//evil.example/servers/a/queue",
        "/x/servers/a/queue",
        "/static",
        "/static/",
        f"/b/{KEY}",
        f"/b/{KEY}/",
        f"/b/{KEY[1:]}/app.zip",
        f"/b/{KEY.upper()}/app.zip",
        f"/b/{KEY}/../serve.py",
        f"/b/{KEY}/static/.hidden",
        f"/b/{KEY}/static/%2e%2e/serve.py",
        "/static//x",
        "/static/../serve.py",
        "/static/./x",
        "/static/.hidden",
        "/static/a/.git/config",
        "/static/%2e%2e/serve.py",
        "/static/a%2fb",
        "/static/a\\b",
        "/static/a:b",
        "/app/",
        "/app/core/model.py",
        "/app/../serve.py",
        "/serve.py",
        "/fleet.toml",
        "/.git/config",
        "/requirements.txt",
        "/fleet/",
        "/demo/faults",
    ],
)
def test_other_gateway_paths_are_not_listed(path: str) -> None:
    assert find_route(path) is None


@pytest.mark.parametrize(
    "target",
    [
        "",
        "*",
        "http://127.0.0.1:8200/",
        "http://evil.example/",
        "evil.example:443",
        "queue",
        "/a b",
        "/a#b",
        "/a?b#c",
        "/ä",
    ],
)
def test_a_target_is_in_origin_form(target: str) -> None:
    assert split_target(target) is None


def test_a_query_stays_raw() -> None:
    assert split_target("/view?filename=a%20b&x=%2e%2e?") == ("/view", "filename=a%20b&x=%2e%2e?")


@pytest.mark.parametrize(
    ("target", "path"),
    [("a.json", "a.json"), ("deep/er/a%20b.png", "deep/er/a b.png"), ("%E5%9B%BE.json", "图.json")],
)
def test_a_published_workflow_is_named_by_its_path(target: str, path: str) -> None:
    assert find_route(f"/workflows/{target}") == WorkflowFile(path)


@pytest.mark.parametrize("target", ["", "../a.json", "a//b.json", "%2e%2e/a.json", "a%2fb.json", "a%00.json", "a/"])
def test_ambiguous_path_is_no_published_workflow(target: str) -> None:
    assert find_route(f"/workflows/{target}") is None


@pytest.mark.parametrize("beginning", ["/static", f"/b/{'0' * 32}"])
def test_many_folders_take_little_memory(beginning: str) -> None:
    """The matcher once kept some 150 bytes for each folder, to be able to backtrack."""
    path = beginning + "/a" * 500_000
    tracemalloc.start()
    try:
        assert find_route(path) is not None
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(path)


def test_segment_may_have_200_characters_in_any_spelling() -> None:
    written = "%F0%9F%98%80" * 200
    assert find_route(f"/servers/a/history/{written}") is not None
    assert find_route(f"/servers/a/history/{written}a") is None
