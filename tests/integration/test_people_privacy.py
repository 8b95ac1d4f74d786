"""Several users on one fleet: each can see and change only their own work."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from gateway.fleet.rules import Rules
from gateway.people.models import MOST_LISTS
from tests.kit.gateways import PLAIN, serve, until
from tests.kit.studio import (
    ALL_AT_ONCE,
    Client,
    SharedDemo,
    Studio,
    load_prompt,
    open_studio,
    picture_prompt,
    slow_prompt,
    small_png,
    view_query,
)
from wire.queue import OTHER
from wire.versions import OLDEST

SECRET = "a secret harbour"


def secret_prompt(seed: int = 1) -> dict[str, Any]:
    """Return slow work with a private text."""
    prompt = slow_prompt(seed)
    prompt["1"]["inputs"]["text"] = SECRET
    return prompt


async def cause(client: Client, method: str, path: str, **how: Any) -> tuple[int, str]:
    """Return the status of a refusal and its cause."""
    status, answer = await client.ask(method, path, headers={"Origin": client.url}, **how)
    return status, answer["error"]["cause"] if isinstance(answer, dict) and "error" in answer else ""


async def test_queue_shows_others_work_only_as_positions(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    running = await alice.submit(secret_prompt(1))
    waiting = await alice.submit(secret_prompt(2))
    await until(lambda: studio.is_running(running))
    own = await bob.submit(slow_prompt(3))
    _, seen = await bob.get("/servers/a/queue")
    text = json.dumps(seen)
    assert SECRET not in text and running not in text and waiting not in text and alice.client_id not in text
    assert [len(seen["queue_running"]), len(seen["queue_pending"])] == [1, 2]
    assert [row[1] for row in seen["queue_pending"] if row[1] == own] == [own]
    _, hers = await alice.get("/servers/a/queue")
    assert [row[1] for row in hers["queue_running"]] == [running]
    assert hers["queue_running"][0][2]["1"]["inputs"]["text"] == SECRET


async def test_only_users_who_run_the_fleet_see_its_addresses(studio: Studio) -> None:
    carol, alice = await studio.log_in("carol"), await studio.log_in("alice")
    for client, sees_addresses in ((carol, True), (alice, False)):
        _, seen = await client.get("/fleet")
        assert "a" in json.dumps(seen["servers"])
        assert (studio.server_url in json.dumps(seen)) is sees_addresses, client.name


async def test_loads_count_others_under_random_ids(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    hers, his = await alice.submit(slow_prompt(1)), await bob.submit(slow_prompt(2))
    _, seen = await bob.get("/fleet/loads")
    listed = seen["servers"]["a"]["running"] + seen["servers"]["a"]["pending"]
    assert len(listed) == 2 and his in listed and hers not in listed
    assert listed == (await bob.get("/fleet/loads"))[1]["servers"]["a"]["running"] + seen["servers"]["a"]["pending"]


async def test_history_has_only_own_entries(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    hers, his = await alice.submit(), await bob.submit(picture_prompt(color=77))
    await alice.result(hers)
    await bob.result(his)
    _, seen = await bob.get("/servers/a/history")
    assert set(seen) == {his}
    assert await cause(bob, "GET", f"/servers/a/history/{hers}") == (403, "not-yours")
    assert (await bob.get(f"/servers/a/history/{uuid.uuid4()}")) == (200, {})


async def test_work_submitted_past_the_gateway_belongs_to_no_user(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    body = {"prompt": picture_prompt(), "client_id": "somebody", "prompt_id": str(uuid.uuid4())}
    await studio.direct("POST", "/prompt", json={**body, "extra_data": {"mooring": "forged"}})
    assert await cause(alice, "GET", f"/servers/a/history/{body['prompt_id']}") in {(403, "not-yours"), (200, "")}
    await until(lambda: studio.has_ended(body["prompt_id"]))
    assert await cause(alice, "GET", f"/servers/a/history/{body['prompt_id']}") == (403, "not-yours")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/queue", {"delete": ["ID"]}),
        ("/interrupt", {"prompt_id": "ID"}),
        ("/history", {"delete": ["ID"]}),
        ("/api/jobs/ID/cancel", {}),
    ],
)
async def test_others_work_cannot_be_changed(studio: Studio, path: str, body: dict[str, Any]) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    hers = await alice.submit(secret_prompt())
    await until(lambda: studio.is_running(hers))
    request = json.loads(json.dumps(body).replace("ID", hers))
    assert await cause(bob, "POST", f"/servers/a{path.replace('ID', hers)}", json=request) == (403, "not-yours")
    assert await studio.is_running(hers)


async def test_own_work_can_be_cancelled(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    first, second = await alice.submit(slow_prompt(1)), await alice.submit(slow_prompt(2))
    await until(lambda: studio.is_running(first))
    assert (await alice.post("/servers/a/queue", {"delete": [second]}))[0] == 200
    assert (await alice.post("/servers/a/interrupt", {"prompt_id": first}))[0] == 200
    await until(studio.is_idle)


async def test_prompt_id_is_accepted_once(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    hers = await alice.submit(slow_prompt())
    body = bob.body(slow_prompt(2), prompt_id=hers)
    assert (await bob.post("/servers/a/prompt", body))[0] == 409
    assert len(await studio.queued()) == 1


async def test_prompt_carries_no_usable_credentials(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    extra = {"mooring": "not mine to say", "extra_pnginfo": {"workflow": {"nodes": []}}}
    await alice.submit(slow_prompt(), extra_data=extra, number=-9, front=True, more="?")
    [[number, _, _, kept, _]] = await studio.queued()
    assert kept["client_id"] != alice.client_id and kept["mooring"] not in {"not mine to say", alice.name}
    assert kept["extra_pnginfo"] == extra["extra_pnginfo"]
    assert number >= 0


async def test_role_to_run_the_fleet_may_choose_the_queue_position(studio: Studio) -> None:
    carol = await studio.log_in("carol")
    await carol.submit(slow_prompt(), number=-9)
    [[number, *_]] = await studio.queued()
    assert number == -9


async def test_picture_needs_its_own_seal(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    file = await alice.made(await alice.submit())
    bare = {key: file[key] for key in ("filename", "subfolder", "type")}
    path = "/servers/a/view"
    assert (await alice.get(path, params={**bare, "seal": file["seal"]}))[0] == 200
    for forged in ("", "alice~9999999999~-~" + "0" * 64, file["seal"].replace("alice", "bob"), file["seal"][:-1]):
        assert await cause(alice, "GET", path, params={**bare, "seal": forged}) == (403, "not-yours"), forged
    other = {**bare, "filename": "made_00002_.png"}
    assert await cause(alice, "GET", path, params={**other, "seal": file["seal"]}) == (403, "not-yours")
    assert (await bob.get(path, params=bare))[0] == 403
    stranger = await studio.open_client()
    assert await cause(stranger, "GET", path, params={**bare, "seal": file["seal"]}) == (401, "not-logged-in")


async def test_shared_picture_address_opens_for_other_users(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    file = await alice.made(await alice.submit())
    assert (await bob.get("/servers/a/view", params=file))[0] == 200


async def test_replaced_file_is_not_shown(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    prompt_id = await alice.submit()
    file = await alice.made(prompt_id)
    path = next(studio.data.rglob(file["filename"]))
    path.write_bytes(small_png(200))
    assert await cause(alice, "GET", "/servers/a/view", params=file) == (410, "picture-changed")


async def test_picture_in_a_folder_of_a_windows_server_is_its_users() -> None:
    async with open_studio(PLAIN, "--paths", "windows") as studio:
        alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
        prompt = picture_prompt()
        prompt["2"]["inputs"]["filename_prefix"] = "a/b/made"
        file = await alice.made(await alice.submit(prompt))
        assert file["subfolder"] == "a\\b"
        address, path = {key: file[key] for key in ("filename", "subfolder", "type", "seal")}, "/servers/a/view"
        assert (await alice.get(path, params=address))[0] == 200
        for name in (file["filename"], f"a\\b\\{file['filename']}"):
            other = {**address, "filename": name, "subfolder": ""}
            assert await cause(alice, "GET", path, params=other) == (403, "not-yours")
        naming = load_prompt(f"a\\b/{file['filename']} [output]")
        assert (await alice.made(await alice.submit(naming)))["filename"] == "read_00001_.png"
        assert (await bob.post("/servers/a/prompt", bob.body(naming)))[0] == 403


async def test_picture_with_a_backslash_in_its_name_is_its_users(studio: Studio) -> None:
    """Elsewhere than on Windows, a prefix by an author there makes no folder."""
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    prompt = picture_prompt()
    prompt["2"]["inputs"]["filename_prefix"] = "a\\made"
    file = await alice.made(await alice.submit(prompt))
    assert (file["filename"], file["subfolder"]) == ("a\\made_00001_.png", "")
    assert (await alice.get("/servers/a/view", params=file))[0] == 200
    naming = load_prompt(f"{file['filename']} [output]")
    assert (await alice.made(await alice.submit(naming)))["filename"] == "read_00001_.png"
    assert (await bob.post("/servers/a/prompt", bob.body(naming)))[0] == 403


async def test_reused_file_name_is_not_sealed(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    prompt_id = await alice.submit()
    file = await alice.made(prompt_id)
    path = next(studio.data.rglob(file["filename"]))
    later = path.stat().st_mtime + 60
    path.write_bytes(small_png(200))
    import os

    os.utime(path, (later, later))
    renewed = await alice.made(prompt_id)
    assert await cause(alice, "GET", "/servers/a/view", params=renewed) == (410, "picture-changed")


async def test_upload_goes_into_the_users_own_folder(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    said = {"type": "output", "subfolder": "mooring-people/bob", "overwrite": "true"}
    status, answer = await alice.upload("tide.png", small_png(1), **said)
    assert status == 200
    assert (answer["subfolder"], answer["type"], answer["name"]) == ("mooring-people/alice", "input", "tide.png")
    _, second = await alice.upload("tide.png", small_png(2), overwrite="true")
    assert second["name"] != "tide.png"
    assert (await alice.get("/servers/a/view", params=view_query(answer))) == (200, small_png(1))
    mine = f"{answer['subfolder']}/{answer['name']}"
    assert "images" in str((await alice.result(await alice.submit(load_prompt(mine))))["outputs"])
    found = await cause(bob, "POST", "/servers/a/prompt", json=bob.body(load_prompt(mine)))
    assert found == (403, "not-yours")


@pytest.mark.parametrize("name", ["näme 日本 #?%.png", "with space.png", "quote'd.png"])
async def test_names_of_uploads_are_kept(studio: Studio, name: str) -> None:
    alice = await studio.log_in("alice")
    _, answer = await alice.upload(name, small_png(3))
    assert answer["name"] == name
    assert (await alice.get("/servers/a/view", params=view_query(answer))) == (200, small_png(3))


@pytest.mark.parametrize("name", ["../x.png", "a/b.png", "..", "a\\b.png"])
async def test_upload_with_a_path_as_its_name_is_refused(studio: Studio, name: str) -> None:
    alice = await studio.log_in("alice")
    status, answer = await alice.upload(name, small_png(3))
    assert (status, answer["error"]["cause"]) == (400, "refused-body")


FOREIGN = [
    "mooring-people/bob/tide.png",
    "mooring-people/bob/tide.png [input]",
    "mooring-people/alice/../bob/tide.png",
    "./mooring-people/bob/tide.png",
    "MOORING-PEOPLE/bob/tide.png",
    "mooring-people\\bob\\tide.png",
    "x/../mooring-people/bob/tide.png",
    "mooring-people//bob/tide.png",
    "tide.png",
    "example.png",
    "../output/made_00001_.png",
    "made_00001_.png [output]",
    "made_00001_.png[temp]",
    ["1", 0],
    {"nested": "mooring-people/bob/tide.png"},
]


@pytest.mark.parametrize("image", FOREIGN, ids=str)
async def test_prompt_with_another_users_file_is_refused(studio: Studio, image: object) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    await bob.upload("tide.png", small_png(4))
    await bob.made(await bob.submit())
    body = alice.body(load_prompt(image))
    assert await cause(alice, "POST", "/servers/a/prompt", json=body) == (403, "not-yours")
    assert await studio.queued() == []


async def test_path_in_another_input_is_refused(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    prompt = slow_prompt()
    prompt["1"]["inputs"]["text"] = "/srv/ComfyUI/input/mooring-people/bob/tide.png"
    assert await cause(alice, "POST", "/servers/a/prompt", json=alice.body(prompt)) == (403, "not-yours")


async def test_own_picture_may_be_an_input(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    file = await alice.made(await alice.submit())
    value = f"{file['filename']} [output]"
    await alice.result(await alice.submit(load_prompt(value)))
    assert await cause(bob, "POST", "/servers/a/prompt", json=bob.body(load_prompt(value))) == (403, "not-yours")


async def has(client: Client, **named: str) -> int:
    """Return the status of a HEAD request for a file."""
    return (await client.ask("HEAD", "/servers/a/view", params=named, headers={"Origin": client.url}))[0]


async def test_only_own_files_are_reported_as_present(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    _, answer = await alice.upload("tide.png", small_png(4))
    put = {"filename": answer["name"], "subfolder": answer["subfolder"], "type": "input"}
    assert (await has(alice, **put), await has(bob, **put)) == (200, 204)
    assert await has(alice, **{**put, "filename": "gone.png"}) == 204
    assert await has(alice, **put, seal=answer["seal"]) == 200
    assert await has(alice, **{**put, "filename": "gone.png"}, seal=answer["seal"]) == 403
    file = await alice.made(await alice.submit())
    made = {key: file[key] for key in ("filename", "subfolder", "type")}
    assert (await has(alice, **made), await has(bob, **made)) == (200, 204)


@pytest.mark.parametrize("name", ["root.png [input]", "shared/root.png", "..", "a\\b.png", ""])
async def test_head_of_a_file_needs_a_plain_name(studio: Studio, name: str) -> None:
    alice = await studio.log_in("alice")
    await studio.direct("POST", "/upload/image", data=_form("root.png"))
    assert await has(alice, filename=name, subfolder="shared", type="input") in {204, 400}


async def test_head_of_a_file_at_the_root_is_refused(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    await studio.direct("POST", "/upload/image", data=_form("root.png"))
    assert await has(alice, filename="root.png", type="input") == 204
    assert await has(alice, filename="root.png", subfolder="shared/..", type="input") == 400
    assert await has(alice, filename="root.png", type="input", preview="webp") == 400


@pytest.mark.parametrize("key", ["filename", "file%6eame"])
async def test_doubled_key_shows_no_file_of_another_user(studio: Studio, key: str) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    (_, hers), (_, his) = await alice.upload("tide.png", small_png(4)), await bob.upload("own.png", small_png(5))
    own = f"filename={his['name']}&subfolder={his['subfolder']}&type=input"
    assert (await bob.ask("HEAD", f"/servers/a/view?{own}"))[0] == 200
    both = f"{key}={hers['name']}&subfolder={hers['subfolder']}&{own}"
    async with bob.http.head(URL(f"{bob.url}/servers/a/view?{both}", encoded=True)) as reply:
        assert (reply.status, reply.headers.get("X-Mooring-Gateway")) == (400, "bad-request; sent=no")


@pytest.mark.parametrize("asked", [{"preview": "webp;90"}, {"channel": "rgb"}])
async def test_server_converts_no_picture_for_a_user(studio: Studio, asked: dict[str, str]) -> None:
    alice = await studio.log_in("alice")
    _, uploaded = await alice.upload("tide.png", small_png(4))
    assert (await alice.get("/servers/a/view", params=view_query(uploaded)))[0] == 200
    status, _ = await alice.get("/servers/a/view", params={**view_query(uploaded), **asked})
    assert status == 400


async def test_file_choices_are_the_users_own(studio: Studio) -> None:
    alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
    await bob.upload("tide.png", small_png(5))
    await studio.direct("POST", "/upload/image", data=_form("root.png"))
    for path in ("/servers/a/object_info", "/servers/a/object_info/LoadImage"):
        _, nodes = await alice.get(path)
        assert nodes["LoadImage"]["input"]["required"]["image"][0] == []
    _, known = await alice.get("/fleet/catalogue/a")
    status, content = await alice.get(f"/catalogues/{known['files']}")
    assert status == 200 and b"root.png" not in content and b"tide.png" not in content
    assert (await alice.get("/servers/a/internal/files/output")) == (200, [])


@pytest.mark.parametrize("path", ["/userdata?dir=workflows", "/userdata/workflows%2Fa.json"])
async def test_requests_that_affect_other_users_are_refused(studio: Studio, path: str) -> None:
    alice = await studio.log_in("alice")
    assert await cause(alice, "GET", f"/servers/a{path}") == (403, "not-allowed")


async def test_command_line_of_a_server_is_hidden(studio: Studio) -> None:
    alice = await studio.log_in("alice")
    _, stats = await alice.get("/servers/a/system_stats")
    assert "argv" not in stats["system"] and stats["devices"]


async def test_jobs_api_has_only_own_jobs(shared_demo: SharedDemo) -> None:
    async with open_studio(Rules(), demo=shared_demo) as studio:
        alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
        hers = await alice.submit(secret_prompt())
        _, listed = await bob.get("/servers/a/api/jobs?limit=9")
        assert hers not in json.dumps(listed) and SECRET not in json.dumps(listed)
        assert await cause(bob, "GET", f"/servers/a/api/jobs/{hers}") == (403, "not-yours")
        assert await cause(bob, "POST", f"/servers/a/api/jobs/{hers}/cancel", json={}) == (403, "not-yours")
        _, own = await alice.get(f"/servers/a/api/jobs/{hers}")
        assert own["id"] == hers
        assert (await alice.post(f"/servers/a/api/jobs/{hers}/cancel", {}))[0] == 200
        await until(studio.is_idle)


async def test_denied_nodes_never_reach_a_server(shared_demo: SharedDemo) -> None:
    async with open_studio(Rules(deny_nodes=("Empty*",)), demo=shared_demo) as studio:
        alice = await studio.log_in("alice")
        status, answer = await alice.post("/servers/a/prompt", alice.body())
        assert (status, answer["error"]["cause"]) == (403, "denied-node")
        assert "EmptyImage" in answer["error"]["message"] and await studio.queued() == []
        await alice.submit(slow_prompt())


def old_prompt(class_type: str = "OldInvert") -> dict[str, Any]:
    """A prompt with a class that a newer server replaces, or does not have."""
    prompt = picture_prompt()
    prompt["3"] = {"class_type": class_type, "inputs": {"picture": ["1", 0]}, "_meta": {"title": "Old"}}
    prompt["2"]["inputs"]["images"] = ["3", 0]
    return prompt


@pytest.mark.parametrize("denied", ["ImageInvert", "OldInvert", "Image*"])
async def test_denied_nodes_run_under_no_other_name(shared_demo: SharedDemo, denied: str) -> None:
    async with open_studio(Rules(deny_nodes=(denied,)), demo=shared_demo) as studio:
        alice = await studio.log_in("alice")
        for class_type in ("OldInvert", "ImageInvert"):
            found = await cause(alice, "POST", "/servers/a/prompt", json=alice.body(old_prompt(class_type)))
            assert found == (403, "denied-node")
        assert await studio.queued() == [] and await studio.direct("GET", "/history") == {}


async def test_unknown_node_is_refused_where_some_are_denied(shared_demo: SharedDemo) -> None:
    async with open_studio(Rules(deny_nodes=("ImageBlur",)), demo=shared_demo) as studio:
        alice = await studio.log_in("alice")
        found = await cause(alice, "POST", "/servers/a/prompt", json=alice.body(old_prompt("Strange")))
        assert found == (403, "denied-node")
        await alice.made(await alice.submit(old_prompt()))


async def test_unknown_node_is_refused_on_a_server_without_replacements() -> None:
    async with open_studio(Rules(deny_nodes=("ImageBlur",)), "--speaks", OLDEST) as studio:
        alice = await studio.log_in("alice")
        found = await cause(alice, "POST", "/servers/a/prompt", json=alice.body(old_prompt()))
        assert found == (403, "denied-node")
        await alice.made(await alice.submit())


async def test_prompts_per_user_are_limited(shared_demo: SharedDemo) -> None:
    async with open_studio(Rules(max_pending_per_user=2), demo=shared_demo) as studio:
        alice, bob = await studio.log_in("alice"), await studio.log_in("bob")
        bodies = [alice.body(slow_prompt(seed), extra_data=ALL_AT_ONCE) for seed in range(6)]
        answers = await asyncio.gather(*(alice.post("/servers/a/prompt", body) for body in bodies))
        assert sorted(status for status, _ in answers) == [200, 200, 429, 429, 429, 429]
        await bob.submit(slow_prompt(9))
        assert len(await studio.queued()) == 3


async def own_and_others(client: Client) -> tuple[int, int]:
    """How many prompts in the queue are shown to a user as theirs, and how many as another's."""
    load = (await client.get("/fleet/loads"))[1]["servers"]["a"]
    others = [prompt_id.startswith(OTHER) for prompt_id in (*load["running"], *load["pending"])]
    return others.count(False), others.count(True)


