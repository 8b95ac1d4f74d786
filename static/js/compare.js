// Two results beside each other, or one over the other with a slider between them. Their bytes are read from the store here.

import { getKept, openKept } from "/static/js/kept.js";

const urls = new Map(); // image element → address

/** The page was patched: pictures that are to be compared get their bytes; those that are gone let go of theirs. */
export function settleComparison() {
  for (const [image, url] of urls) {
    if (image.isConnected) continue;
    URL.revokeObjectURL(url);
    urls.delete(image);
  }
  for (const image of document.querySelectorAll("dialog.compare img[data-name]")) if (!urls.has(image)) fill(image);
}

async function fill(image) {
  urls.set(image, "");
  const blob = await read(image.dataset.name).catch(() => null);
  const url = blob && image.isConnected ? URL.createObjectURL(blob) : "";
  urls.set(image, url);
  image.closest("figure")?.classList.toggle("is-missing", !url);
  if (url) image.src = url;
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
