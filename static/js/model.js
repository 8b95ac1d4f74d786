// A 3D model in the large view: @google/model-viewer, which is loaded when the first one is opened. It draws glTF files from
// their bytes; its decoders (Draco, meshopt) come from this page's own origin, and only for files that need them.

import { say as announce } from "./live.js";

const VENDOR = new URL("../vendor/model-viewer/", import.meta.url).href;
const STEP = 4; // of the wheel, for one press of a button
const FIRST_VIEW = "25deg 75deg auto"; // from the right and above

let loading = null; // or loaded; a failure stays, since browsers remember it too

/** The viewer's module. It takes its settings from this global once, when its first element is made. */
function load() {
  globalThis.ModelViewerElement ??= {
    dracoDecoderLocation: VENDOR,
    ktx2TranscoderLocation: VENDOR, // there is none: such a file fails, and no other address is asked
    meshoptDecoderLocation: `${VENDOR}meshopt_decoder.js`,
  };
  loading ??= import("../vendor/model-viewer/model-viewer.min.js").then(({ ModelViewerElement }) => {
    ModelViewerElement.minimumRenderScale = 1; // a smaller one would cut its drawing
  });
  return loading;
}

const canDraw = () => Boolean(document.createElement("canvas").getContext("webgl2"));

/** Show one of the lines about the state, or none. */
function say(place, when) {
  for (const line of place.querySelectorAll("[data-when]")) {
    line.hidden = line.dataset.when !== when;
    if (!line.hidden) announce(line.textContent);
  }
  place.querySelector(".large-words").hidden = !when;
}

/** Draw the model of this element, once. `tell(result, index, [picture], "drawing")` gets what it looks like. */
export async function showModel(place, tell) {
  if (place.dataset.state) return;
  place.dataset.state = "loading";
  const end = (state) => {
    place.dataset.state = state;
    say(place, state === "shown" ? "" : state);
  };
  if (!canDraw()) return end("no-webgl");
  try {
    await load();
  } catch {
    return end("not-loaded");
  }
  const viewer = document.createElement("model-viewer");
  viewer.addEventListener("load", () => {
    end("shown");
    const { promptId, index } = place.dataset;
    viewer.toBlob().then((drawing) => tell(promptId, index, [drawing], "drawing"), () => {}); // it was closed
  }, { once: true });
  viewer.addEventListener("error", ({ detail }) => {
    viewer.remove();
    end(detail?.type === "webglcontextlost" ? "no-webgl" : "failed");
  });
  for (const name of ["camera-controls", "autoplay", "disable-tap"]) viewer.setAttribute(name, "");
  viewer.setAttribute("interaction-prompt", "none");
  viewer.setAttribute("shadow-intensity", "0.7");
  viewer.setAttribute("environment-image", "legacy"); // light from one side, and not much: many models are plain white
  viewer.setAttribute("exposure", "0.75");
  viewer.setAttribute("touch-action", "none");
  viewer.cameraOrbit = FIRST_VIEW;
  viewer.alt = place.dataset.alt;
  viewer.setAttribute("a11y", place.dataset.words);
  viewer.src = place.dataset.kept;
  place.prepend(viewer);
}

/** Nearer, further, or as at first; false if the dialog has no model. */
export function zoomModel(dialog, name) {
  const viewer = dialog.querySelector("model-viewer");
  if (!viewer) return false;
  if (name === "fit") {
    viewer.cameraOrbit = FIRST_VIEW;
    viewer.cameraTarget = "auto auto auto";
    viewer.resetTurntableRotation();
  } else viewer.zoom(name === "in" ? STEP : -STEP);
  return true;
}