async def test_user_has_two_prompts_ahead_over_all_browsers(studio: Studio) -> None:
    """B waits for at most two of A's, however many windows and browsers A uses."""
    alice, second, bob = [await studio.log_in(name) for name in ("alice", "alice", "bob")]
    prompts = [(client, client.body(slow_prompt(seed))) for seed, client in enumerate((alice, second, alice, second))]
    answers = await asyncio.gather(*(client.post("/servers/a/prompt", body) for client, body in prompts))
    assert sorted(status for status, _ in answers) == [200, 200, 429, 429]
    refused = [(client, body) for (client, body), (status, _) in zip(prompts, answers, strict=True) if status == 429]
    client, body = refused[0]
    assert await cause(client, "POST", "/servers/a/prompt", json=body) == (429, "not-your-turn")
    await bob.submit(slow_prompt(9), extra_data={})
    assert await own_and_others(bob) == (1, 2)
    await second.submit(slow_prompt(10))  # *Send all now*
    assert await own_and_others(alice) == (3, 1)
    await studio.direct("POST", "/queue", json={"clear": True})
    await studio.direct("POST", "/interrupt", json={})
    await until(studio.is_idle)
    assert (await client.post("/servers/a/prompt", body))[0] == 200, "the refused one is sent when its turn comes"


