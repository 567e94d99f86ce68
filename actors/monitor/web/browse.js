// browse.js: the grid: search as you type, filters without a reload, endless scroll, and the place that is kept on the way back.
//
// The server renders every page of clips; this fetches the same pages and takes their parts over. The query stands in the URL. What
// the visitor had before them when they left is kept in sessionStorage, under a key that the entry of the history carries.
import { decorate } from "./cards.js";
import { page } from "./fetching.js";

const TYPING_MS = 180;
const KEPT = "reelyard:place:";
const KEPT_MAX = 4;

const results = () => document.getElementById("results");
const next = () => results().querySelector("a[rel=next]");
let loading = null; // an AbortController
let watcher = null;

function say(text) {
  const summary = results().querySelector(".summary");
  if (summary) summary.textContent = text;
}

// ---- endless scroll

async function append() {
  const link = next();
  if (!link || loading) return;
  const mine = (loading = new AbortController());
  link.setAttribute("aria-busy", "true");
  try {
    const fetched = await page(link.href, mine.signal);
    const list = results().querySelector(".clips");
    const seen = new Set(Array.from(list.children, (card) => card.id));
    for (const card of fetched.querySelectorAll("#results .card")) if (!seen.has(card.id)) list.append(document.adoptNode(card));
    const onward = fetched.querySelector("#results a[rel=next]");
    if (onward) link.href = onward.href;
    else link.remove();
    decorate(list);
  } catch (error) {
    if (error.name !== "AbortError") link.textContent = `${error.message} Try again`;
  } finally {
    link.removeAttribute("aria-busy");
    if (loading === mine) {
      loading = null;
      watch(); // anew, so that a link that is still in view is told of
    }
  }
}

function watch() {
  watcher?.disconnect();
  const link = next();
  if (!link) return;
  watcher = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && append(), { rootMargin: "1200px" });
  watcher.observe(link);
}

// ---- another query

function take(fetched) {
  results().replaceWith(document.adoptNode(fetched.getElementById("results")));
  const filters = fetched.querySelector(".filters .drawer");
  const drawer = document.querySelector(".filters .drawer");
  if (filters && drawer) {
    const open = new Map(Array.from(drawer.querySelectorAll("details"), (part) => [part.firstElementChild.textContent, part.open]));
    drawer.replaceChildren(...document.adoptNode(filters).childNodes);
    for (const part of drawer.querySelectorAll("details")) part.open = open.get(part.firstElementChild.textContent) ?? part.open;
  }
  const keep = fetched.querySelector("[data-keep]");
  if (keep) document.querySelector("[data-keep]").replaceWith(document.adoptNode(keep));
  document.title = fetched.title;
  prepare();
}

// Shows the clips of a URL. how: "push", "replace", or nothing when the history has it already.
async function show(url, how) {
  loading?.abort();
  const mine = (loading = new AbortController());
  document.body.ariaBusy = "true";
  try {
    const fetched = await page(url, mine.signal);
    if (how === "push") history.pushState({ key: crypto.randomUUID?.() ?? String(Math.random()) }, "", url);
    else if (how === "replace") history.replaceState(history.state, "", url);
    loading = null;
    take(fetched);
    if (how === "push") scrollTo(0, 0);
  } catch (error) {
    if (error.name !== "AbortError") say(error.message);
  } finally {
    document.body.ariaBusy = "false";
    if (loading === mine) loading = null;
  }
}

// The URL that a form would go to, without what is left empty.
function address(form) {
  const url = new URL(form.action);
  for (const [name, value] of new FormData(form)) if (value !== "") url.searchParams.append(name, value);
  return url.href;
}

// Typing goes on with one entry of the history, whatever the words before it were.
let typing = false;
function typed(form) {
  const url = address(form);
  if (url === location.href) return;
  const how = typing ? "replace" : "push";
  typing = true;
  show(url, how);
}

function listen() {
  const form = document.querySelector("form.search");
  let timer = 0;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => typed(form), TYPING_MS);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    typed(form);
    typing = false;
  });
  form.addEventListener("focusout", () => (typing = false));
  document.addEventListener("change", (event) => {
    if (event.target.closest(".filters form")) show(address(event.target.form), "push");
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.closest(".filters form")) return;
    event.preventDefault();
    show(address(event.target), "push");
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".filters a, .chips a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    show(link.href, "push");
  });
  addEventListener("popstate", async () => {
    typing = false;
    const query = document.getElementById("q");
    query.value = new URL(location).searchParams.get("q") ?? "";
    if (!restore()) await show(location.href);
  });
}

// ---- the place

function forget() {
  const keys = Object.keys(sessionStorage).filter((key) => key.startsWith(KEPT));
  keys.sort((a, b) => Number(JSON.parse(sessionStorage[a]).at) - Number(JSON.parse(sessionStorage[b]).at));
  for (const key of keys.slice(0, Math.max(0, keys.length - KEPT_MAX + 1))) sessionStorage.removeItem(key);
}

function keep() {
  const key = history.state?.key;
  if (!key) return;
  // By the first card in view: what stands above it may be laid out a little differently the next time.
  const anchor = Array.from(results().querySelectorAll(".card")).find((card) => card.getBoundingClientRect().bottom > 0);
  const place = { at: Date.now(), url: location.href, y: scrollY, html: results().innerHTML };
  if (anchor && scrollY > 0) Object.assign(place, { card: anchor.id, top: anchor.getBoundingClientRect().top });
  try {
    forget();
    sessionStorage.setItem(KEPT + key, JSON.stringify(place));
  } catch {
    // The storage is full: the way back then begins at the top.
    sessionStorage.removeItem(KEPT + key);
  }
}

// Puts back what was left under the history's entry. The HTML is what this server made.
function restore() {
  const stored = history.state?.key && sessionStorage.getItem(KEPT + history.state.key);
  if (!stored) return false;
  const place = JSON.parse(stored);
  if (place.url !== location.href) return false;
  results().innerHTML = place.html;
  for (const frame of results().querySelectorAll("[data-ready]")) frame.removeAttribute("data-ready");
  for (const canvas of results().querySelectorAll("canvas, .sheet")) canvas.remove();
  prepare();
  const card = place.card && document.getElementById(place.card);
  if (card) scrollBy(0, card.getBoundingClientRect().top - place.top);
  else scrollTo(0, place.y);
  return true;
}

function prepare() {
  decorate(results());
  watch();
}

export function begin() {
  history.scrollRestoration = "manual";
  const how = performance.getEntriesByType("navigation")[0]?.type;
  if (!history.state?.key) history.replaceState({ key: crypto.randomUUID?.() ?? String(Math.random()) }, "");
  else if (how !== "navigate" && restore()) return listening();
  prepare();
  listening();
}

function listening() {
  listen();
  addEventListener("pagehide", keep);
  document.documentElement.dataset.enriched = "";
}
