// Makes a memory snapshot: a Python in Node, with the Pyodide that is served, imports all of Mooring, and its memory is
// written down. A browser continues from there (static/js/boot.mjs).
//
//   node gateway/install/snapshot.mjs SITE.zip APP.zip OUT      writes OUT.raw and OUT.json: {"size": …, "sum": …}
//
// The file system is not part of it, nor is any JavaScript object but those that each browser has under the same name:
// a module that creates one when it is imported makes the snapshot fail.
//
// The shipped workflows are opened in it, so that no window takes time for that.
//
// Compiling leaves garbage in the memory, so one Python compiles, and another one imports the compiled modules.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";

import { mount } from "../../static/js/boot.mjs";
import { pack } from "../../static/js/memory.mjs";
import { addUp } from "../../static/js/snapshot_worker.mjs";
import createModule from "../../static/vendor/pyodide/pyodide.asm.mjs";
import { loadPyodide } from "../../static/vendor/pyodide/pyodide.mjs";

const WORKFLOWS = new URL("../../static/workflows/", import.meta.url);
const PYSCRIPT = new URL("../../static/vendor/pyscript/", import.meta.url);
const HOME = "/home/pyodide/pyscript"; // where PyScript puts its modules

// A page needs no docstrings, and they are 3 % of what is loaded. A class keeps a short one, or dataclass would make one.
// Nor does it need annotations of functions, each of which is a function of its own: 7 %. A decorator may read them.
const COMPILE = `
import ast, importlib.util, marshal, sys, zipfile, zipimport

codes = {}
UNCHECKED = (1).to_bytes(4, "little")  # a compiled module that is not compared with its source
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (ast.Module, ast.ClassDef, *FUNCTIONS)

def compile_bare(path, source):
    tree = ast.parse(source, path)
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body[0].value.value = "-" if isinstance(node, ast.ClassDef) else ""
        if isinstance(node, FUNCTIONS) and not node.decorator_list:
            node.returns = None
            for item in ast.walk(node.args):
                if isinstance(item, ast.arg):
                    item.annotation = None
    return compile(tree, path, "exec", dont_inherit=True)

def keep(path, source):
    codes[path] = code = compile_bare(path, source)
    return code

def write_compiled(archive):
    """The archive, with what has been compiled of it in place of the sources."""
    with zipfile.ZipFile(archive) as sources, zipfile.ZipFile("/compiled.zip", "w") as compiled:
        for name in sources.namelist():
            data = sources.read(name)
            if code := codes.get(f"{archive}/{name}"):
                name += "c"
                data = importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(data) + marshal.dumps(code)
            compiled.writestr(name, data)

def compile_all(folder, sources):
    """What each of these sources compiles to, by name, as in this folder; written down."""
    return {
        name: marshal.dumps(compile_bare(f"{folder}/{name}", source))
        for name, source in sources.items()
    }

zipimport._compile_source = keep
`;
// All modules but the one that PyScript runs, and those that run beside the gateway; and what PyScript's own modules import of
// the standard library.
const IMPORT_ALL = `
def import_all(archive):
    import base64, html, importlib, inspect, io, secrets, textwrap, traceback, zipfile

    for name in sorted(zipfile.ZipFile(archive).namelist()):
        module = name.rpartition(".")[0].replace("/", ".").removesuffix(".__init__")
        if module != "app.main" and not module.startswith("app.prerender"):
            importlib.import_module(module)

import_all("/mooring/app.zip")
del import_all
`;
const OPEN_SHIPPED = `
def open_shipped(texts):
    import app.ui.form.open_workflow

    for item, text in texts.items():
        app.ui.form.open_workflow.open_shipped(item, text)
`;
// PyScript writes its own modules as sources into files at each start, and imports them. They are compiled here, for a
// PyScript with the same sources; Python need not write its bytecode files, since no later start would find them.
const FORESEE = `
def foresee(sources, codes):
    import importlib, marshal, sys

    known = {source.encode(): marshal.loads(codes[name]) for name, source in sources.items()}
    loader = importlib._bootstrap_external.SourceLoader
    usual = loader.source_to_code

    def source_to_code(self, data, path, *rest, **named):
        code = known.pop(bytes(data), None)
        return usual(self, data, path, *rest, **named) if code is None else code

    loader.source_to_code = source_to_code
    sys.dont_write_bytecode = True
`;
// The browser has the archive of the standard library; it does not have the other archives, and needs none.
const LEAVE = `
def leave(stdlib):
    import gc, random, sys, zipimport

    random.seed(1)  # a window seeds it again (static/js/boot.mjs)
    for path in list(zipimport._zip_directory_cache):
        zipimport._zip_directory_cache.pop(path)
        for place in [place for place in sys.path_importer_cache if place.startswith(path) and path != stdlib]:
            del sys.path_importer_cache[place]
    zipimport._zip_directory_cache[stdlib] = zipimport._read_directory(stdlib)
    gc.collect()
    gc.freeze()  # it stays for as long as the window
`;

