// Time that counts down: once a second, in the page itself, so that no patch is needed for it. An element with `data-ends` and `data-until`
// (seconds since the epoch) says `data-coming` with its `{time}`, then `data-over`, and nothing once the end is unknown.

const two = (number) => String(number).padStart(2, "0");

/** 0:12, 12:40, 1:02:09; as `word_time` of app/ui/runs/progress_words.py. */
function clock(seconds) {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

function say({ ends, until, coming, over }, now) {
  if (now > Number(until)) return "";
  const left = Math.round(Number(ends) - now);
  return left > 0 ? coming.replace("{time}", clock(left)) : over;
}

let title = "";
let titleEnds = "";

function tick() {
  const now = Date.now() / 1000;
  showTitle(now);
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-ends]")) {
    const text = say(element.dataset, now);
    if (element.textContent !== text) element.textContent = text;
  }
}

function showTitle(now = Date.now() / 1000) {
  const [ends, until] = titleEnds.split(" ");
  const left = titleEnds && say({ ends, until, coming: "{time}", over: "" }, now);
  const text = title.replace("{left} · ", left ? `${left} · ` : "");
  if (title && document.title !== text) document.title = text;
}

/** The title, in which `{left} · ` is the time until `ends` ("ends until"; empty: unknown). What is undefined stays. */
export function setTitle(text = title, ends = titleEnds) {
  if (text === title && ends === titleEnds) return;
  [title, titleEnds] = [text, ends];
  showTitle();
}

setInterval(tick, 1000);
document.addEventListener("visibilitychange", tick);
