"""The files for deployment: valid, consistent with each other, and with flags that the gateway has.

The schemas of Kubernetes and Compose come as packages (`kubernetes-validate`, `compose-spec`), hadolint as a wheel;
systemd checks its unit where it is installed. No package has a schema for Kustomize, so a test has a strict shape.
"""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import compose_spec
import kubernetes_validate
import pytest
import yaml

from gateway.flags import Flags, read_flags
from gateway.fleet.file import read_fleet
from gateway.fleet.fleet import Fleet
from gateway.http.deadlines import Deadlines
from gateway.page.tree import PageTree

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "docs" / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
VERSIONS = ("1.32", "1.37")  # the oldest and the newest supported
PORT = 8200
COMFYUI = 8188


def documents() -> list[dict[str, Any]]:
    """Return all manifests, as kustomize lists them."""
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text("utf-8"))["resources"]
    return [one for name in listed for one in yaml.safe_load_all((KUBERNETES / name).read_text("utf-8"))]


def manifest(kind: str, name: str) -> dict[str, Any]:
    (found,) = (one for one in documents() if (one["kind"], one["metadata"]["name"]) == (kind, name))
    return found


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    return found


def flags_of(words: list[str], folder: Path) -> Flags:
    """Parse a container's command line as the gateway does; the files that it names are in a folder."""
    moved = []
    for word in words:
        name, _, path = word.partition("=")
        if path.startswith("/"):
            path = str(folder / Path(path).name)
            Path(path).touch()
        moved.append(f"{name}={path}" if path else name)
    return read_flags(moved)


def fleet_of(text: str, folder: Path) -> Fleet:
    path = folder / "fleet.toml"
    path.write_text(text, "utf-8")
    return read_fleet(path)


# Kubernetes


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("index", range(len(documents())))
def test_each_manifest_matches_the_kubernetes_schema(index: int, version: str) -> None:
    kubernetes_validate.validate(documents()[index], version, strict=True)


def test_kubernetes_schema_is_strict() -> None:
    wrong = manifest("Service", "mooring")
    wrong["spec"]["slector"] = wrong["spec"].pop("selector")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_kustomize_lists_every_file_and_every_image() -> None:
    found = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text("utf-8"))
    assert found.keys() == {"apiVersion", "kind", "resources", "images"}
    assert (found["apiVersion"], found["kind"]) == ("kustomize.config.k8s.io/v1beta1", "Kustomization")
    assert sorted(found["resources"]) == sorted({path.name for path in KUBERNETES.iterdir()} - {"kustomization.yaml"})
    pods = [manifest("Deployment", "mooring"), manifest("StatefulSet", "comfyui")]
    images = {box["image"] for one in pods for box in boxes(one)}
    assert images == {image["name"] for image in found["images"]}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")
def test_kubectl_renders_every_listed_manifest() -> None:
    words = ["kubectl", "kustomize", str(KUBERNETES)]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    rendered = sorted((one["kind"], one["metadata"]["name"]) for one in yaml.safe_load_all(result.stdout))
    assert rendered == sorted((one["kind"], one["metadata"]["name"]) for one in documents())


def boxes(workload: dict[str, Any]) -> list[dict[str, Any]]:
    pod = workload["spec"]["template"]["spec"]
    return [*pod.get("initContainers", []), *pod["containers"]]


def test_manifests_have_no_namespace_and_no_secret() -> None:
    for one in documents():
        assert "namespace" not in one["metadata"]
        assert one["kind"] != "Secret", "a secret is referred to"