async def test_users_may_be_limited_to_published_workflows(shared_demo: SharedDemo, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps({"title": "One", "workflow": picture_prompt()}))
    async with open_studio(Rules(only_published=True), workflows=tmp_path, demo=shared_demo) as studio:
        alice, carol = await studio.log_in("alice"), await studio.log_in("carol")
        await alice.submit(picture_prompt(color=3, width=128))
        links = (["1", 0], ["1", False], ["1", 0.0], {"__value__": ["1", False]})
        others = [picture_prompt(more=link) for link in links]
        for prompt in (slow_prompt(), *others):
            found = await cause(alice, "POST", "/servers/a/prompt", json=alice.body(prompt))
            assert found == (403, "not-allowed")
        await carol.submit(slow_prompt())
        (tmp_path / "two.json").write_text(json.dumps({"nodes": [{"type": "DemoSampler"}, {"type": "SaveImage"}]}))
        await alice.submit(slow_prompt(2))


async def test_saved_workflows_are_readable_if_shared(shared_demo: SharedDemo) -> None:
    async with open_studio(Rules(share_workflows=True), demo=shared_demo) as studio:
        alice = await studio.log_in("alice")
        assert (await alice.get("/servers/a/userdata?dir=workflows"))[0] in {200, 404}


def _form(name: str) -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field("image", small_png(9), filename=name)
    return form


