// cards.js: what cards gain by script: placeholders until their images are there, storyboards, times of the reader's own zone.
import { paint } from "./thumbhash.js";

const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    const date = new Date(time.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    time.title = time.textContent;
    time.textContent = local.format(date);
  }
}

function placeholder(frame) {
  const image = frame.querySelector("img");
  if (frame.querySelector("canvas") || (image && image.complete && image.naturalWidth > 0)) return;
  const canvas = paint(frame.dataset.hash);
  if (!canvas) return;
  canvas.ariaHidden = "true";
  frame.prepend(canvas);
}

// The sheet of key frames that lies over a card's image while the pointer moves over it.
function storyboard(frame) {
  const columns = Number(frame.dataset.columns);
  const rows = Number(frame.dataset.rows);
  const count = Number(frame.dataset.count);
  if (!(columns > 0 && rows > 0 && count > 0)) return;
  let sheet = null;
  const show = (event) => {
    if (!sheet) {
      sheet = document.createElement("span");
      sheet.className = "sheet";
      sheet.style.backgroundImage = `url("${encodeURI(frame.dataset.sheet)}")`;
      sheet.style.backgroundSize = `${columns * 100}% ${rows * 100}%`;
      frame.querySelector(".length")?.before(sheet) ?? frame.append(sheet);
    }
    const box = frame.getBoundingClientRect();
    const part = Math.min(0.999, Math.max(0, (event.clientX - box.left) / box.width));
    const index = Math.floor(part * count);
    const x = columns > 1 ? ((index % columns) / (columns - 1)) * 100 : 0;
    const y = rows > 1 ? (Math.floor(index / columns) / (rows - 1)) * 100 : 0;
    sheet.style.backgroundPosition = `${x}% ${y}%`;
  };
  const hide = () => {
    sheet?.remove();
    sheet = null;
  };
  // A mouse shows it by hovering, a finger by moving sideways.
  frame.addEventListener("pointermove", show);
  for (const over of ["pointerleave", "pointercancel", "pointerup"]) frame.addEventListener(over, hide);
}

// Gives the cards below root what they gain. May be called again with more of them.
export function decorate(root) {
  localTimes(root);
  for (const frame of root.querySelectorAll(".frame:not([data-ready])")) {
    frame.dataset.ready = "";
    if (frame.dataset.hash) placeholder(frame);
    if (frame.dataset.sheet) storyboard(frame);
  }
}
