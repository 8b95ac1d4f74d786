// The worker of the scripting console: an interpreter of its own for the user's scripts, so that one which blocks holds up
// no one else. Its Python is `app/scripting/`, begun by `app/browser/scripting.py`. Loaded when the drawer is first opened.
//
// In:  {kind: "begin", version, page} once; {kind: "start", source}, {kind: "stop"}, {kind: "answer", number, text}
// Out: {kind: "ready"} or {kind: "broken", text}; {kind: "call", number, method, text, blobs};
//      {kind: "out" | "err" | "value" | "error" | "end", text}

import { loadPyodide } from "../vendor/pyodide/pyodide.mjs";

const ARCHIVES = ["../../app.zip", "../vendor/python/scripting.zip"].map((path) => new URL(path, import.meta.url).href);
const LIBRARY = "/lib/mooring";
const answers = new Map(); // by the number of the call
let calls = 0;
let runner = null;

const tell = (kind, text) => postMessage({ kind, text });

function send(method, text, blobs) {
  const number = ++calls;
  postMessage({ kind: "call", number, method, text, blobs });
  return new Promise((resolve) => answers.set(number, resolve));
}

async function read(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.arrayBuffer();
}

/** Whose page this is goes with each request of a script to this site, as with the page's own (`app/browser/http.py`). */
function sign(page) {
  const isOurs = (address) => new URL(address, location.origin).origin === location.origin;
  const { open } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.open = function (method, address, ...rest) {
    open.call(this, method, address, ...rest);
    if (isOurs(address)) this.setRequestHeader("X-Mooring-Page", page);
  };
  const plain = globalThis.fetch;
  globalThis.fetch = (asked, options) => {
    const request = new Request(asked, options);
    if (isOurs(request.url)) request.headers.set("X-Mooring-Page", page);
    return plain(request);
  };
}

async function begin(version, page) {
  sign(page);
  const [python, ...archives] = await Promise.all([loadPyodide(), ...ARCHIVES.map(read)]);
  for (const archive of archives) python.unpackArchive(archive, "zip", { extractDir: LIBRARY });
  python.pyimport("sys").path.append(LIBRARY);
  runner = python.pyimport("app.browser.scripting").begin(send, tell, location.origin, version);
  postMessage({ kind: "ready" });
}

onmessage = async ({ data }) => {
  if (data.kind === "begin") await begin(data.version, data.page).catch((error) => tell("broken", String(error)));
  else if (data.kind === "start") runner.start(data.source);
  else if (data.kind === "stop") runner.stop();
  else if (data.kind === "answer") {
    answers.get(data.number)(data.text);
    answers.delete(data.number);
  }
};
