// A picture from the camera: live in a dialog where the page may ask for one. On a plain http address it may not, and a
// phone's own camera is asked by `<input capture>` there; which of the two is offered, form.css decides.

import { say } from "./live.js";

const SIZE = { width: { ideal: 1920 }, height: { ideal: 1080 }, facingMode: "environment" };
const QUALITY = 0.95;

let video = null; // of the open dialog
let stream = null;
let tell = null; // how a file is handed on

async function look() {
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  document.documentElement.classList.toggle("has-camera", devices.some((device) => device.kind === "videoinput"));
}

if (navigator.mediaDevices) {
  navigator.mediaDevices.addEventListener("devicechange", look);
  look();
}

/** After a patch: a dialog that was opened begins, and the camera is let go once it is closed. */
export function beginCamera(tellFiles) {
  const found = document.querySelector("[data-camera]");
  if (found === video) return;
  for (const track of stream?.getTracks() ?? []) track.stop();
  [video, stream, tell] = [found, null, tellFiles];
  if (video) open();
}

async function open() {
  const mine = video;
  const asked = await navigator.mediaDevices.getUserMedia({ video: SIZE }).catch(() => null);
  if (mine !== video) {
    for (const track of asked?.getTracks() ?? []) track.stop();
    return;
  }
  stream = asked;
  const note = document.getElementById("camera-note");
  note.hidden = Boolean(stream);
  if (!stream) return say(note.textContent.trim(), "now");
  video.srcObject = stream;
  await video.play().catch(() => {});
  if (mine === video) document.getElementById("camera-take").disabled = false;
}

async function take() {
  const { node, name } = video.dataset;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  const close = video.closest("dialog").querySelector("[data-action=close-dialog]");
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
  const at = new Date().toISOString().slice(0, 19).replaceAll(":", "").replace("T", "-");
  tell(node, name, [new File([blob], `camera-${at}.jpg`, { type: "image/jpeg" })]);
  close.click();
}

document.addEventListener("click", (event) => {
  if (event.target.closest?.("#camera-take") && video?.videoWidth) take();
});
