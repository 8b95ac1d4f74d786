// Makes a memory snapshot: a Python in Node, with the Pyodide that is served, imports all of Mooring, and its memory is
// written packed. A browser goes on from there (static/js/boot.mjs).
//
//   node gateway/install/snapshot.mjs SITE.zip APP.zip OUT      writes OUT.br, OUT.gz and OUT.json: {"size": …, "sum": …}
//
// The file system is no part of it, nor is any JavaScript object but those that can be found by name in every browser:
// a module that makes one when it is imported cannot be in a snapshot, and making one fails.

import { readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { addUp, mount } from "../../static/js/boot.mjs";
import { loadPyodide } from "../../static/vendor/pyodide/pyodide.mjs";

const QUALITY = 5; // of 11, in 1 s; the best saves 7 % more and takes minutes

// All modules but the one that PyScript runs; and what PyScript's own modules import of the standard library.
const IMPORT_ALL = `
def import_all(archive):
    import base64, gc, html, importlib, inspect, io, textwrap, zipfile

    for name in sorted(zipfile.ZipFile(archive).namelist()):
        module = name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        if module != "app.main":
            importlib.import_module(module)
    gc.collect()
    gc.freeze()  # it stays for as long as the window

import_all("/mooring/app.zip")
del import_all
`;

const [site, app, out] = process.argv.slice(2);
const python = await loadPyodide({ _makeSnapshot: true, _sysExecutable: "python" }); // else it names this file's place
mount(python, readFileSync(site), readFileSync(app));
python.runPython(IMPORT_ALL);
const bytes = python.makeMemorySnapshot();
writeFileSync(`${out}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } }));
writeFileSync(`${out}.gz`, gzipSync(bytes));
const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
writeFileSync(`${out}.json`, JSON.stringify({ size: bytes.length, sum: addUp(words) }));
process.exit(0); // Pyodide keeps Node alive
