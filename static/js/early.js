// What the user does before Python is up: typed, chosen, dropped or pressed, it is passed to Python once it listens, in its
// order. A window that was not left before has its first screen (`app/prerender`), and all of that can be used; of a window as it
// was left (`left.js`), only the form and Run.

import { letLeftGo, showLeft, takeText } from "./left.js";
import { owned } from "./owned.js";

const EVENTS = owned("mooring.early");
const CHOICE = "open-workflow";
const FRESH = 60_000; // milliseconds for which a press of Run counts
const PATIENCE = 10_000; // milliseconds that a field may take to reappear
const FORM_PATIENCE = 2_000; // and the form of a chosen workflow, which the fleet may not be able to run

const byId = (id) => document.getElementById(id);
const events = []; // what the user did, in order: a field's content, files, a press of Run, or another action
let isDrawing = false; // Python draws forms from now on
let isUp = false;

/** Python has drawn the page and listens: pass on what the user did before, in its order. */
export function takeOver() {
  isUp = true;
  letLeftGo();
  for (const element of document.querySelectorAll(".is-awaited")) element.classList.remove("is-awaited");
  passOn();
}

async function passOn() {
  for (let event = events.shift(); event; event = events.shift()) {
    if (event.field !== undefined) repeat(event);
    else if (event.give) event.give();
    else if (event.press) await passPress(event);
    else {
      act(event.name, event.facts);
      if (isChoice(event)) await new Promise((resolve) => whenShown(formOf(event), resolve, FORM_PATIENCE)); // the fields after it are its own
    }
  }
  keep();
  showPresses();
}

const act = (name, facts) => document.dispatchEvent(new CustomEvent("mooring-action", { detail: { name, facts } }));

function setValue(field, value) {
  const caret = field === document.activeElement && field.type !== "number" ? field.selectionStart : null;
  field.value = value;
  if (caret !== null && caret !== undefined) field.setSelectionRange?.(caret, caret);
}

/** Type or choose it for the user: in the present field, or once it appears. */
function repeat({ field, id, kind, value, checked }) {
  const replay = (live) => {
    if (live.value !== value) setValue(live, value);
    if (live.type === "checkbox" || live.type === "radio") live.checked = checked;
    live.dispatchEvent(new Event(kind, { bubbles: true }));
  };
  if (field?.isConnected) return replay(field);
  if (id) whenShown(id, (live) => live && replay(live));
}

/** Call with the element that has this id: now, once it appears, or with nothing if it does not for a while. */
function whenShown(id, callback, patience = PATIENCE) {
  if (byId(id)) return callback(byId(id));
  const end = () => {
    watching.disconnect();
    clearTimeout(waiting);
    callback(byId(id));
  };
  const watching = new MutationObserver(() => { if (byId(id)) end(); });
  const waiting = setTimeout(end, patience);
  watching.observe(byId("main"), { childList: true, subtree: true });
}

// Another workflow: its form comes from the gateway, which draws it as the first one. Python begins with it if it was chosen before
// anything else was done; otherwise Python passes through what was done before.

const isChoice = (event) => event.name === CHOICE;
const isSearch = ({ field }) => Boolean(field?.closest?.("#workflow-list")); // for a workflow to choose
const formOf = (choice) => `fields-${choice.facts.item}`;

/** The workflow that Python begins with; empty for that of a new window. */
export function takeChoice() {
  isDrawing = true;
  const later = events.findIndex((event) => !isChoice(event));
  const choices = events.splice(0, later < 0 ? events.length : later);
  keep();
  return choices.at(-1)?.facts.item ?? "";
}

/** Show the form of a chosen workflow, unless Python, another choice or a key in the form that is shown comes first. */
async function showForm(choice) {
  const wanted = new URLSearchParams({ workflow: choice.facts.item, lang: document.documentElement.lang });
  const answer = await fetch(`${location.pathname}?${wanted}`).catch(() => null);
  if (!answer?.ok) return; // it is awaited until Python is up
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const last = events.findLast((event) => isChoice(event) || (event.field && !isSearch(event)));
  if (isDrawing || last !== choice || !page.getElementById(formOf(choice))) return;
  for (const drawn of page.querySelectorAll("[data-drawn]")) {
    const shown = byId(drawn.id);
    if (shown.dataset.drawn === drawn.dataset.drawn) continue;
    shown.replaceChildren(...drawn.childNodes);
    shown.dataset.drawn = drawn.dataset.drawn;
  }
  byId("first-classes").textContent = page.getElementById("first-classes").textContent;
  byId(`pick-${choice.facts.item}`).classList.remove("is-awaited"); // if it was shown already
  byId("workflow-list").hidePopover();
  if (document.activeElement === document.body) byId("workflow-open").focus();
  fill();
}

// Run, pressed until Python listens: what it runs is in the events before it, and it has the prompt_id of its run, so that no
// page can run it twice. It is kept for a reload until its run is recorded; one that cannot be carried out is offered again.

const presses = () => events.filter((event) => event.press);
const passed = new Map(); // presses that Python carries out, by their prompt_id

function press() {
  events.push({ press: uuid(), at: Date.now(), build: import.meta.url, hasFiles: events.some((event) => event.give) });
  keep();
  showPresses();
}

