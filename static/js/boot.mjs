// What PyScript takes for the interpreter (`interpreter` in pyscript.toml): Pyodide, out of a memory snapshot if the page
// names one that fits, else from the start. It begins as soon as it is loaded, before PyScript asks for it.
//
// A snapshot is the memory of a Python that has imported all of Mooring, made by gateway/install/snapshot.mjs (memory.mjs
// has the format), and the page names it (snapshot.mjs brings it). Whatever is wrong with it costs a second or two, never the
// window.
//
// Nothing that takes long to parse is imported before the files that Python waits for are asked for.

import { loadPyodide as load, version } from "../vendor/pyodide/pyodide.mjs";
import { bring } from "./snapshot.mjs";

export { version };

const RUNTIME = new URL("../vendor/pyodide/", import.meta.url).href;
const FOLDER = "/mooring"; // in Python's own file system: modules in a snapshot say that they came from here
const STDLIB = new URL("../vendor/pyodide/python_stdlib.zip", import.meta.url).href;
const SITE = new URL("../vendor/python/site.zip", import.meta.url).href;
const APP = new URL("../../app.zip", import.meta.url).href;
// Python wants a file where its standard library would be, and gets the shortest that the page reads anyway. A script would
// not do: read as a file, it is no longer at hand as a script, and the next page waits for it.
const IN_ITS_PLACE = new URL("../locales/index.json", import.meta.url).href;
const EIO = 29; // Emscripten's number for an input or output error
const LONGEST_WAIT = 1000; // milliseconds for the first picture of the page
const LONGEST_HEAD = 65536; // bytes; it is half a kilobyte
// All windows that start from a snapshot would draw alike. (They do share the hashes of texts, which nothing may hang on.)
const RESEED = `__import__("random").seed()`; // from the browser's own generator

const outputs = { stdout: (text) => console.log(text), stderr: (text) => console.warn(text) }; // as Pyodide has it
const first = globalThis.document && start({ stdout: (text) => outputs.stdout(text), stderr: (text) => outputs.stderr(text) });

/** Pyodide with Mooring's modules. On a page it is the one that has begun to load; a worker gets its own. */
export function loadPyodide({ indexURL, ...options }) {
  if (!first) return start(options);
  Object.assign(outputs, options);
  return first;
}

async function start(options) {
  prepare();
  const named = globalThis.document?.querySelector("#snapshot");
  const restored = named && (await restore(named, options).catch(tell));
  const python = restored ?? (await startFresh(options));
  performance.mark("mooring-python", { detail: restored ? "restored" : "started" });
  return python;
}

/** What Pyodide needs of the browser, or must not find there. */
function prepare() {
  // Pyodide then uses no JSPI, which gives each callback a stack of its own. Chromium on Linux may read beyond the end of such
  // a stack while it compiles, and the page crashes (docs/decisions/0092-no-jspi-on-the-page.md). Nothing here waits by JSPI.
  if (globalThis.document) delete WebAssembly.Suspending;
  // Pyodide takes an object for an error only if it has a `stack`. In WebKit the TypeError of a failed fetch or import has
  // none, and Python would await it for ever.
  if (!("stack" in Error.prototype)) {
    Object.defineProperty(Error.prototype, "stack", { value: "", writable: true, configurable: true });
  }
}

/** Pyodide; an error if its WebAssembly is missing or invalid, for which Pyodide itself would wait for ever. */
function loadOrFail(options) {
  const failed = new Promise((_, reject) => {
    const usual = WebAssembly.instantiateStreaming;
    WebAssembly.instantiateStreaming = async (requested, imports) => {
      WebAssembly.instantiateStreaming = usual;
      try {
        const answer = await requested;
        if (!answer.ok) throw missing(answer.url);
        return await usual.call(WebAssembly, answer, imports);
      } catch (error) {
        reject(error);
        throw error;
      }
    };
  });
  return Promise.race([load(options), failed]);
}

const missing = (address) => new Error(`Failed to load '${address}': request failed.`); // as Pyodide words it

function tell(reason) {
  console.warn(`Mooring starts without its memory snapshot: ${reason?.message ?? reason}`);
}

async function startFresh(options) {
  const archives = Promise.all([SITE, APP].map(read));
  const python = await loadOrFail({ ...options, indexURL: RUNTIME });
  mount(python, ...(await archives));
  return python;
}

async function restore(link, options) {
  const head = new Uint8Array(LONGEST_HEAD);
  const received = bring(link);
  received.catch(() => {}); // it is awaited later; until then a rejection is not unhandled
  let listPackages; // Pyodide's own list is of packages that are not here
  const lockFileContents = new Promise((resolve) => { listPackages = resolve; });
  const createPyodideModule = async (settings) => {
    await shown(); // what follows works on the main thread, and would delay the page's first picture
    const { default: createModule } = await import("../vendor/pyodide/pyodide.asm.mjs");
    const module = await createModule(settings);
    performance.mark("mooring-instantiated");
    listPackages({ info: { abi_version: settings.API.abiVersion }, packages: {} });
    fetchWhenOpened(module.FS);
    const snapshot = await received;
    snapshot.putHead(head);
    if (module.HEAPU8.length < snapshot.memorySize) module.growMemory(snapshot.memorySize);
    snapshot.putPages(module.HEAPU8);
    snapshot.letGo();
    return module;
  };
  // What is needed of the standard library is in the memory.
  const python = await loadOrFail({
    ...options, indexURL: RUNTIME, _loadSnapshot: head, stdLibURL: IN_ITS_PLACE, lockFileContents, packageBaseUrl: RUNTIME,
    createPyodideModule,
  });
  python.runPython(RESEED);
  return python;
}

/** Wait until the page has been painted, or is hidden, or a time limit. */
function shown() {
  if (document.hidden) return undefined;
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, LONGEST_WAIT);
  });
}

/** Python opens the archive of the standard library for a module that is not in its memory: few windows ever do. */
function fetchWhenOpened(files) {
  const path = `/lib/${files.readdir("/lib").find((name) => name.endsWith(".zip"))}`;
  const { node } = files.lookupPath(path);
  const usual = node.stream_ops;
  const open = (stream) => {
    const bytes = readNow(STDLIB);
    // Python takes an error number for an OSError. Any other error would pass through its C code, and end Python.
    if (!bytes) throw new files.ErrnoError(EIO);
    node.stream_ops = stream.stream_ops = usual;
    files.writeFile(path, bytes);
  };
  node.stream_ops = { ...usual, open };
}

/** A page may wait for a file, but only for text. Null if its server does not answer with it. */
function readNow(address) {
  const request = new XMLHttpRequest();
  request.open("GET", address, false);
  request.overrideMimeType("text/plain; charset=x-user-defined"); // a letter for each byte
  try {
    request.send();
  } catch {
    return null;
  }
  return request.status === 200 ? Uint8Array.from(request.responseText, (letter) => letter.charCodeAt(0)) : null;
}

async function read(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw missing(address);
  return new Uint8Array(await answer.arrayBuffer());
}

/** Put the archives of the packages and of Mooring itself where Python finds them. */
export function mount(python, site, app) {
  python.FS.mkdirTree(FOLDER);
  for (const [name, bytes] of [["site.zip", site], ["app.zip", app]]) {
    python.FS.writeFile(`${FOLDER}/${name}`, bytes);
    python.runPython(`__import__("sys").path.append("${FOLDER}/${name}")`);
  }
}
