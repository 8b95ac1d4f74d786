// The shell around the page: the boot bar, the failure notice, the report, the language. It works before Python is up and
// when Python never comes up. Its texts are those of index.html (`languages.js`).

import { takeOver } from "./early.js";
import { translate } from "./languages.js";

export { endPress, takeChoice, takePress } from "./early.js";
export { languages, languageWishes } from "./languages.js";
export { drawn, earlyPictures } from "./left.js";

const ICONS = new URL("../icons/icons.svg", import.meta.url);
const SHARE = { runtime: 55, modules: 85, restoring: 95 }; // where the bar stands when a step begins to end, in percent
// PyScript's own steps, by the text of its `py:progress` events.
const PYSCRIPT_STEPS = { "Loading Pyodide": ["runtime", 10], "Loading interpreter": ["runtime", 20], "Loaded interpreter": ["modules", 75],
  "Loaded Pyodide": ["modules", 85] };

const HOME_AFTER = 5000; // milliseconds until the user has begun to work, as in boot.mjs
const WITHOUT_GATEWAY = { file: "copy", gateway: "host" }; // causes that are another's there

const root = document.documentElement;
const find = (selector) => document.querySelector(selector);
let state = "booting"; // booting | ready | failed
let begun = false; // Python runs

/** The build of this page, from the address of its files; empty if that has none. */
export const build = () => /\/b\/([0-9a-f]{32})\//.exec(import.meta.url)?.[1] ?? "";

/** All icons stand in the document, once; each use names one of them. */
async function drawIcons() {
  const answer = await fetch(ICONS);
  if (answer.ok) document.body.insertAdjacentHTML("beforeend", await answer.text());
}

/** Begin a step of the boot; those before it are done. */
export function step(name, percent = SHARE[name]) {
  if (state !== "booting") return;
  let before = true;
  for (const item of document.querySelectorAll("[data-step]")) {
    if (item.dataset.step === name) before = false;
    item.className = before ? "is-done" : item.dataset.step === name ? "is-current" : "";
  }
  const bar = find("#boot-progress");
  bar.value = Math.max(bar.value, percent);
}

/** The page is up: the boot bar goes. */
export function ready() {
  if (state === "failed") return;
  state = "ready";
  performance.mark("mooring-up");
  document.body.classList.remove("is-booting");
  find("#boot").hidden = true;
  takeOver();
  dispatchEvent(new Event("mooring-ready"));
  setTimeout(loadHome, globalThis.mooringKeepAfter ?? HOME_AFTER);
}

async function loadHome() {
  try {
    await import("./home.js");
  } catch (error) {
    console.info("The home screen is left as it is:", error); // no gateway answers: the page is open and goes on
  }
}

/** The page cannot start: show why, with the browser's error as the detail. */
export function fail(cause, detail = "") {
  if (state !== "booting") return;
  state = "failed";
  document.body.classList.add("has-failed");
  document.body.classList.remove("has-last", "is-drawn");
  find(".boot-panel").hidden = true;
  find("#boot-failure").hidden = false;
  const shown = (root.dataset.fleet && WITHOUT_GATEWAY[cause]) || cause;
  for (const item of document.querySelectorAll("[data-cause]")) item.hidden = item.dataset.cause !== shown;
  find("#boot-detail").textContent = detail;
  find("#boot-report").hidden = !globalThis.mooring?.debugBundle;
}

addEventListener("py:progress", (event) => {
  const known = PYSCRIPT_STEPS[event.detail];
  if (known) step(...known);
});
addEventListener("py:all-done", async () => {
  if (begun) return;
  if (await isAnswering(find("script[type=py]").src)) fail("python");
  else fail((await isAnswering()) ? "file" : "gateway");
});

/** The cause of an unhandled rejection while the runtime loads: PyScript and Pyodide report failures only this way. */
async function judge(reason) {
  const text = String(reason?.message || reason || "");
  if (begun || state !== "booting") return;
  if (typeof WebAssembly !== "object") fail("wasm", text);
  else if (reason?.name === "SecurityError") fail("storage", text);
  else if (/request failed|unable to fetch|imported module|404/i.test(text)) fail("file", text);
  else if (/fetch|network|load failed/i.test(text)) fail((await isAnswering()) ? "file" : "gateway", text);
  else fail(/wasm|WebAssembly/i.test(text) ? "wasm" : "python", text);
}

async function isAnswering(address = root.dataset.fleet ?? "/fleet") {
  try {
    return (await fetch(address)).ok;
  } catch {
    return false;
  }
}

addEventListener("unhandledrejection", (event) => judge(event.reason));
addEventListener("error", (event) => {
  const source = event.target?.src ?? event.target?.href ?? "";
  if (!begun && source) fail("file", source);
}, true);
document.addEventListener("click", (event) => {
  const action = event.target.closest?.("[data-shell]")?.dataset.shell;
  if (action === "reload") location.reload();
  if (action === "report") saveReport();
});

/** Offer the report of this window as a file. */
export async function saveReport() {
  const report = await globalThis.mooring.debugBundle();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(report, null, 1)], { type: "application/json" }));
  link.download = `mooring-report-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000); // the browser reads it after the click
}

/** Wait until the user opens this window, which the browser may have loaded ahead (`ahead.js`). */
export const opened = () => new Promise((resolve) => {
  if (document.prerendering) document.addEventListener("prerenderingchange", resolve, { once: true });
  else resolve();
});

/** Python runs: from here on it reports its own failures. */
export function begin() {
  begun = true;
  performance.mark("mooring-begun");
  step("restoring");
}

root.classList.toggle("is-mac", /mac|iphone|ipad/i.test(navigator.userAgentData?.platform ?? navigator.platform));
if (typeof WebAssembly !== "object") fail("wasm");
step("runtime", 5);
drawIcons();
translate().then((catalogue) => catalogue && fetch(catalogue)); // the page's Python reads it soon
