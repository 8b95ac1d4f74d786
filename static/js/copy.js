// What a click copies: a text, or the picture that is shown large. The button says what came of it for a moment.

import { say as announce } from "./live.js";

const BRIEFLY = 2000; // milliseconds
const LONGER = 6000;

/** A click on `data-copy` copies the text of that element, or its own if it names none. Where the browser forbids it, the text is shown and selected,
 *  and the button says which keys copy it. One on `data-copy-picture` copies the picture of its dialog, one on
 *  `data-copy-link` this page's address with that link. */
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy], [data-copy-picture], [data-copy-link]");
  if (!button) return;
  if (button.dataset.copyLink !== undefined) {
    const isCopied = await copy(`${location.origin}${location.pathname}#${button.dataset.copyLink}`);
    say(button, isCopied ? button.dataset.copied : button.dataset.refused, isCopied ? BRIEFLY : LONGER);
    return;
  }
  const isText = button.dataset.copy !== undefined;
  const source = document.getElementById(button.dataset.copy) ?? button.querySelector("span");
  const isDone = await (isText ? copyText(source) : copyPicture(button.closest("dialog")));
  say(button, isDone ? button.dataset.copied : isText ? button.dataset.select : button.dataset.refused, isDone ? BRIEFLY : LONGER);
});

function say(button, words, milliseconds) {
  const label = button.querySelector("span");
  if (label.textContent === words) return;
  const before = label.textContent;
  label.textContent = words;
  announce(words);
  setTimeout(() => { label.textContent = before; }, milliseconds);
}

async function copyText(element) {
  const isDone = await copy(element.innerText || element.textContent);
  if (!isDone) select(element);
  return isDone;
}

function select(element) {
  const fold = element.closest("details");
  if (fold) fold.open = true;
  getSelection().selectAllChildren(element);
}

/** A page that is no secure context has no clipboard, but a click may still copy a text by the old way. */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
  let isTaken = false;
  const give = (event) => {
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
    isTaken = true;
  };
  document.addEventListener("copy", give, { once: true });
  const isDone = document.execCommand("copy");
  document.removeEventListener("copy", give);
  return isDone && isTaken;
}

/** As a PNG, which is what clipboards take, and without what was written into the file. There is no old way for pictures. */
async function copyPicture(dialog) {
  const image = dialog?.querySelector(".large-stage img");
  if (!image || !navigator.clipboard?.write || !globalThis.ClipboardItem) return false;
  const item = new ClipboardItem({ "image/png": drawn(image) });
  return navigator.clipboard.write([item]).then(() => true, () => false);
}

async function drawn(image) {
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  canvas.getContext("2d").drawImage(image, 0, 0);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/png");
  });
}
