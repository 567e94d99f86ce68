// fetching.js: pages of this server as documents. A page that was asked for and is not wanted any more is aborted.

// The page at a URL; throws with a sentence for the reader when there is none.
export async function page(url, signal) {
  const response = await fetch(url, { signal, headers: { Accept: "text/html" } });
  const text = await response.text();
  const parsed = new DOMParser().parseFromString(text, "text/html");
  if (!response.ok) throw new Error(parsed.querySelector(".notice p")?.textContent || `The server answered ${response.status}.`);
  return parsed;
}
