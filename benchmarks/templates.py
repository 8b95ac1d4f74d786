"""How ComfyUI's own workflow templates are shown and judged.

    python3 -m benchmarks templates                                             # by the recorded catalogue of 0.30.0
    python3 -m benchmarks templates --server http://127.0.0.1:8188 --base-directory DIR

For each template whose nodes the catalogue knows: whether two inputs on top have one label, whether the inputs of the
editor's app mode are on top, and whether the inputs that subgraphs show have their authors' labels.

With a server, its own validation of each template against Mooring's verdict: without the files that templates name,
and with empty ones in their place, which are put into the server's base directory and removed again. A server accepts a
prompt if it reports no error of any node. A *false lack* is a template that Mooring says it cannot run, and the server
accepts; a *false run* is the opposite. Each prompt is taken back once the server has answered. Use a server that runs
nothing else.
"""

from __future__ import annotations

import argparse
import json
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from app.core.server_file import ServerFile
from app.core.workflow import ApiWorkflow
from app.workflows.catalogue import Catalogue
from app.workflows.editor.conversion import Conversion, Converter
from app.workflows.editor.hints import hints_of
from app.workflows.editor.nodes import VIRTUAL
from app.workflows.editor.problems import CannotConvert
from app.workflows.forms.arrangement import Layout, arrange
from app.workflows.forms.building import build_form
from app.workflows.forms.form import Form
from app.workflows.needs import ValueKind, check, unlisted_files
from app.workflows.replacements import read_replacements
from benchmarks.kit.report import Load, show, table
from tests import recordings
from tests.oracle.editor_site import package_files
from wire.versions import checks_new_choices

Graph = dict[str, Any]


def templates(classes: set[str]) -> dict[str, Graph]:
    """Return the templates that have only nodes of these classes, subgraphs included."""
    found = {}
    for path in sorted(package_files("comfyui_workflow_templates_json", "templates").glob("*.json")):
        graph = json.loads(path.read_text("utf-8"))
        if isinstance(graph, dict) and "nodes" in graph and _classes(graph) <= classes | VIRTUAL:
            found[path.stem] = graph
    return found


def _classes(graph: Graph) -> set[str]:
    graphs = [graph]
    for one in graphs:  # grows in the loop
        graphs += one.get("definitions", {}).get("subgraphs", [])
    return {node["type"] for one in graphs for node in one["nodes"]} - {one["id"] for one in graphs[1:]}