def test_two_gateways_run_with_existing_flags_and_nothing_writable(tmp_path: Path) -> None:
    deployment = manifest("Deployment", "mooring")
    assert deployment["spec"]["replicas"] == 2
    (gateway,) = deployment["spec"]["template"]["spec"]["containers"]
    flags = flags_of(gateway["args"], tmp_path)
    assert (flags.host, flags.port) == ("0.0.0.0", PORT)
    assert flags.users and flags.key and flags.tls_cert and flags.fleet and not flags.insecure
    for box in boxes(deployment):
        confined = box["securityContext"]
        assert confined["readOnlyRootFilesystem"] and not confined["allowPrivilegeEscalation"]
        assert confined["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in box["resources"]["limits"] and "cpu" in box["resources"]["requests"]
    assert deployment["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
    mounted = {mount["mountPath"] for mount in gateway["volumeMounts"]}
    named = {str(Path(word.partition("=")[2]).parent) for word in gateway["args"] if "=/" in word}
    assert named <= mounted, "each file that a flag names is in a volume"
    volumes = {volume["name"] for volume in deployment["spec"]["template"]["spec"]["volumes"]}
    assert {mount["name"] for box in boxes(deployment) for mount in box["volumeMounts"]} == volumes


def test_grace_period_covers_the_shutdown() -> None:
    pod = manifest("Deployment", "mooring")["spec"]["template"]["spec"]
    _, waits = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    deadlines = Deadlines()
    ending = deadlines.shutdown + deadlines.browser_close + deadlines.upstream_close
    assert pod["terminationGracePeriodSeconds"] > int(waits) + 2 * ending


def test_probes_use_routes_of_the_gateway() -> None:
    (gateway,) = manifest("Deployment", "mooring")["spec"]["template"]["spec"]["containers"]
    probes = {kind: gateway[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert {kind: probe["path"] for kind, probe in probes.items()} == {
        "startup": "/healthz",
        "liveness": "/healthz",
        "readiness": "/readyz",
    }
    assert {(probe["port"], probe["scheme"]) for probe in probes.values()} == {("https", "HTTPS")}
    assert gateway["ports"] == [{"name": "https", "containerPort": PORT}]
    assert manifest("Service", "mooring")["spec"]["ports"][0]["targetPort"] == "https"


def test_discovery_looks_up_the_headless_service(tmp_path: Path) -> None:
    service = manifest("Service", "comfyui")
    assert service["spec"]["clusterIP"] == "None"
    fleet = fleet_of(manifest("ConfigMap", "mooring-fleet")["data"]["fleet.toml"], tmp_path)
    (found,) = fleet.discover
    assert (found.name, found.port, found.is_minted) == ("comfyui", service["spec"]["ports"][0]["port"], True)
    assert fleet.warnings == ()
    every = manifest("Service", "comfyui-all")
    assert found.leaving == ("comfyui-all", found.port)
    assert {**service["spec"], "publishNotReadyAddresses": True} == every["spec"], "those that end are in it too"
    pods = manifest("StatefulSet", "comfyui")
    assert pods["spec"]["serviceName"] == "comfyui"
    assert service["spec"]["selector"] == pods["spec"]["template"]["metadata"]["labels"]
    folders, comfyui = boxes(pods)
    given = dict(zip(comfyui["args"][::2], comfyui["args"][1::2], strict=True))
    assert folders["command"][2:] == [given["--user-directory"], given["--output-directory"]], (
        "ComfyUI wants them there"
    )
    assert folders["volumeMounts"] == comfyui["volumeMounts"]
    claims = {claim["metadata"]["name"] for claim in pods["spec"]["volumeClaimTemplates"]}
    assert {mount["name"] for mount in comfyui["volumeMounts"]} <= claims, "each pod keeps its id on a disk of its own"
    code = comfyui["lifecycle"]["preStop"]["exec"]["command"][2]
    compile(code, "preStop", "exec")
    waits, fetching = re.findall(r"^time\.sleep\((\d+)\)$", code, re.MULTILINE)
    assert int(waits) > Deadlines().dns_most, "each gateway has heard by then that it is named no more"
    assert code.rstrip().endswith(f"time.sleep({fetching})"), "a result is fetched once its work has ended"
    assert pods["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > 10 * int(waits)
    assert pods["spec"]["template"]["spec"]["shareProcessNamespace"] is True, "process 1 ignores SIGTERM"


def test_only_gateways_reach_a_comfyui() -> None:
    policy = manifest("NetworkPolicy", "comfyui")["spec"]
    assert policy["podSelector"]["matchLabels"] == manifest("Service", "comfyui")["spec"]["selector"]
    (rule,) = policy["ingress"]
    gateways = manifest("Deployment", "mooring")["spec"]["template"]["metadata"]["labels"]
    assert rule["from"] == [{"podSelector": {"matchLabels": gateways}}]
    assert rule["ports"] == [{"protocol": "TCP", "port": COMFYUI}]
    assert "Egress" in manifest("NetworkPolicy", "mooring")["spec"]["policyTypes"]


def test_disruption_budget_keeps_one_gateway() -> None:
    budget = manifest("PodDisruptionBudget", "mooring")["spec"]
    assert budget["minAvailable"] == 1
    assert budget["selector"] == manifest("Deployment", "mooring")["spec"]["selector"]


# Compose


def check_compose(found: dict[str, Any]) -> None:
    text = json.dumps(found).replace("${COMFYUI_IMAGE:?name the image of your ComfyUI}", "comfyui")
    compose_spec.PyCompose.from_json(text).validate()


def test_compose_file_matches_its_specification() -> None:
    check_compose(compose())


@pytest.mark.parametrize("key", ["readonly", "secrets"])
def test_compose_specification_is_strict(key: str) -> None:
    found = compose()
    found["services"]["mooring"][key] = ["not-there"]
    with pytest.raises(ValueError, match=r"not-there|readonly"):
        check_compose(found)


def test_compose_gateway_is_confined_with_its_servers_behind_it(tmp_path: Path) -> None:
    services = compose()["services"]
    gateway = services["mooring"]
    flags = flags_of(gateway["command"], tmp_path)
    assert flags.users and flags.key and flags.tls_cert and not flags.insecure
    assert gateway["read_only"] and gateway["cap_drop"] == ["ALL"]
    named = {str(Path(word.partition("=")[2]).parent) for word in gateway["command"] if "=/" in word}
    mounted = [volume.split(":") for volume in gateway["volumes"]]
    assert named == {inside for _, inside, _ in mounted}, "each file that a flag names is in a folder that is mounted"
    assert {here for here, _, mode in mounted if mode != "ro"} == {"./sessions"}, "log-outs are all that it writes"
    assert all(here in {"./secrets", "./sessions"} or (ROOT / here).is_dir() for here, _, _ in mounted)
    assert "secrets" not in compose() and "secrets" not in gateway, "a mounted file never changes"
    asked = gateway["healthcheck"]["test"]
    assert asked[0] == "CMD" and f"https://127.0.0.1:{PORT}/healthz" in asked[-1]
    compile(asked[-1], "healthcheck", "exec")
    fleet = read_fleet(DEPLOY / "compose" / "fleet.toml")
    assert {server.address for server in fleet.servers} == {
        f"http://{name}:{COMFYUI}" for name in services if name != "mooring"
    }
    for name in services.keys() - {"mooring"}:
        assert services[name]["networks"] == ["servers"] and "ports" not in services[name]
    assert compose()["networks"]["servers"] == {"internal": True}
    users = [volume for name in services for volume in services[name]["volumes"] if volume.endswith("/user")]
    assert len(set(users)) == len(users) == 2, "each ComfyUI has a user folder of its own"


# The image


def is_taken(path: str) -> bool:
    """Whether `.dockerignore` lets a path into the image: the last matching line decides."""
    taken = True
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern = line.lstrip("!").removeprefix("**/")
            is_inside = path == pattern or path.startswith(f"{pattern}/") or line == "*"
            if is_inside or (line.startswith("**/") and fnmatch.fnmatch(f"/{path}/", f"*/{pattern}/*")):
                taken = line.startswith("!")
    return taken


def test_image_has_all_files_of_page_and_gateway(tmp_path: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    for name in filter(None, listed):
        if is_taken(name):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tmp_path / name)
    assert not (tmp_path / "tests").exists() and not (tmp_path / ".git").exists()
    made, here = (PageTree(root).current().build.files for root in (tmp_path, ROOT))
    of_set_up = {path for path in here if path.startswith("static/vendor/")}  # set-up makes these in the image
    assert made.keys() == here.keys() - of_set_up
    assert {path for path in made if made[path] != here[path]} <= {"static/page.css"}, "it holds styles of set-up's"
    result = subprocess.run(
        [sys.executable, "-m", "gateway", "check", "--help"], cwd=tmp_path, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_image_has_all_that_its_steps_name() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert set(re.findall(r"-r (\S+\.txt)", text)) == {"requirements-build.txt", "requirements.txt"}
    for name in ("requirements-build.txt", "hatch_build.py", "pyproject.toml", "README.md", "docs/install.md"):
        assert (ROOT / name).exists() and is_taken(name)


def test_image_runs_unprivileged_with_existing_flags(tmp_path: Path) -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["${BASE}"] * 2
    assert re.findall(r"^ARG BASE=(\S+)", text, re.MULTILINE) == ["python:3.13-slim"], "official, no registry named"
    final = text.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (.+)$", final, re.MULTILINE) == ["10001:10001"]
    flags = flags_of(_joined(json.loads(re.findall(r"^CMD (\[.+\])$", final, re.MULTILINE)[0])), tmp_path)
    assert flags.host == "0.0.0.0"
    assert f"EXPOSE {PORT}" in final and "HEALTHCHECK" in final
    assert not re.search(r"^(ARG|ENV) .*(TOKEN|SECRET|PASSWORD|KEY)", text, re.MULTILINE | re.IGNORECASE)


def _joined(words: list[str]) -> list[str]:
    """Join `--flag value` as `--flag=value`."""
    return [f"{name}={value}" for name, value in zip(words[::2], words[1::2], strict=True)]


@pytest.mark.skipif(
    shutil.which("hadolint", path=Path(sys.executable).parent) is None, reason="no hadolint for this machine"
)
def test_dockerfile_is_linted() -> None:
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent)
    assert hadolint is not None
    result = subprocess.run(
        [hadolint, "--no-color", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (0, "")


# systemd


def unit(folder: Path) -> Path:
    """Return the unit, with an existing program."""
    text = (DEPLOY / "mooring.service").read_text("utf-8")
    path = folder / "mooring.service"
    path.write_text(text.replace("ExecStart=/srv/mooring/.venv/bin/python", f"ExecStart={sys.executable}"), "utf-8")
    return path


def test_unit_runs_with_existing_flags(tmp_path: Path) -> None:
    text = (
        (DEPLOY / "mooring.service").read_text("utf-8").replace("\\\n", " ").replace("${CREDENTIALS_DIRECTORY}", "/c")
    )
    (command,) = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
    words = [word for word in shlex.split(command)[3:] if word != "--json-logs"]
    flags = flags_of(_joined(words), tmp_path)
    assert flags.users and flags.key and flags.tls_key and not flags.insecure


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_accepts_the_unit_and_finds_it_confined(tmp_path: Path) -> None:
    path = unit(tmp_path)
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    exposed = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert exposed.returncode == 0, exposed.stdout