/** A UUID4; `crypto.randomUUID` exists in secure contexts only. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function showPresses() {
  byId("starting").hidden = presses().length === 0 || isUp;
}

async function passPress(event) {
  const isFresh = Date.now() - event.at < FRESH && event.build === import.meta.url && !event.isTaken && !(event.isRestored && event.hasFiles);
  passed.set(event.press, event);
  const isFixed = new Promise((resolve) => { event.resolve = resolve; });
  act(isFresh ? "run" : "offer-press", { press: event.press, restored: Boolean(event.isRestored) });
  await isFixed;
}

/** Python has fixed what this press runs, and records it now. */
export function takePress(id) {
  passed.get(id).isTaken = true;
  keep();
  passed.get(id).resolve();
}

/** Its run is recorded, or is none: nothing is left to do. */
export function endPress(id) {
  passed.get(id).resolve();
  passed.delete(id);
  keep();
}

// What was typed and pressed, for a reload before Python is up

function keep() {
  if (document.documentElement.dataset.private) return;
  const kept = [...passed.values(), ...events].filter((event) => event.id || event.press || isChoice(event))
    .map(({ field: _, resolve: __, ...facts }) => facts);
  try {
    if (kept.length) sessionStorage.setItem(EVENTS, JSON.stringify(kept));
    else sessionStorage.removeItem(EVENTS);
  } catch {
    // without room or storage a reload starts without them
  }
}

/** What was done in this tab before a reload, put into the fields that are there. */
function restore() {
  const kept = takeText(EVENTS);
  for (const event of Array.isArray(kept) ? kept : []) events.push({ ...event, isRestored: true, ...event.id ? { field: null } : {} });
  const choice = events.findLast(isChoice);
  if (choice && document.body.classList.contains("is-drawn")) showForm(choice);
  else fill();
  keep();
  showPresses();
}

/** Put what was typed before a reload into the form that it was typed into. */
function fill() {
  for (const event of events.slice(events.findLastIndex(isChoice) + 1)) {
    if (event.field !== null) continue;
    event.field = byId(event.id);
    if (event.field) [event.field.value, event.field.checked] = [event.value, event.checked];
  }
}

// The user, until Python listens

const hasFiles = (event) => event.dataTransfer?.types?.includes("Files");

function noteField(event) {
  const field = event.target;
  if (isUp) return;
  if (event.type === "change" && field.matches("[data-files]")) return noteChoice(field, [...field.files]);
  note(field, event.type, field);
}

function note(field, kind, { value, checked }) {
  if (field.dataset?.[kind] === undefined) return;
  if (events.at(-1)?.field === field && events.at(-1).kind === kind) events.pop();
  events.push({ field, id: field.id, kind, value, checked });
  keep();
}

/** What the user has done before this script ran. */
function noteFirst() {
  for (const { type, event, target, value, checked, files } of globalThis.mooringFirst()) {
    if (!target.isConnected) continue; // a window as it was left is shown instead
    if (type === "click") noteClick(event);
    else if (type === "keydown") noteKey(event);
    else if (type === "drop") noteFiles(files, target);
    else if (target.matches("[data-files]")) noteChoice(target, files);
    else {
      if (target.dataset[type] !== undefined && target.value !== value) target.value = value; // it was typed after a reload
      note(target, type, { value, checked });
    }
  }
}

function noteClick(event) {
  const element = event.target.closest?.("[data-action], [data-shell=cancel-run]");
  if (isUp || !event.isTrusted || !element || element.disabled) return;
  if (element.dataset.shell) {
    for (const item of presses()) events.splice(events.indexOf(item), 1);
    keep();
    showPresses();
  } else if (element.dataset.action === "run") press();
  else if (document.body.classList.contains("is-drawn")) {
    element.classList.add("is-awaited");
    const event = { name: element.dataset.action, facts: { ...element.dataset, value: element.value ?? "", checked: false } };
    if (isChoice(event)) noteChosen(event);
    else events.push(event);
  }
}

function noteChosen(choice) {
  for (const event of events.filter(isSearch)) events.splice(events.indexOf(event), 1); // it was for this choice
  events.push(choice);
  keep();
  showForm(choice);
}

function noteKey(event) {
  const isRun = event.key === "Enter" && !event.repeat && (event.ctrlKey || event.metaKey) && !event.isComposing;
  if (isUp || !isRun || !event.isTrusted || !document.querySelector("#run [data-action=run]:enabled")) return;
  event.preventDefault();
  press();
}

function noteChoice(field, files) {
  if (files.length) events.push({ give: () => give(files, "change", field) });
}

function noteDrop(event) {
  if (isUp || !hasFiles(event)) return;
  event.preventDefault(); // else the browser would leave the page for the file
  if (event.type !== "drop") return;
  noteFiles([...event.dataTransfer.files], event.target);
}

function noteFiles(files, target) {
  const aim = target.closest?.("[data-drop]");
  events.push({ give: () => give(files, "drop", aim) });
}

/** Pass the files on, as if they had been dropped just now: to the field they were meant for, if it exists. */
function give(files, type, aim) {
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  const target = aim?.isConnected ? aim : (aim?.id && byId(aim.id)) || document.body;
  if (type === "drop" || target === document.body) {
    target.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
    return;
  }
  target.files = transfer.files;
  target.dispatchEvent(new Event("change", { bubbles: true }));
}

for (const type of ["input", "change"]) document.addEventListener(type, noteField);
document.addEventListener("click", noteClick);
document.addEventListener("keydown", noteKey);
for (const type of ["dragover", "drop"]) document.addEventListener(type, noteDrop);

showLeft();
restore();
noteFirst();
