// screenshots.mjs: the pictures of the page for the documents; see screenshots.sh.
import { join } from "node:path";

import { SMALL, launch, ready, visit, withPage } from "./harness.mjs";

const folder = process.argv[2];
const shown = (page) =>
  page.waitForFunction(() =>
    Array.from(document.images).every((image) => image.getBoundingClientRect().top > innerHeight || (image.complete && image.naturalWidth > 0)),
  );

async function take(page, name) {
  await shown(page);
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

const browser = await launch();
const list = `${SMALL}/?channel=${process.env.SMALL_CHANNEL}`;
await withPage(browser, { viewport: { width: 1280, height: 800 } }, async (page) => {
  await visit(page, list);
  await take(page, "gallery");
  await page.setViewportSize({ width: 1280, height: 1180 });
  await page.locator(".card h2 a").first().click();
  await page.waitForURL(/\/clip\//);
  await ready(page);
  await page.waitForFunction(() => document.getElementById("player").readyState >= 2);
  await page.evaluate(async () => {
    const player = document.getElementById("player");
    player.currentTime = 2;
    await new Promise((resolve) => player.addEventListener("seeked", resolve, { once: true }));
  });
  await page.waitForFunction(() => !document.getElementById("player").seeking && document.getElementById("player").readyState === 4);
  await take(page, "clip");
  await page.setViewportSize({ width: 1280, height: 800 });
  await visit(page, `${SMALL}/failures`);
  await take(page, "failures");
});
await withPage(browser, { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true, colorScheme: "dark" }, async (page) => {
  await visit(page, list);
  await take(page, "gallery-phone");
});
await browser.close();