async def test_models_are_the_same_for_all_users(studio: Studio) -> None:
    bob = await studio.log_in("bob")
    _, listing = await bob.get("/servers/a/experiment/models/loras")
    names = [item["name"] for item in listing]
    assert "styles/ink-wash.safetensors" in names
    preview = "/servers/a/experiment/models/preview/loras/0/"
    status, picture = await bob.get(f"{preview}styles%2Fink-wash.safetensors")
    assert status == 200 and picture.startswith(b"RIFF")
    assert (await bob.get(f"{preview}film-grain.safetensors"))[0] == 200
    assert (await bob.get(f"{preview}characters%2Flighthouse-keeper.safetensors"))[0] == 204
    status, metadata = await bob.get("/servers/a/view_metadata/loras?filename=styles%2Fink-wash.safetensors")
    assert (status, metadata["modelspec.trigger_phrase"]) == (200, "ink wash painting")
    assert (await bob.get("/servers/a/view_metadata/loras?filename=film-grain.safetensors"))[0] == 204
    assert (await bob.get("/servers/a/experiment/models"))[0] == 404


async def test_picture_without_a_listed_model_is_hidden() -> None:
    """ComfyUI shows the picture `made_00001_.png` of another user under the name of a model that is not there."""
    asked: list[str] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        if request.path == "/experiment/models/loras":
            return web.json_response([{"name": "ours/a.safetensors", "pathIndex": 1, "size": 9}])
        return web.Response(body=b"RIFF", content_type="image/webp")

    async with serve(answer) as upstream, open_studio(server=upstream.url) as studio:
        bob = await studio.log_in("bob")
        preview = "/servers/a/experiment/models/preview/loras/"
        for name in ("1/made_00001_.safetensors", "0/ours%2Fa.safetensors", "1/a.safetensors"):
            assert (await bob.get(f"{preview}{name}"))[0] == 204
        assert asked == ["/experiment/models/loras"], "the list is read once"
        assert (await bob.get(f"{preview}1/ours%2Fa.safetensors"))[0] == 200


async def test_number_of_kept_lists_of_models_is_bounded() -> None:
    """A user may name any folder, and each list stayed for as long as the gateway ran."""
    asked: list[str] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        return web.json_response([])

    async with serve(answer) as upstream, open_studio(server=upstream.url) as studio:
        bob = await studio.log_in("bob")
        folders = ["loras", *(f"x{number}" for number in range(MOST_LISTS)), "loras"]
        for folder in folders:
            assert (await bob.get(f"/servers/a/experiment/models/preview/{folder}/0/a.safetensors"))[0] == 204
        assert asked == [f"/experiment/models/{folder}" for folder in folders]


async def test_prompt_in_a_models_metadata_is_left_out() -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"prompt": "{}", "workflow": "{}", "modelspec.title": "Ours"})

    async with serve(answer) as upstream, open_studio(server=upstream.url) as studio:
        bob = await studio.log_in("bob")
        found = await bob.get("/servers/a/view_metadata/loras?filename=ours.safetensors")
        assert found == (200, {"modelspec.title": "Ours"})
