// player.js: the player of a clip's page: its keys, and what it says of a clip that this browser cannot play.

const NAMES = [
  [/^avc[13]/, "H.264"], [/^(hvc1|hev1|hevc)/, "HEVC (H.265)"], [/^av01/, "AV1"], [/^vp0?9/, "VP9"], [/^vp0?8/, "VP8"],
  [/^(mp4v|mpeg4)/, "MPEG-4 Part 2"], [/^mp4a/, "AAC"], [/^opus/i, "Opus"], [/^(ac-3|ac3)/, "Dolby Digital"], [/^(ec-3|eac3)/, "Dolby Digital Plus"],
  [/^prores|^ap(c|4)/, "ProRes"], [/^(wmv|msmpeg4|vc1)/, "Windows Media"], [/^(flv|vp6)/, "Flash video"], [/^mjpeg/, "Motion JPEG"],
];
const HOSTS = ["video/mp4", "video/webm", "audio/mp4", "audio/webm", "audio/ogg", "audio/mpeg"];
// What no browser opens, whatever is inside.
const CONTAINERS = { avi: "AVI", asf: "Windows Media", flv: "Flash video", mpegts: "MPEG-TS" };

function named(codec) {
  const known = NAMES.find(([pattern]) => pattern.test(codec));
  return known ? `${known[1]} (${codec})` : codec;
}

function plays(video, codec) {
  return HOSTS.some((host) => video.canPlayType(`${host}; codecs="${codec}"`) !== "");
}

// What of the clip this browser cannot play, in words; empty: it may be able to.
export function obstacles(video) {
  const found = [];
  const container = CONTAINERS[video.dataset.container];
  if (container) found.push(`${container} files`);
  for (const codec of [video.dataset.video, video.dataset.audio]) if (codec && !plays(video, codec)) found.push(named(codec));
  return found;
}

function tell(text, video) {
  const trouble = document.getElementById("trouble");
  const link = document.createElement("a");
  link.href = video.currentSrc || video.src;
  link.download = video.dataset.name;
  link.textContent = "Download the file";
  trouble.replaceChildren(`${text} `, link, " and open it in a player of this machine.");
  trouble.hidden = false;
}

// The server's own reason, if it has one.
async function reason(url) {
  try {
    const response = await fetch(url, { headers: { Accept: "application/json", Range: "bytes=0-0" }, redirect: "manual" });
    if (response.status < 400) return "";
    const text = (await response.text()).trim();
    try {
      return JSON.parse(text).error ?? text;
    } catch {
      return text;
    }
  } catch {
    return "";
  }
}

function step(video, seconds) {
  const end = Number.isFinite(video.duration) ? video.duration : Infinity;
  video.currentTime = Math.min(end, Math.max(0, video.currentTime + seconds));
}

function frame(video, direction) {
  video.pause();
  step(video, direction / (Number(video.dataset.fps) || 30));
}

function go(rel) {
  const link = document.querySelector(`.around a[rel=${rel}]`);
  if (link) location.assign(link.href);
}

const toggle = (video) => (video.paused ? video.play().catch(() => {}) : video.pause());
const screen = (video) => (document.fullscreenElement ? document.exitFullscreen() : video.requestFullscreen?.());
const KEYS = {
  " ": toggle,
  k: toggle,
  ArrowLeft: (video) => step(video, -5),
  ArrowRight: (video) => step(video, 5),
  j: (video) => step(video, -10),
  l: (video) => step(video, 10),
  ",": (video) => frame(video, -1),
  ".": (video) => frame(video, 1),
  m: (video) => (video.muted = !video.muted),
  f: screen,
  n: () => go("next"),
  p: () => go("prev"),
};

export function begin() {
  const video = document.getElementById("player");
  if (!video) return;
  const found = obstacles(video);
  if (found.length > 0) tell(`This browser cannot play ${found.join(" and ")}.`, video);
  video.addEventListener("error", async () => {
    if (obstacles(video).length > 0) return;
    const why = await reason(video.src);
    if (why) {
      const trouble = document.getElementById("trouble");
      trouble.textContent = `This clip cannot be shown: ${why}`;
      trouble.hidden = false;
    } else {
      tell("This browser cannot play this clip.", video);
    }
  });
  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, select, textarea, button, summary")) return;
    if (target.closest("a") && event.key === " ") return;
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act(video);
  });
}