/** PyScript's modules for Python, by name: they stand in its own file as one object. */
function readPyScript() {
  const file = readdirSync(PYSCRIPT).find((name) => /^core-.*\.js$/.test(name));
  const text = readFileSync(new URL(file, PYSCRIPT), "utf8");
  const [, object] = /\{pyscript:(\{(?:"[\w.]+":"(?:[^"\\]|\\.)*",?)+\})\}/.exec(text);
  return JSON.parse(object);
}

/** The texts of the shipped workflows, by their id. */
function readWorkflows() {
  const names = readdirSync(WORKFLOWS).filter((name) => name.endsWith(".json")).sort();
  return Object.fromEntries(names.map((name) => [name.replace(".json", ""), readFileSync(new URL(name, WORKFLOWS), "utf8")]));
}

// Equal sources give equal bytes: what is otherwise different each time is hashes, clocks, and what is seeded from them.
const EPOCH = Date.UTC(2020, 0);
let ticks = 0;
Date.now = () => EPOCH;
performance.now = () => (ticks += 0.01);

const [siteFile, appFile, out] = process.argv.slice(2);
const [site, app] = [siteFile, appFile].map((file) => readFileSync(file));
const options = {
  _makeSnapshot: true,
  _sysExecutable: "python", // otherwise the path of this file
  env: {
    PYTHONHASHSEED: "1",
    PYTHONNODEBUGRANGES: "1", // the columns of each instruction are an eighth of it, for sources that are not there
  },
};

const compiler = await loadPyodide(options);
compiler.runPython(COMPILE);
mount(compiler, site, app);
compiler.runPython(IMPORT_ALL);
const [library, ...paths] = compiler.runPython("[path for path in sys.path if path.endswith('.zip')]").toJs();
const compiled = (path) => {
  compiler.globals.get("write_compiled")(path);
  return compiler.FS.readFile("/compiled.zip");
};

const brought = compiler.toPy(readPyScript());
const foreseen = compiler.globals.get("compile_all")(HOME, brought).toJs({ dict_converter: Object.fromEntries });

writeFileSync(`${out}.zip`, compiled(library));
let fresh; // the memory before Python begins in it
const createPyodideModule = (settings) => {
  settings.onRuntimeInitialized = () => { fresh = settings.HEAPU8.slice(); };
  return createModule(settings);
};
const python = await loadPyodide({ ...options, stdLibURL: `${out}.zip`, createPyodideModule });
mount(python, ...paths.map(compiled));
python.runPython(IMPORT_ALL);
python.runPython(OPEN_SHIPPED);
python.globals.get("open_shipped")(python.toPy(readWorkflows()));
python.FS.writeFile(library, compiler.FS.readFile(library));
python.runPython(FORESEE);
python.globals.get("foresee")(python.toPy(readPyScript()), python.toPy(foreseen));
python.runPython(`del foresee, open_shipped\n${LEAVE}leave("${library}"); del leave`);
const bytes = pack(python.makeMemorySnapshot(), fresh);
writeFileSync(`${out}.raw`, bytes);
const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
writeFileSync(`${out}.json`, JSON.stringify({ size: bytes.length, sum: addUp(words) }));
process.exit(0); // Pyodide keeps Node alive
