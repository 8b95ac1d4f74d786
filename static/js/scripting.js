// The drawer of the scripting console. Python draws it (`app/ui/scripting/panel.html`) and hears only whether a script runs; the
// script itself runs in a worker (`script_worker.js`), which asks here for what `mooring` does. Loaded when it is first opened.
//
// The worker and the output outlive the drawer: a script continues when the drawer is closed.

import { say as announce } from "./live.js";
import { owned } from "./owned.js";
import { give } from "./saving.js";

const WORKER = new URL("./script_worker.js", import.meta.url);
const STORE_KEY = owned("mooring.script"); // what was written, remembered by this tab as the form's own drafts are
const BLOB_KEY = "\0blob"; // how bytes among the arguments of a call are marked (`app/scripting/wire.py`)
const PATIENCE = 1500; // milliseconds for a script to listen when it is to stop; then its worker is ended
const MOST = 60_000; // characters of output that stay
const LONGEST = 4000; // characters of one piece of it
const INDENT = "    ";

const log = document.createElement("div"); // the output
let kept = 0; // characters in it
let body = null; // of the open drawer, or of the last one
let written = null; // in the editor
let worker = null;
let state = "off"; // off | starting | idle | running | stopping | broken
let lastStatus = ["starting", {}]; // the last status
let waiting = null; // a script that was to run before Python was there
let runs = 0;
let began = 0;
let impatience = 0;
let isHolding = false; // an upload of this worker holds a server for a submit to come

const byId = (id) => document.getElementById(id);
const words = () => JSON.parse(body.dataset.words);
const field = () => byId("script-source");
const isBusy = () => state === "running" || state === "stopping";

/** After a patch with the drawer in it: what is in it is this module's. */
export function attach(found) {
  if (!found.isConnected || (found === body && log.isConnected)) return; // it may have been closed while this was loaded
  body = found;
  byId("script-output").append(log);
  log.dataset.empty = log.parentElement.dataset.empty;
  log.className = "script-log";
  if (!field().value) field().value = recall();
  if (!worker) begin();
  show();
  scroll(true);
}

const isPrivate = () => document.documentElement.dataset.private !== undefined;

function recall() {
  if (written !== null || isPrivate()) return written ?? "";
  try {
    return sessionStorage.getItem(STORE_KEY) ?? "";
  } catch {
    return "";
  }
}

/** What was written stays for the drawer's next opening; over a reload too, unless the window is a private one. */
function remember() {
  written = field().value;
  if (isPrivate()) return;
  try {
    sessionStorage.setItem(STORE_KEY, written);
  } catch {
    // no room, or forbidden: it is there as long as the page is
  }
}

// The worker

/** A worker has the policy that came with its file, and a plain web server sends none; one of a blob has the page's own. */
function makeWorker() {
  const isHeld = !document.documentElement.dataset.fleet;
  const text = `import ${JSON.stringify(WORKER.href)};`;
  return new Worker(isHeld ? WORKER : URL.createObjectURL(new Blob([text], { type: "text/javascript" })), { type: "module" });
}

function begin() {
  const mine = (worker = makeWorker());
  enter("starting");
  mine.onmessage = ({ data }) => { if (mine === worker) hear(mine, data); };
  mine.onerror = (event) => {
    event.preventDefault();
    if (mine === worker && state === "starting") hear(mine, { kind: "broken", text: event.message ?? "" });
  };
  mine.postMessage({
    kind: "begin", version: globalThis.mooring.version, page: document.documentElement.dataset.store || "nobody",
  });
}

/** End Python and start a new one. The server that its script's uploads hold is released: nothing else could use them. */
function renew(reason) {
  worker?.terminate();
  clearTimeout(impatience);
  if (isHolding) globalThis.mooring.releaseUploads().catch(() => {});
  isHolding = false;
  waiting = null;
  write("note", `${words()[reason]}\n`);
  begin();
}

