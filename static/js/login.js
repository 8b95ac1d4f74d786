// The login page: sends what was typed, and continues to the page that was asked for. Nothing is kept here.
import { translate } from "./languages.js";

const form = document.getElementById("login");
const name = document.getElementById("name");
const password = document.getElementById("password");
const trouble = document.getElementById("trouble");
const enter = document.getElementById("enter");

/** A message of the document, in its language. */
const message = (id) => document.getElementById(`text-${id}`).textContent;

/** If the gateway cannot end a single session, say until when a copy of the login stays valid. */
function tellCopies() {
  const until = new Date(Number(new URLSearchParams(location.search).get("copies") ?? 0) * 1000);
  if (!(until > new Date())) return;
  const time = until.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  const note = document.getElementById("copies");
  note.textContent = message("copies").replace("{time}", time);
  note.hidden = false;
}

/** The address that a text means, or null if it is none. */
const addressOf = (text) => {
  try {
    return new URL(text, location.origin);
  } catch {
    return null;
  }
};

// The page that the user asked for, only one of this site; with the link into the page that it was opened with.
const onward = () => {
  const place = addressOf(new URLSearchParams(location.search).get("to") ?? "/");
  // A blob: address has this origin, too.
  if (place?.origin !== location.origin || !/^https?:$/.test(place.protocol) || place.username || place.password) {
    return "/";
  }
  place.hash ||= location.hash;
  return place.href;
};

const tell = (text, field) => {
  trouble.textContent = text;
  for (const one of [name, password]) one.setAttribute("aria-invalid", String(one === field));
  field?.focus();
};

const wait = (seconds) => message("wait").replace("{seconds}", String(Math.max(1, Math.ceil(seconds))));

const explain = (answer) => {
  if (answer.status === 401) return [message("wrong"), password];
  if (answer.status === 429) return [wait(Number(answer.headers.get("Retry-After") ?? 1)), null];
  return [message("failed").replace("{status}", String(answer.status)), null];
};

const send = async () => {
  const body = JSON.stringify({ name: name.value, password: password.value });
  const answer = await fetch("/login", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  if (answer.ok) {
    location.replace(onward());
    return;
  }
  tell(...explain(answer));
  if (answer.status === 401) password.select();
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (enter.getAttribute("aria-busy") === "true") return;
  if (!name.value.trim()) return void tell(message("no-name"), name);
  if (!password.value) return void tell(message("no-password"), password);
  tell("", null);
  enter.setAttribute("aria-busy", "true");
  try {
    await send();
  } catch {
    tell(message("unreachable"), null);
  } finally {
    enter.setAttribute("aria-busy", "false");
  }
});

name.focus();
translate().then(tellCopies);
