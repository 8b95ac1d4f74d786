// One result large: arrow keys and a swipe go to those beside it; wheel, fingers, double click, + - 0 and buttons make it larger.
// F, C and Del press the buttons for a favourite, a comparison and deletion.
// A text file is read whole, and a 3D model gets its viewer.

import { blobOf } from "./picture.js";

const LONGEST = 4_000_000; // bytes of a text that is shown
const MOST = 16;
const SWIPE = 48; // CSS pixels that a finger moves aside to go to the next result
const PRESSED = { f: "album-favourite", c: "album-compare", Delete: "album-ask-delete" };
let models = null; // the module for 3D models, once one was opened
let zoomed = null; // {image, pan}: what the zoom is on
let isComing = false;
let wanted = ""; // what was asked for while it came
let isRefused = false; // the browser has full screen, and does not allow it here

const dialogNow = () => document.querySelector("dialog.large[open]");

/** The page was patched: what is new there in the dialog gets what belongs to it. `tell` takes files. */
export function settleLarge(tell) {
  const dialog = dialogNow();
  readWhole(dialog?.querySelector(".large-text[data-kept]"));
  drawModel(dialog?.querySelector(".large-model"), tell);
  zoomLarge();
  settleZoom();
  if (document.fullscreenElement) turnScreen();
  tellPixels(dialog?.querySelector(".large-stage img:not(.is-small, .large-poster)"), dialog?.querySelector("[data-pixels]"));
}

/** Hide the buttons that would change nothing: a picture that is whole is neither made smaller nor fitted, and a phone may have no full screen. */
function settleZoom() {
  const dialog = dialogNow();
  const image = dialog?.querySelector(".large-stage img:not(.large-poster)");
  const isZoomed = zoomed?.image === image && zoomed?.pan.getScale() > 1;
  image?.classList.toggle("is-zoomed", isZoomed); // a patch takes it away
  const hide = (name, isHidden) => {
    const button = dialog?.querySelector(`#zoom-${name}`);
    if (isHidden && button === document.activeElement) dialog.querySelector("#zoom-in").focus();
    button?.toggleAttribute("hidden", isHidden);
  };
  hide("out", Boolean(image) && !isZoomed);
  hide("fit", Boolean(image) && !isZoomed);
  hide("full", !document.fullscreenEnabled || isRefused);
}

/** Write how large the picture is, once it is decoded. */
async function tellPixels(image, place) {
  if (!image || !place) return;
  await image.decode().catch(() => {});
  if (image.isConnected && image.naturalWidth) place.textContent = `${image.naturalWidth} × ${image.naturalHeight}`;
}

/** Put a text file whole in place of its beginning, once. */
async function readWhole(place) {
  const blob = place && blobOf(place.dataset.kept);
  if (!blob || place.dataset.whole === place.dataset.kept) return;
  place.dataset.whole = place.dataset.kept;
  const text = await blob.slice(0, LONGEST).text();
  place.textContent = blob.size > LONGEST ? `${text} […]` : text;
}

async function drawModel(place, tell) {
  if (!place) return;
  models ??= await import("./model.js");
  models.showModel(place, tell);
}

/** A picture can be made larger. */
async function zoomLarge() {
  const image = dialogNow()?.querySelector(".large-stage img");
  if (!image) zoomed = null;
  if (!image || zoomed?.image === image || isComing) return;
  isComing = true;
  const { default: panzoom } = await import("../vendor/panzoom/panzoom.es.js");
  isComing = false;
  const found = dialogNow()?.querySelector(".large-stage img");
  if (!found) return;
  const pan = panzoom(found, { maxScale: MOST, minScale: 1, panOnlyWhenZoomed: true, cursor: "", step: 0.4 });
  zoomed = { image: found, pan };
  found.parentElement.addEventListener("wheel", (event) => {
    if (zoomed?.image === found) pan.zoomWithWheel(event);
  });
  found.addEventListener("panzoomchange", settleZoom);
  if (wanted) zoom(wanted);
  wanted = "";
}

function zoom(name) {
  if (models?.zoomModel(dialogNow(), name)) return;
  if (!zoomed) {
    if (isComing) wanted = name;
    return;
  }
  if (name === "in") zoomed.pan.zoomIn();
  else if (name === "out") zoomed.pan.zoomOut();
  else zoomed.pan.reset();
}

async function fillScreen(element) {
  await element?.requestFullscreen().catch(() => { isRefused = true; });
  settleZoom();
}

/** Turn a phone's full screen the way that the picture is longer. A computer's refuses. */
async function turnScreen() {
  const { naturalWidth: width, naturalHeight: height } = dialogNow()?.querySelector(".large-stage img") ?? {};
  if (width && height) await screen.orientation?.lock?.(width > height ? "landscape" : "portrait").catch(() => {});
}

document.addEventListener("fullscreenchange", () => {
  if (document.fullscreenElement) turnScreen();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-zoom]");
  if (button?.dataset.zoom === "full") {
    if (document.fullscreenElement) document.exitFullscreen();
    else fillScreen(dialogNow()?.querySelector(".large-main")); // a browser refuses it to a dialog
  } else if (button) zoom(button.dataset.zoom);
});

document.addEventListener("dblclick", (event) => {
  if (zoomed?.image !== event.target) return;
  if (zoomed.pan.getScale() > 1) zoomed.pan.reset();
  else zoomed.pan.zoomToPoint(3, event, { animate: true });
});

document.addEventListener("keydown", (event) => {
  const dialog = dialogNow();
  if (!dialog || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input, textarea, select, video, audio, model-viewer")) return;
  const by = { ArrowLeft: "-1", ArrowRight: "1" }[event.key];
  const way = { "+": "in", "=": "in", "-": "out", 0: "fit" }[event.key];
  const pressed = PRESSED[event.key] ?? PRESSED[event.key.toLowerCase()];
  const button = by
    ? dialog.querySelector(`[data-action=album-step][data-by="${by}"]`)
    : pressed && dialog.querySelector(`.viewer-tools > [data-action=${pressed}]`);
  if (button) button.click();
  else if (way && (zoomed || isComing || models)) zoom(way);
  else return;
  event.preventDefault();
});

let touched = null; // where a single finger was put onto the stage

document.addEventListener("touchstart", (event) => {
  const [finger, other] = event.touches;
  const stage = event.target.closest?.("dialog.viewer .large-stage");
  const isFree = stage && !other && !event.target.closest("video, audio, model-viewer") && !(zoomed?.pan.getScale() > 1);
  touched = isFree ? { x: finger.clientX, y: finger.clientY } : null;
}, { passive: true });

document.addEventListener("touchend", (event) => {
  const [finger] = event.changedTouches;
  if (!touched || event.touches.length) return;
  const [across, down] = [finger.clientX - touched.x, finger.clientY - touched.y];
  touched = null;
  if (Math.abs(across) < SWIPE || Math.abs(across) < 2 * Math.abs(down)) return;
  dialogNow()?.querySelector(`[data-action=album-step][data-by="${across < 0 ? "1" : "-1"}"]`)?.click();
}, { passive: true });