function hear(mine, { kind, text, ...call }) {
  if (kind === "call") answer(mine, call.number, call.method, text, call.blobs);
  else if (kind === "ready") ready();
  else if (kind === "end") ended(text);
  else if (kind === "broken") {
    write("error", `${text}\n`);
    waiting = null;
    enter("broken");
  } else write(kind, kind === "value" ? `${text}\n` : text);
}

function ready() {
  enter("idle", "ready");
  if (waiting !== null) start(waiting);
  waiting = null;
}

function ended(how) {
  clearTimeout(impatience);
  enter("idle", how, { seconds: ((performance.now() - began) / 1000).toFixed(1) });
}

/** Do a call of the script by the page's own interface, and tell how it went. */
async function answer(mine, number, method, text, blobs) {
  const result = await perform(method, text, blobs).then(
    (value) => ({ value }),
    ({ name, message, facts }) => ({ error: { name, message, facts } }),
  );
  mine.postMessage({ kind: "answer", number, text: JSON.stringify(result) });
}

async function perform(method, text, blobs) {
  const revive = (_, value) => (value?.[BLOB_KEY] === undefined ? value : new Blob([blobs[value[BLOB_KEY]]]));
  const args = JSON.parse(text, revive);
  if (method === "save") return give(args[1], args[0]);
  const { mooring } = globalThis;
  if (!Object.hasOwn(mooring, method) || typeof mooring[method] !== "function") throw new TypeError(`no such name: ${method}`);
  if (method === "uploadImage") isHolding = true;
  if (method === "submitWorkflow" || method === "releaseUploads") isHolding = false;
  return mooring[method](...args);
}

// Input

function run() {
  if (isBusy() || !field().value.trim()) return;
  if (state === "idle") start(field().value);
  else if (state === "starting") waiting = field().value;
}

function start(source) {
  runs += 1;
  began = performance.now();
  const at = new Date().toLocaleTimeString(document.documentElement.lang);
  write("run", `${words().run.replace("{number}", runs)} · ${at}`);
  enter("running");
  worker.postMessage({ kind: "start", source });
  scroll(true);
}

function stop() {
  if (state === "starting") waiting = null;
  if (state !== "running") return;
  enter("stopping");
  worker.postMessage({ kind: "stop" });
  impatience = setTimeout(() => renew("ended"), PATIENCE);
}

function clear() {
  log.replaceChildren();
  kept = 0;
}

/** An example at the cursor, or in place of everything if that is only an example too. */
async function insert() {
  const name = byId("script-example").value;
  const found = await fetch(new URL(`../scripts/${name}.py`, import.meta.url)).then((it) => (it.ok ? it.text() : null), () => null);
  if (found === null) return say("unread");
  const input = field();
  input.focus();
  if (!input.value.trim() || input.value === input.dataset.example) input.select();
  type(found);
  input.dataset.example = found;
  input.setSelectionRange(0, 0);
  input.scrollTop = 0;
}

/** As if it had been typed, so that it can be undone. */
function type(text) {
  const isTyped = document.execCommand("insertText", false, text);
  if (!isTyped) field().setRangeText(text, field().selectionStart, field().selectionEnd, "end");
  remember();
}

const ACTS = { run, stop, clear, insert, restart: () => renew("restarted") };

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-scripting] [data-script]");
  if (button && button.getAttribute("aria-disabled") !== "true") ACTS[button.dataset.script]();
});

document.addEventListener("input", (event) => { if (event.target.id === "script-source") remember(); });

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229 || !event.target.closest?.("[data-scripting]")) return;
  const isMod = event.ctrlKey || event.metaKey;
  if (isMod && event.key === "Enter") run();
  else if (event.target.id !== "script-source") return;
  else if (isMod && (event.key === "]" || event.key === "[")) shift(event.key === "]");
  else if (event.key === "Enter" && !isMod && !event.shiftKey && !event.altKey) newLine();
  else return;
  event.preventDefault();
});

