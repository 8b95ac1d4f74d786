// Notifications for a user whose focus is elsewhere: the system's notices, two notes, a number at the app's icon. `app/browser/notifications.py`
// is the only caller; what is shown, and when, is decided in `app/ui/settings/notifications.py`. Only one window notifies of one event.

import { owned } from "./owned.js";

const RECENT = owned("mooring.notified"); // localStorage: the latest notifications of all windows, and when one last made a sound
const ICON = new URL("../icons/favicon.svg", import.meta.url).href;
const MOST_RECENT = 100;
const APART = 3000; // milliseconds between the sounds of all windows
const NOTES = { good: [660, 880], bad: [330, 247] };

let isBroken = false; // phones have the class, and notices only by a service worker
let shown = null;
let context = null;

/** "absent" where a page has no notices: at an address that is no secure context, too. */
export function permission() {
  if (!isSecureContext || isBroken || !("Notification" in globalThis)) return "absent";
  return Notification.permission;
}

export async function ask() {
  if (permission() === "absent") return "absent";
  await Notification.requestPermission();
  return permission();
}

export const hasFocus = () => !document.hidden && document.hasFocus();

/** Notify the user, unless another window has: `{ids, title, body, isBad, hasNotice, hasSound, isQuiet}` as JSON. */
export async function notify(text) {
  const notification = JSON.parse(text);
  const locks = navigator.locks;
  const claimed = locks ? await locks.request(RECENT, () => claim(notification)) : claim(notification);
  if (!claimed.isOurs) return;
  if (notification.hasNotice) show(notification);
  if (notification.hasSound && claimed.maySound) await play(notification.isBad ? NOTES.bad : NOTES.good);
}

function claim(notification) {
  try {
    const recent = JSON.parse(localStorage.getItem(RECENT) ?? "{}");
    const ids = recent.ids ?? [];
    const fresh = notification.ids.filter((id) => !ids.includes(id));
    const isOurs = fresh.length > 0 || notification.ids.length === 0;
    const maySound = isOurs && Math.abs(Date.now() - (recent.at ?? 0)) > APART;
    const at = maySound && notification.hasSound ? Date.now() : recent.at;
    localStorage.setItem(RECENT, JSON.stringify({ ids: [...ids, ...fresh].slice(-MOST_RECENT), at }));
    return { isOurs, maySound };
  } catch {
    return { isOurs: true, maySound: true }; // storage is blocked: each window for itself
  }
}

function show({ title, body, isQuiet }) {
  if (permission() !== "granted") return;
  try {
    shown?.close();
    shown = new Notification(title, { body, silent: isQuiet, icon: ICON });
  } catch {
    isBroken = true;
    return;
  }
  shown.onclick = () => {
    window.focus();
    shown?.close();
  };
}

/** Two soft notes. A browser plays nothing before the page was clicked or typed into once. */
async function play([first, second]) {
  context ??= new AudioContext();
  if (context.state === "suspended") await Promise.race([context.resume(), new Promise((done) => setTimeout(done, 500))]);
  if (context.state !== "running") return;
  const volume = context.createGain();
  volume.connect(context.destination);
  for (const [at, frequency] of [[0, first], [0.16, second]]) {
    const note = context.createOscillator();
    const from = context.currentTime + at;
    note.frequency.value = frequency;
    note.connect(volume);
    volume.gain.setValueAtTime(0.0001, from);
    volume.gain.exponentialRampToValueAtTime(0.2, from + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, from + 0.15 + at);
    note.start(from);
    note.stop(from + 0.35);
  }
}

export function setBadge(count) {
  const done = count ? navigator.setAppBadge?.(count) : navigator.clearAppBadge?.();
  done?.catch(() => {}); // only an installed app has one
}

const seen = () => {
  if (!hasFocus()) return;
  shown?.close();
  shown = null;
};
addEventListener("focus", seen);
document.addEventListener("visibilitychange", seen);
