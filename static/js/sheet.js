// A contact sheet as one picture: drawn on a canvas from the open table, with the originals that this browser keeps.

import { say } from "./live.js";

const LARGEST = 8000; // pixels of either side that every browser draws
const CELL = 1024; // pixels of one picture, at most
const LABEL = { size: 28, line: 36, gap: 16 };
const FONT = `600 ${LABEL.size}px system-ui, sans-serif`;
const WORD = 360; // pixels: a longer word of a label is broken

const load = (url) => {
  const image = new Image();
  image.src = url;
  return image.decode().then(() => image, () => null);
};

/** The table as it stands: labels, and each cell's picture or words. */
async function read(table) {
  const columns = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
  const rows = await Promise.all([...table.querySelectorAll("tbody tr")].map(async (row) => ({
    label: row.querySelector("th").textContent.trim(),
    cells: await Promise.all([...row.querySelectorAll("td")].map(async (cell) => ({
      image: cell.dataset.full ? await load(cell.dataset.full) : null,
      words: cell.textContent.trim(),
    }))),
  })));
  return { columns, rows };
}

/** A label in lines that are no wider than `width`; words that are too long are broken. */
function wrap(context, text, width, most) {
  const lines = [""];
  for (const part of text.split(/(\s+)/)) {
    for (const piece of context.measureText(part).width > width ? [...part] : [part]) {
      if (lines.at(-1) && context.measureText(lines.at(-1) + piece).width > width) lines.push("");
      lines[lines.length - 1] = (lines.at(-1) + piece).trimStart();
    }
  }
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most - 1), `${lines[most - 1].slice(0, -1)}…`];
}

/** How wide the longest word above the columns is, in pixels: numbers are not broken, however small the pictures are. */
function longestWord(canvas, labels) {
  const context = canvas.getContext("2d");
  context.font = FONT;
  const words = labels.flatMap((label) => label.split(/\s+/));
  return Math.ceil(Math.min(WORD, Math.max(0, ...words.map((word) => context.measureText(word).width))));
}

function draw({ columns, rows }) {
  const images = rows.flatMap((row) => row.cells.map((cell) => cell.image)).filter(Boolean);
  let wide = Math.min(CELL, Math.max(...images.map((image) => image.naturalWidth)));
  let high = Math.min(CELL, Math.max(...images.map((image) => image.naturalHeight)));
  const gap = 8;
  const head = 3 * LABEL.line + LABEL.gap;
  const side = 260;
  const scale = Math.min(1, (LARGEST - side) / (columns.length * (wide + gap)), (LARGEST - head) / (rows.length * (high + gap)));
  const canvas = document.createElement("canvas");
  wide = Math.max(32, Math.floor(wide * scale), Math.min(longestWord(canvas, columns), LARGEST / columns.length - 2 * gap - side / columns.length));
  high = Math.max(32, Math.floor(high * scale));
  canvas.width = side + columns.length * (wide + gap) + gap;
  canvas.height = head + rows.length * (high + gap) + gap;
  const context = canvas.getContext("2d");
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.font = FONT;
  const write = (lines, x, y, height) => {
    context.fillStyle = "#1b2733";
    const top = y + (height - lines.length * LABEL.line) / 2 + LABEL.size;
    lines.forEach((line, at) => context.fillText(line, x, top + at * LABEL.line));
  };
  context.textAlign = "center";
  columns.forEach((label, at) => write(wrap(context, label, wide, 3), side + at * (wide + gap) + wide / 2, LABEL.gap / 2, head - LABEL.gap));
  rows.forEach((row, down) => {
    const y = head + down * (high + gap);
    context.textAlign = "right";
    write(wrap(context, row.label, side - 2 * LABEL.gap, Math.max(1, Math.floor(high / LABEL.line))), side - LABEL.gap, y, high);
    context.textAlign = "center";
    row.cells.forEach((cell, across) => {
      const x = side + across * (wide + gap);
      if (!cell.image) {
        context.fillStyle = "#eef1f4";
        context.fillRect(x, y, wide, high);
        write(wrap(context, cell.words, wide, 2), x + wide / 2, y, high);
        return;
      }
      const fit = Math.min(wide / cell.image.naturalWidth, high / cell.image.naturalHeight);
      const size = [cell.image.naturalWidth * fit, cell.image.naturalHeight * fit];
      context.drawImage(cell.image, x + (wide - size[0]) / 2, y + (high - size[1]) / 2, ...size);
    });
  });
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-save-sheet]");
  const table = button?.closest("dialog")?.querySelector(".sheet-table");
  if (!table || button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  const blob = await read(table).then(draw).catch(() => null);
  button.ariaBusy = "false";
  if (!blob) {
    button.querySelector("span").textContent = button.dataset.failed;
    return say(button.dataset.failed);
  }
  download(blob, `${table.dataset.title.replace(/[^\p{L}\p{N} ._-]+/gu, " ").trim() || "sheet"}.png`);
});