/** A new line begins below the one before it, or further in after a colon. */
function newLine() {
  const { value, selectionStart } = field();
  const line = value.slice(value.lastIndexOf("\n", selectionStart - 1) + 1, selectionStart);
  type(`\n${line.match(/^ */)[0]}${/:\s*(#.*)?$/.test(line) ? INDENT : ""}`);
}

/** Move the chosen lines to the right, or to the left. */
function shift(isRight) {
  const input = field();
  const from = input.value.lastIndexOf("\n", input.selectionStart - 1) + 1;
  const end = input.value.indexOf("\n", Math.max(from, input.selectionEnd - (input.selectionEnd > input.selectionStart ? 1 : 0)));
  const to = end < 0 ? input.value.length : end;
  const lines = input.value.slice(from, to).split("\n");
  const moved = lines.map((line) => (isRight ? (line && INDENT) + line : line.replace(/^ {1,4}/, ""))).join("\n");
  input.setSelectionRange(from, to);
  type(moved);
  input.setSelectionRange(from, from + moved.length);
  if (lines.length === 1) input.setSelectionRange(from + moved.length, from + moved.length);
}

// What is shown

function enter(next, word = next, facts = {}) {
  const wasBusy = isBusy();
  state = next;
  if (isBusy() !== wasBusy) tellPage();
  say(word, facts);
}

/** The page's bar shows that a script runs, and leaving is asked about. */
function tellPage() {
  const facts = { value: isBusy() ? "running" : "idle" };
  document.dispatchEvent(new CustomEvent("mooring-action", { detail: { name: "script-state", facts } }));
  if (isBusy()) addEventListener("beforeunload", ask);
  else removeEventListener("beforeunload", ask);
}

const ask = (event) => event.preventDefault();

function say(word, facts = {}) {
  lastStatus = [word, facts];
  show();
}

function show() {
  if (!body.isConnected) return;
  const [word, { seconds = "" }] = lastStatus;
  const status = byId("script-status");
  const text = words()[word].replace("{seconds}", seconds);
  if (status.textContent !== text) {
    status.textContent = text;
    announce(text);
  }
  body.dataset.state = state;
  disable("run", isBusy() || state === "broken");
  disable("stop", state !== "running");
}

/** Not by `disabled`: a button that has the focus would lose it. */
function disable(name, isOff) {
  body.querySelector(`[data-script=${name}]`).setAttribute("aria-disabled", String(isOff));
}

/** More output. What is old goes when there is too much. */
function write(kind, text) {
  const atEnd = isAtEnd();
  for (let from = 0; from < text.length; from += LONGEST) append(kind, text.slice(from, from + LONGEST));
  let isDropped = false;
  while (kept > MOST && log.childElementCount > 1) {
    kept -= log.firstElementChild.textContent.length;
    log.firstElementChild.remove();
    isDropped = true;
  }
  if (isDropped) {
    const note = piece("note", `${words().dropped}\n`);
    kept += note.textContent.length;
    log.prepend(note);
  }
  scroll(atEnd);
}

function append(kind, text) {
  kept += text.length;
  const last = log.lastElementChild;
  if (last?.dataset.kind === kind && kind !== "run" && last.textContent.length + text.length <= LONGEST) last.firstChild.appendData(text);
  else log.append(piece(kind, text));
}

function piece(kind, text) {
  const made = document.createElement("span");
  made.className = `script-piece is-${kind}`;
  made.dataset.kind = kind;
  made.append(document.createTextNode(text));
  return made;
}

const isAtEnd = () => {
  const { scrollTop, scrollHeight, clientHeight } = log.parentElement ?? log;
  return scrollTop + clientHeight > scrollHeight - 24;
};

function scroll(isWanted) {
  const view = log.parentElement;
  if (isWanted && view) view.scrollTop = view.scrollHeight;
}
