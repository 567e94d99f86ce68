// harness.mjs: Chromium for the tests: pages whose errors count, and conditions to wait for.
//
// No test rests on how fast the machine is: what must come is awaited, and the limit of time only ends what hangs.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

// What npm installed lies below the build folder, not beside this file.
const require = createRequire(join(process.env.REELYARD_BUILD, "browser", "tests.js"));
const { chromium } = require("playwright-core");
const axe = require.resolve("axe-core/axe.min.js");

const PATIENCE_MS = Number(process.env.REELYARD_PATIENCE ?? 900) * 1000;

export const BIG = process.env.BIG_URL;
export const SMALL = process.env.SMALL_URL;

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-gpu"],
    timeout: PATIENCE_MS,
  });
}

// Runs `use` with a page of its own. Whatever the page reports as an error fails the test: exceptions, console errors, violations of
// the Content-Security-Policy. allowed: a pattern of console errors that the test brings about.
export async function withPage(browser, options, use) {
  const { allowed, ...contextOptions } = options;
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...contextOptions });
  context.setDefaultTimeout(PATIENCE_MS);
  const errors = [];
  const page = await context.newPage();
  page.on("pageerror", (error) => errors.push(`exception: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !(allowed && allowed.test(message.text()))) errors.push(`console: ${message.text()}`);
  });
  await page.exposeFunction("reportViolation", (text) => errors.push(`policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => reportViolation(`${event.violatedDirective} ${event.blockedURI}`));
  });
  try {
    await use(page, context);
  } finally {
    await context.close();
  }
  assert.deepEqual(errors, []);
}

// Goes to a URL and waits until its scripts are at work.
export async function visit(page, url) {
  const response = await page.goto(url, { waitUntil: "load" });
  await ready(page);
  return response;
}

export async function ready(page) {
  await page.waitForFunction(() => document.documentElement.dataset.ready !== undefined);
}

// Until a condition, a function of this process, holds.
export async function until(what, condition) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < end, `this did not come true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// No serious or critical finding of axe-core. It comes in through the debugger, past the page's policy.
export async function accessible(page, what) {
  const { readFileSync } = await import("node:fs");
  await page.evaluate(readFileSync(axe, "utf8"));
  const found = await page.evaluate(async () => (await axe.run(document, { resultTypes: ["violations"] })).violations);
  const grave = found
    .filter((violation) => ["serious", "critical"].includes(violation.impact))
    .map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(", ")}`);
  assert.deepEqual(grave, [], what);
}
