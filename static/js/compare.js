// Two results beside each other, or one over the other with a slider between them. Their bytes are read from the store here.

import { getKept, openKept } from "./kept.js";

const shown = new Map(); // image element → { name, url }

/** The page was patched: compared pictures get their bytes; those that are gone release theirs. A patch
 *  may use an image element for another picture, and takes away the address, which it knows nothing of. */
export function settleComparison() {
  for (const [image, { name, url }] of shown) {
    if (image.isConnected && image.dataset.name === name) {
      if (url && !image.hasAttribute("src")) image.src = url;
      continue;
    }
    URL.revokeObjectURL(url);
    shown.delete(image);
  }
  for (const image of document.querySelectorAll("dialog.compare img[data-name]")) if (!shown.has(image)) fill(image);
}

async function fill(image) {
  const { name } = image.dataset;
  const picture = { name, url: "" };
  shown.set(image, picture);
  const blob = await read(name).catch(() => null);
  if (shown.get(image) !== picture) return; // it shows another one by now
  picture.url = blob && image.isConnected ? URL.createObjectURL(blob) : "";
  image.closest("figure")?.classList.toggle("is-missing", !picture.url);
  if (picture.url) image.src = picture.url;
}

async function read(name) {
  const database = await openKept();
  try {
    const row = (await getKept(database, "results", name)) ?? (await getKept(database, "thumbnails", name));
    return row?.blob ?? null;
  } finally {
    database.close();
  }
}

document.addEventListener("input", (event) => {
  if (event.target.matches?.("dialog.compare input[type=range]")) {
    event.target.closest("dialog").querySelector(".compare-stage").style.setProperty("--at", `${event.target.value}%`);
  }
});
