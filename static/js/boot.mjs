// What PyScript takes for the interpreter (`interpreter` in pyscript.toml): Pyodide, out of a memory snapshot if the page
// names one that fits, else from the start. It begins as soon as it is loaded, before PyScript asks for it.
//
// A snapshot is the memory of a Python that has imported all of Mooring, made by gateway/install/snapshot.mjs with this
// same module. The page names it in <link id="snapshot">, with its size and sum. Whatever is wrong with it costs a second or
// two, never the window.

import createModule from "../vendor/pyodide/pyodide.asm.mjs";
import { loadPyodide as load, version } from "../vendor/pyodide/pyodide.mjs";

export { version };

const FOLDER = "/mooring"; // in Python's own file system: modules in a snapshot say that they came from here
const STDLIB = new URL("../vendor/pyodide/python_stdlib.zip", import.meta.url).href;
const SITE = new URL("../vendor/python/site.zip", import.meta.url).href;
const APP = new URL("../../app.zip", import.meta.url).href;
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
  const named = globalThis.document?.querySelector("#snapshot");
  const restored = named && (await restore(named, options).catch(tell));
  const python = restored ?? (await startAfresh(options));
  performance.mark("mooring-python", { detail: restored ? "restored" : "started" });
  return python;
}

function tell(reason) {
  console.warn(`Mooring starts without its memory snapshot: ${reason?.message ?? reason}`);
}

async function startAfresh(options) {
  const archives = Promise.all([SITE, APP].map(read));
  const python = await load(options);
  mount(python, ...(await archives));
  return python;
}

async function restore({ href, dataset }, options) {
  const memory = new Uint8Array(Number(dataset.size)); // it fills while the rest of Python is loaded and compiled
  const received = receive(href, memory, Number(dataset.sum));
  received.catch(() => {}); // it is awaited later, and is nobody else's business until then
  const createPyodideModule = async (settings) => {
    const module = await createModule(enlarge(settings, memory.length));
    fetchWhenOpened(module.FS);
    await received;
    return module;
  };
  // What is needed of the standard library is in the memory; this file, which is here already, only stands in its place.
  try {
    const python = await load({ ...options, _loadSnapshot: memory, stdLibURL: import.meta.url, createPyodideModule });
    python.runPython(RESEED);
    return python;
  } finally {
    letGo(memory);
  }
}

/** Python has a copy by now, and Pyodide would hold these bytes for as long as the window lives. */
function letGo({ buffer }) {
  structuredClone(buffer, { transfer: [buffer] }); // it moves there, and nobody has it
}

/** Pyodide restores a snapshot into the memory that it has; so far it does not make that large enough. */
function enlarge(settings, size) {
  settings.preRun.push((module) => module.HEAP8.length < size && module.growMemory(size));
  return settings;
}

/** Python opens the archive of the standard library for a module that is not in its memory: few windows ever do. */
function fetchWhenOpened(files) {
  const path = `/lib/${files.readdir("/lib").find((name) => name.endsWith(".zip"))}`;
  const { node } = files.lookupPath(path);
  const usual = node.stream_ops;
  const open = (stream) => {
    node.stream_ops = stream.stream_ops = usual;
    files.writeFile(path, readNow(STDLIB));
  };
  node.stream_ops = { ...usual, open };
}

/** A page may wait for a file, but only for text. */
function readNow(address) {
  const request = new XMLHttpRequest();
  request.open("GET", address, false);
  request.overrideMimeType("text/plain; charset=x-user-defined"); // a letter for each byte
  request.send();
  if (request.status !== 200) throw new Error(`${address}: ${request.status}`);
  return Uint8Array.from(request.responseText, (letter) => letter.charCodeAt(0));
}

/** Put the snapshot's bytes there, if they are what the page says. */
async function receive(address, memory, wanted) {
  const answer = await fetch(address);
  if (answer.status !== 200) throw new Error(`the gateway has none (${answer.status})`);
  const reader = answer.body.getReader();
  let at = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (at + part.value.length > memory.length) throw new Error("it is damaged");
    memory.set(part.value, at);
    at += part.value.length;
  }
  if (at < memory.length || addUp(new Uint32Array(memory.buffer)) !== wanted) throw new Error("it is damaged");
}

/** The sum of 32-bit words: as FNV-1a, by words. */
export function addUp(words) {
  let sum = 0;
  for (let at = 0; at < words.length; at += 1) sum = Math.imul(sum ^ words[at], 16777619);
  return sum >>> 0;
}

async function read(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`Failed to load '${address}': request failed.`); // as Pyodide words it
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
