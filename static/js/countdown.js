// Time that counts down: once a second, in the page itself, so that no patch is needed for it. An element with `data-ends` and `data-until`
// (seconds since the epoch) says `data-coming` with its `{time}`, then `data-over`, and nothing once the end is unknown. The time stops at
// `data-holds`: then nothing has moved for too long. Differences are taken by the browser's clock that is never set.

const two = (number) => String(number).padStart(2, "0");
const seen = new Map(); // by `data-ends`: how far its clock was ahead of ours when it was drawn

/** 0:12, 12:40, 1:02:09; as `word_time` of app/ui/runs/progress_words.py. */
function clock(seconds) {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

function say({ ends, until, holds, coming, over }) {
  if (!seen.has(ends)) seen.set(ends, (Date.now() - performance.now()) / 1000);
  const now = performance.now() / 1000 + seen.get(ends);
  if (now > Number(until)) return "";
  const left = Math.round(Number(ends) - Math.min(now, Number(holds) || now)); // `inf` is no number: it does not stop
  return left > 0 ? coming.replace("{time}", clock(left)) : over;
}

let title = "";
let titleEnds = "";

function tick() {
  const shown = document.hidden ? [] : [...document.querySelectorAll("[data-ends]")];
  const known = new Set([titleEnds.split(" ")[0], ...shown.map((element) => element.dataset.ends)]);
  for (const ends of seen.keys()) if (!known.has(ends)) seen.delete(ends);
  showTitle();
  for (const element of shown) {
    const text = say(element.dataset);
    if (element.textContent !== text) element.textContent = text;
  }
}

function showTitle() {
  const [ends, until, holds] = titleEnds.split(" ");
  const left = titleEnds && say({ ends, until, holds, coming: "{time}", over: "" });
  const text = title.replace("{left} · ", left ? `${left} · ` : "");
  if (title && document.title !== text) document.title = text;
}

/** The title, in which `{left} · ` is the time until `ends` ("ends until holds"; empty: unknown). What is undefined stays. */
export function setTitle(text = title, ends = titleEnds) {
  if (text === title && ends === titleEnds) return;
  [title, titleEnds] = [text, ends];
  showTitle();
}

setInterval(tick, 1000);
document.addEventListener("visibilitychange", tick);
