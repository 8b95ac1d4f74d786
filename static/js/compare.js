// Pictures of open dialogs that are read from the store here: two that are compared, with a line between them that is
// dragged, and the small ones of the strip below a result shown large.

import { formatPercent } from "./format.js";
import { getKept, openKept } from "./kept.js";

const PICTURES = "dialog img[data-name], dialog img[data-small]";
const shown = new Map(); // image element → { name, url }
let connection = null; // the promise of one, while there are such pictures
let last = ""; // what the strip was scrolled to

const nameOf = (image) => image.dataset.name ?? image.dataset.small;

/** The page was patched: pictures get their bytes; those that are gone release theirs. A patch may use an image element for
 *  another picture, and takes away the address, which it knows nothing of. */
export function settlePictures() {
  for (const [image, { name, url }] of shown) {
    if (image.isConnected && nameOf(image) === name) {
      if (url && !image.hasAttribute("src")) image.src = url;
      continue;
    }
    URL.revokeObjectURL(url);
    shown.delete(image);
  }
  const images = [...document.querySelectorAll(PICTURES)];
  for (const image of images) if (!shown.has(image)) fill(image);
  if (!images.length) letGo();
  drawLine(document.getElementById("compare-slider"));
  const current = document.querySelector(".film [aria-current]");
  if (current && current.id !== last) centre(current);
  last = current?.id ?? "";
}

/** Only within the strip: `scrollIntoView` would also scroll a dialog that is higher than the window. */
function centre(item) {
  const [box, strip] = [item.getBoundingClientRect(), item.parentElement.getBoundingClientRect()];
  item.parentElement.scrollLeft += box.left + box.width / 2 - strip.left - strip.width / 2;
}

function letGo() {
  connection?.then((database) => database.close(), () => {});
  connection = null;
}

async function fill(image) {
  const name = nameOf(image);
  const picture = { name, url: "" };
  shown.set(image, picture);
  const kinds = image.dataset.small === undefined ? ["results", "thumbnails"] : ["thumbnails", "results"];
  const blob = await read(name, kinds).catch(() => null);
  if (shown.get(image) !== picture) return; // it shows another one by now
  picture.url = blob && image.isConnected ? URL.createObjectURL(blob) : "";
  image.closest("figure")?.classList.toggle("is-missing", !picture.url);
  if (picture.url) image.src = picture.url;
}

async function read(name, [first, second]) {
  connection ??= openKept(() => { connection = null; });
  const database = await connection.catch((error) => {
    connection = null; // reopened with the next picture
    throw error;
  });
  const row = (await getKept(database, first, name)) ?? (await getKept(database, second, name));
  return row?.blob ?? null;
}

function drawLine(slider) {
  if (!slider) return;
  slider.closest(".compare-stage").style.setProperty("--at", `${slider.value}%`);
  slider.setAttribute("aria-valuetext", formatPercent(document.documentElement.lang, slider.value / 100));
}

document.addEventListener("input", (event) => {
  if (event.target.id === "compare-slider") drawLine(event.target);
});