class Templates:
    """The templates as one catalogue converts them."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.refused: dict[str, str] = {}
        self.forms: dict[str, Form] = {}
        self.sources = templates(set(catalogue.names))
        converter = Converter(catalogue)
        for name, graph in self.sources.items():
            try:
                self.forms[name] = self._form(converter.convert(graph))
            except CannotConvert as error:
                self.refused[name] = f"{error.name}: {error.detail}"

    def _form(self, conversion: Conversion) -> Form:
        return build_form(conversion.workflow, self.catalogue, hints_of(conversion))

    def figures(self) -> Counter[str]:
        """Count what forms show."""
        found: Counter[str] = Counter(templates=len(self.sources), forms=len(self.forms))
        for name, form in self.forms.items():
            arranged = arrange(form, Layout())
            labels = Counter((item.label.casefold(), item.about.casefold()) for item in arranged.first)
            found["with one label twice"] += max(labels.values(), default=0) > 1
            chosen = _app_inputs(self.sources[name])
            top = {item.key for item in arranged.first}
            found["app mode"] += bool(chosen)
            found["app inputs"] += len(chosen)
            found["app inputs known"] += len(form.hints.chosen)
            found["app inputs on top"] += len(top.intersection(form.hints.chosen))
            shown = {item.key: item.label for section in arranged.whole for item in section.fields}
            found["promoted"] += len(form.hints.promoted)
            found["promoted with label"] += sum(
                shown.get(key) == form.hints.labels.get(key, shown.get(key)) for key in form.hints.promoted
            )
            found["promoted on top"] += len(top.intersection(form.hints.promoted))
        return found


def _app_inputs(graph: Graph) -> list[Any]:
    inputs: list[Any] = (graph.get("extra") or {}).get("linearData", {}).get("inputs", [])
    return inputs


class Server:
    """A real ComfyUI server."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def catalogue(self) -> Catalogue:
        """Return its node classes with its replacements."""
        catalogue = Catalogue.parse(json.loads(self._get("/object_info")))
        if json.loads(self._get("/features")).get("node_replacements"):
            catalogue.replacements = read_replacements(self._get("/node_replacements"))
        catalogue.checks_new_choices = checks_new_choices(self.version())
        return catalogue

    def version(self) -> str:
        return str(json.loads(self._get("/system_stats"))["system"]["comfyui_version"])

    def folders(self) -> list[str]:
        """Return the names of its folders of models."""
        return list(json.loads(self._get("/models")))

    def has(self, name: str) -> bool:
        """Return whether it has this file."""
        file = ServerFile.read(name)
        if file is None:
            return False
        query = urlencode({"filename": file.name, "subfolder": file.subfolder, "type": file.folder})
        request = urllib.request.Request(f"{self._url}/view?{query}", method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return False

    def accepts(self, workflow: ApiWorkflow) -> bool:
        """Return whether it accepts all of a prompt, and take the prompt back."""
        prompt_id = str(uuid.uuid4())
        status, answer = self._post("/prompt", {"prompt": json.loads(workflow.text), "prompt_id": prompt_id})
        self._post("/queue", {"delete": [prompt_id]})
        self._post("/interrupt", {"prompt_id": prompt_id})
        return status == 200 and not answer.get("node_errors")

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(f"{self._url}{path}", timeout=120) as answer:
            return str(answer.read().decode())

    def _post(self, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}{path}", data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            return error.code, {}


def verdicts(server: Server) -> tuple[Templates, Counter[str]]:
    """Compare the server's verdict with ours, for each template."""
    known = Templates(server.catalogue())
    found: Counter[str] = Counter()
    for name, form in known.forms.items():
        files = {value: server.has(value) for value in unlisted_files(form.workflow, known.catalogue).values()}
        runs = not check(form.workflow, known.catalogue, (), files) and not form.own_faults
        accepted = server.accepts(form.workflow)
        found["accepted" if accepted else "refused"] += 1
        if runs != accepted:
            kind = "false runs" if runs else "false lacks"
            found[kind] += 1
            print(f"{kind}: {name}")
    return known, found


def missing_files(known: Templates, folders: list[str], base: Path) -> Iterator[Path]:
    """Yield the files that the templates name and the server does not have, a model in each folder of models."""
    for form in known.forms.values():
        for item in check(form.workflow, known.catalogue).values:
            if item.kind is ValueKind.MODEL:
                yield from (base / "models" / folder / item.value for folder in folders)
            elif item.kind is ValueKind.FILE:
                yield from _input_file(item.value, base)
        for value in unlisted_files(form.workflow, known.catalogue).values():
            yield from _input_file(value, base)


def _input_file(value: str, base: Path) -> Iterator[Path]:
    file = ServerFile.read(value)
    if file is not None:
        yield base / file.folder / file.subfolder / file.name


def table_of_forms(known: Templates) -> str:
    """Return what the forms show."""
    found = known.figures()
    rows = [
        ("templates of which the catalogue knows all nodes", "templates"),
        ("of these, shown as a form", "forms"),
        ("forms with two inputs on top that have one label", "with one label twice"),
        ("templates with an app mode", "app mode"),
        ("inputs that these choose", "app inputs"),
        ("of these, in what the editor sends", "app inputs known"),
        ("of these, on top", "app inputs on top"),
        ("inputs that subgraphs show", "promoted"),
        ("of these, with the author's label", "promoted with label"),
        ("of these, on top", "promoted on top"),
    ]
    return table(["", ""], [[words, str(found[name])] for words, name in rows])


def table_of_verdicts(server: Server, base: Path) -> str:
    """Return how often the server's verdict and ours differ, without the templates' files and with empty ones."""
    known, without = verdicts(server)
    made = [path for path in set(missing_files(known, server.folders(), base)) if not path.exists()]
    for path in made:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    try:
        _, present = verdicts(server)
    finally:
        for path in made:
            path.unlink()
    columns = ("accepted", "refused", "false lacks", "false runs")
    rows = [
        [name, *(str(found[column]) for column in columns)]
        for name, found in (("without their files", without), ("with empty files in their place", present))
    ]
    return table([f"ComfyUI {server.version()}", *columns], rows)


def main() -> None:
    """Read the flags, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", type=Path, help="a server's /object_info as a file")
    parser.add_argument("--server", help="the address of a real server")
    parser.add_argument("--base-directory", type=Path, help="the server's base directory")
    given = parser.parse_args()
    load = Load()
    if given.server:
        text = table_of_verdicts(Server(given.server), given.base_directory)
        show("templates_verdicts", load, text, found=text)
        return
    text = given.catalogue.read_text("utf-8") if given.catalogue else recordings.catalogue_text(recordings.NEWEST)
    known = Templates(Catalogue.parse(text))
    show("templates", load, table_of_forms(known), found=dict(known.figures()))
    for name, why in known.refused.items():
        print(f"not shown as a form: {name}: {why}")


if __name__ == "__main__":
    main()
