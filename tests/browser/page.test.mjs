// page.test.mjs: the page in a browser, on two archives (archives.sh).
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { BIG, SMALL, accessible, launch, ready, until, visit, withPage } from "./harness.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
});

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const cards = (page) => page.locator(".card");
const titles = (page) => page.locator(".card h2 a").allTextContents();
const more = (page, n) => page.waitForFunction((least) => document.querySelectorAll(".card").length >= least, n);

// The videos of the big archive are nowhere; an address that is none is answered with 404.
const UNREACHABLE = /Failed to load resource.* 50[0-9] /;
const UNKNOWN = /Failed to load resource.* 404 /;

// Goes down the page until so many cards are there.
async function scrollTo(page, n) {
  while ((await cards(page).count()) < n) {
    const before = await cards(page).count();
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await more(page, before + 1);
  }
}

test("10,000 clips are browsed by scrolling, each once", async () => {
  await withPage(browser, {}, async (page) => {
    await visit(page, `${BIG}/`);
    assert.match(await page.locator(".summary").textContent(), /^10,000 clips/);
    assert.equal(await cards(page).count(), 60);
    await scrollTo(page, 300);
    const ids = await cards(page).evaluateAll((list) => list.map((card) => card.id));
    assert.equal(new Set(ids).size, ids.length);
  });
});

test("back from a clip, the place in the list is as it was", async () => {
  await withPage(browser, { allowed: UNREACHABLE }, async (page) => {
    await visit(page, `${BIG}/`);
    await scrollTo(page, 240);
    const card = cards(page).nth(150);
    await card.scrollIntoViewIfNeeded();
    const id = await card.getAttribute("id");
    const place = await card.evaluate((element) => element.getBoundingClientRect().top);
    const count = await cards(page).count();
    await card.locator("h2 a").click();
    await page.waitForURL(/\/clip\//);
    await ready(page);
    await page.goBack();
    await ready(page);
    await more(page, count);
    const again = await page.locator(`#${id}`).evaluate((element) => element.getBoundingClientRect().top);
    assert.ok(Math.abs(again - place) < 3, `${again} instead of ${place}`);
  });
});

test("a clip leads to the next and back within its list, over the end of a page", async () => {
  await withPage(browser, { allowed: UNREACHABLE }, async (page) => {
    await visit(page, `${BIG}/`);
    const list = await cards(page).evaluateAll((all) => all.map((card) => card.id.slice(2)));
    await cards(page).nth(58).locator("h2 a").click();
    await page.waitForURL(/\/clip\//);
    await page.locator("a[rel=next]").click();
    await page.waitForURL(new RegExp(`/clip/${list[59]}`));
    await page.locator("a[rel=next]").click();
    await page.waitForURL((url) => url.pathname.startsWith("/clip/") && !list.includes(url.pathname.slice(6)));
    await page.locator("a[rel=prev]").click();
    await page.waitForURL(new RegExp(`/clip/${list[59]}`));
  });
});

test("searching as one types puts the query into the URL, and back takes it out", async () => {
  await withPage(browser, {}, async (page) => {
    await visit(page, `${BIG}/`);
    const all = await titles(page);
    await page.locator("#q").pressSequentially("goal");
    await page.waitForURL(/\?q=goal/);
    await page.waitForFunction(() => /match/.test(document.querySelector(".summary").textContent));
    for (const text of await page.locator(".card").allTextContents()) assert.match(text.toLowerCase(), /goal/);
    await page.locator("#q").fill("no-such-word-anywhere");
    await page.waitForFunction(() => /No clips match/.test(document.getElementById("results").textContent));
    await page.goBack();
    await page.waitForFunction(() => /^10,000 clips/.test(document.querySelector(".summary").textContent));
    assert.deepEqual((await titles(page)).slice(0, 60), all);
    assert.equal(await page.locator("#q").inputValue(), "");
  });
});

test("filters and lists narrow without a reload, and stand in the URL", async () => {
  await withPage(browser, {}, async (page) => {
    await visit(page, `${BIG}/`);
    await page.evaluate(() => (window.stayed = true));
    const author = page.locator('section[aria-label="People"] li').first();
    const count = await author.locator(".count").textContent();
    await author.locator("a").click();
    await page.waitForURL(/author=/);
    await page.waitForFunction((n) => document.querySelector(".summary").textContent.startsWith(`${n} clip`), count);
    await page.locator("select[name=sort]").selectOption("oldest");
    await page.waitForURL(/sort=oldest/);
    await page.waitForFunction(() => document.querySelector("select[name=sort]").value === "oldest");
    await page.waitForFunction(() => document.body.ariaBusy !== "true");
    const times = await page.locator(".card time").evaluateAll((all) => all.map((time) => time.dateTime));
    assert.deepEqual(times, [...times].sort());
    await page.locator(".chips a").first().click();
    await page.waitForURL((url) => !url.search.includes("author="));
    assert.equal(await page.evaluate(() => window.stayed), true);
  });
});

test("without script: pages, search, filters and a clip", async () => {
  await withPage(browser, { javaScriptEnabled: false, allowed: UNREACHABLE }, async (page) => {
    await page.goto(`${BIG}/`);
    assert.equal(await cards(page).count(), 60);
    const first = await titles(page);
    await page.locator("a[rel=next]").click();
    await page.waitForURL(/cursor=/);
    assert.notDeepEqual(await titles(page), first);
    await page.locator("a[rel=prev]").click();
    await page.waitForURL(/backwards=1/);
    assert.deepEqual(await titles(page), first);
    await page.locator("#q").fill("raid");
    await page.locator("form.search button").click();
    await page.waitForURL(/q=raid/);
    assert.match(await page.locator(".summary").textContent(), /clips match/);
    await page.locator("select[name=status]").selectOption("failed");
    await page.locator("text=Apply").click();
    await page.waitForURL(/status=failed/);
    assert.match(await page.locator("#results").textContent(), /No clips match/);
    await page.goto(`${BIG}/`);
    await cards(page).first().locator("h2 a").click();
    await page.waitForURL(/\/clip\//);
    assert.equal(await page.locator("video").count(), 1);
  });
});

test("on a phone nothing is wider than the screen, and the clips come first", async () => {
  await withPage(browser, { ...PHONE, allowed: UNKNOWN }, async (page) => {
    for (const url of [`${BIG}/`, `${SMALL}/failures`, `${BIG}/nothing-here`]) {
      await visit(page, url);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), url);
    }
    await visit(page, `${SMALL}/`);
    assert.equal(await page.locator(".drawer").getAttribute("open"), null);
    assert.ok(await cards(page).first().isVisible());
    await cards(page).first().locator("h2 a").click();
    await page.waitForURL(/\/clip\//);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  });
});

test("no serious finding of accessibility, in both colour schemes and on a phone", async () => {
  for (const options of [{}, { colorScheme: "dark" }, PHONE])
    await withPage(browser, { ...options, allowed: UNKNOWN }, async (page) => {
      for (const url of [`${SMALL}/`, `${BIG}/?q=no-such-word-anywhere`, `${SMALL}/failures`, `${BIG}/nothing-here`]) {
        await visit(page, url);
        await accessible(page, url);
      }
      await visit(page, `${SMALL}/`);
      await cards(page).first().locator("h2 a").click();
      await page.waitForURL(/\/clip\//);
      await ready(page);
      await accessible(page, "a clip");
    });
});

test("the first screen with 60 clips weighs less than 400 kB", async () => {
  await withPage(browser, {}, async (page, context) => {
    const devtools = await context.newCDPSession(page);
    let bytes = 0;
    let under_way = 0;
    await devtools.send("Network.enable");
    devtools.on("Network.requestWillBeSent", () => under_way++);
    devtools.on("Network.loadingFinished", (event) => {
      bytes += event.encodedDataLength;
      under_way--;
    });
    devtools.on("Network.loadingFailed", () => under_way--);
    await visit(page, `${SMALL}/?channel=${process.env.SMALL_CHANNEL}`);
    assert.equal(await cards(page).count(), 60);
    await page.waitForFunction(() =>
      Array.from(document.images).every((image) => image.getBoundingClientRect().top > innerHeight || (image.complete && image.naturalWidth > 0)),
    );
    await until("every request is answered", () => under_way === 0);
    console.log(`weight of the first screen: ${Math.round(bytes / 1000)} kB`);
    assert.ok(bytes < 400_000, `${bytes} bytes`);
  });
});

test("small pictures are not blown up, and large screens get the large ones", async () => {
  await withPage(browser, { deviceScaleFactor: 2 }, async (page) => {
    await visit(page, `${SMALL}/?channel=333000000000000003`);
    const tiny = page.locator(".frame.tiny img").first();
    await tiny.scrollIntoViewIfNeeded();
    await page.waitForFunction(() => document.querySelector(".frame.tiny img").complete);
    assert.equal(await tiny.evaluate((image) => getComputedStyle(image).objectFit), "scale-down");
    await visit(page, `${SMALL}/?channel=${process.env.SMALL_CHANNEL}`);
    await page.waitForFunction(() => document.querySelector(".frame img").currentSrc !== "");
    assert.match(await page.locator(".frame img").first().evaluate((image) => image.currentSrc), /_large\.webp$/);
  });
});

test("failures stand in groups; one is retried, then a group, then all", async () => {
  await withPage(browser, {}, async (page) => {
    await visit(page, `${SMALL}/failures`);
    const groups = await page.locator(".group").count();
    assert.ok(groups >= 3, `${groups} groups`);
    assert.match(await page.locator(".summary").textContent(), /clips have failed/);
    for (const button of [page.locator(".group li form button").first(), page.locator(".group > .actions button").nth(1)]) {
      await button.click();
      await button.locator("xpath=..").locator(".done").filter({ hasText: /under way/i }).waitFor();
    }
    await page.locator("main > .actions button").click();
    await page.locator("main > .actions .done").filter({ hasText: /under way|Nothing to do/i }).waitFor();
    // They are tried, and fail again for the same reasons.
    await until("the failures are back", async () => {
      await visit(page, `${SMALL}/failures`);
      return (await page.locator(".group").count()) === groups;
    });
  });
});

test("without script a retry leads back to the page", async () => {
  await withPage(browser, { javaScriptEnabled: false }, async (page) => {
    await page.goto(`${SMALL}/`);
    await cards(page).first().locator("h2 a").click();
    await page.waitForURL(/\/clip\//);
    const url = page.url();
    await page.locator("form.retry button").click();
    await page.waitForURL(url);
    assert.equal(await page.locator("video").count(), 1);
  });
});

test("another site's form cannot change anything, whatever it knows", async () => {
  const evil = createServer((request, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end(request.url === "/" ? form : "");
  });
  let form = "";
  evil.listen(0, "127.0.0.1");
  await once(evil, "listening");
  try {
    await withPage(browser, { allowed: /403/ }, async (page) => {
      await visit(page, `${SMALL}/failures`);
      const token = await page.locator("input[name=token]").first().inputValue();
      form = `<form method="post" action="${SMALL}/api/failed/retry"><input name="token" value="${token}"><button>Win</button></form>`;
      await page.goto(`http://localhost:${evil.address().port}/`);
      const [response] = await Promise.all([page.waitForResponse(/api.failed.retry/), page.locator("button").click()]);
      assert.equal(response.status(), 403);
    });
  } finally {
    evil.close();
  }
});

test("an unknown address is a page that says so", async () => {
  await withPage(browser, { allowed: /404/ }, async (page) => {
    const response = await visit(page, `${BIG}/nothing-here`);
    assert.equal(response.status(), 404);
    assert.match(await page.locator("h1").textContent(), /Not found/);
    await page.locator("text=Show the clips").click();
    await page.waitForURL(`${BIG}/`);
  });
});

test("placeholders are drawn from ThumbHashes", async () => {
  await withPage(browser, {}, async (page) => {
    await visit(page, `${SMALL}/`);
    // Cosines average to nothing: what is drawn has the average colour that stands in the hash's head.
    const drawn = await page.evaluate(async () => {
      const script = document.querySelector("script[type=module]").src;
      const { decode, paint } = await import(new URL("thumbhash.js", script));
      const hash = "1QcSHQRnh493V4dIh4eXh1h4kJUI";
      const bytes = Uint8Array.from(atob(hash), (c) => c.charCodeAt(0));
      const { width, height, rgba } = decode(bytes);
      let light = 0;
      for (let i = 0; i < rgba.length; i += 4) light += (rgba[i] + rgba[i + 1] + rgba[i + 2]) / 3 / 255;
      const canvas = paint(hash);
      return { width, height, light: light / (width * height), head: (bytes[0] & 63) / 63, alpha: rgba[3], canvas: canvas.height, none: paint("AA==") };
    });
    assert.ok(Math.abs(drawn.light - drawn.head) < 0.03, `${drawn.light} instead of ${drawn.head}`);
    assert.deepEqual([drawn.width, drawn.height, drawn.alpha, drawn.canvas, drawn.none], [23, 32, 255, 32, null]);
  });
});

test("a card's placeholder has the colours of its picture", async () => {
  await withPage(browser, {}, async (page) => {
    await visit(page, `${SMALL}/?channel=${process.env.SMALL_CHANNEL}`);
    assert.equal(await page.locator(".frame[data-hash]").count(), 60);
    await page.waitForFunction(() => document.querySelector(".frame img").complete && document.querySelector(".frame img").naturalWidth > 0);
    const [hash, picture] = await page.evaluate(async () => {
      const { paint } = await import(new URL("thumbhash.js", document.querySelector("script[type=module]").src));
      const frame = document.querySelector(".frame");
      const average = (source) => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
        const context = canvas.getContext("2d");
        context.imageSmoothingQuality = "high";
        context.drawImage(source, 0, 0, 1, 1);
        return Array.from(context.getImageData(0, 0, 1, 1).data);
      };
      return [average(paint(frame.dataset.hash)), average(frame.querySelector("img"))];
    });
    for (let i = 0; i < 3; i++) assert.ok(Math.abs(hash[i] - picture[i]) < 40, `${hash} and ${picture}`);
  });
});

test("a storyboard shows another picture wherever the pointer is, and goes with it", async () => {
  await withPage(browser, {}, async (page) => {
    await visit(page, `${SMALL}/?channel=${process.env.SMALL_CHANNEL}`);
    const frame = page.locator(".frame[data-sheet]");
    assert.equal(await frame.count(), 1);
    await frame.scrollIntoViewIfNeeded();
    const box = await frame.boundingBox();
    const position = () => frame.locator(".sheet").evaluate((sheet) => sheet.style.backgroundPosition);
    const [response] = await Promise.all([page.waitForResponse(/\/sheets\//), page.mouse.move(box.x + box.width * 0.05, box.y + 20)]);
    assert.equal(response.status(), 200);
    assert.equal(await position(), "0% 0%");
    await page.mouse.move(box.x + box.width * 0.4, box.y + 20);
    assert.equal(await position(), "100% 0%");
    await page.mouse.move(box.x + box.width * 0.95, box.y + 20);
    assert.equal(await position(), "100% 100%");
    await page.mouse.move(1, 1);
    assert.equal(await frame.locator(".sheet").count(), 0);
  });
});

// The clips of a channel, of which `pick` chooses one by its title; its page, with the player ready.
async function openClip(page, query, title) {
  await visit(page, `${SMALL}/?${query}`);
  const link = title ? page.locator(".card h2 a", { hasText: title }) : page.locator(".card h2 a");
  await link.first().click();
  await page.waitForURL(/\/clip\//);
  await ready(page);
}

const player = (page) => page.locator("#player");
const has = (page, state) => page.waitForFunction((least) => document.getElementById("player").readyState >= least, state);
const reaches = (page, seconds) => page.waitForFunction((least) => document.getElementById("player").currentTime >= least, seconds);

test("an imported clip plays; a seek asks for a range", async () => {
  await withPage(browser, {}, async (page) => {
    const ranges = [];
    page.on("response", (response) => {
      if (/\/watch\//.test(response.url())) ranges.push([response.status(), response.request().headers().range]);
    });
    await openClip(page, `channel=${process.env.SMALL_CHANNEL}`);
    await has(page, 2);
    await player(page).evaluate((video) => (video.muted = true));
    await page.keyboard.press("k");
    await reaches(page, 0.2);
    await player(page).evaluate((video) => (video.currentTime = 5));
    await reaches(page, 5);
    assert.ok(ranges.length > 0 && ranges.every(([status, range]) => status === 206 && /^bytes=\d+-/.test(range)), JSON.stringify(ranges));
    assert.equal(await page.locator("#trouble").isVisible(), false);
  });
});

test("the keyboard plays, pauses, seeks and steps by frames", async () => {
  await withPage(browser, {}, async (page) => {
    await openClip(page, `channel=${process.env.SMALL_CHANNEL}`);
    await has(page, 2);
    await player(page).evaluate((video) => (video.muted = true));
    const at = () => player(page).evaluate((video) => video.currentTime);
    await page.keyboard.press("Space");
    await reaches(page, 0.1);
    await page.keyboard.press("Space");
    await page.waitForFunction(() => document.getElementById("player").paused);
    const before = await at();
    const frame = 1 / Number(await player(page).getAttribute("data-fps"));
    assert.ok(Math.abs(frame - 0.1) < 0.001, `a frame of 1/10 s, not ${frame}`);
    await page.keyboard.press(".");
    assert.ok(Math.abs((await at()) - before - frame) < 0.01, `${(await at()) - before} for a frame`);
    await page.keyboard.press(",");
    assert.ok(Math.abs((await at()) - before) < 0.01);
    await page.keyboard.press("l");
    assert.ok((await at()) >= 5.9, "10 seconds on is the end of this clip");
    await page.keyboard.press("j");
    assert.equal(await at(), 0);
    await page.keyboard.press("ArrowRight");
    assert.equal(await at(), 5);
    await page.keyboard.press("ArrowLeft");
    assert.equal(await at(), 0);
    await page.keyboard.press("m");
    assert.equal(await player(page).evaluate((video) => video.muted), false);
  });
});

test("a scanned clip whose link has expired plays by a fresh one", async () => {
  await withPage(browser, {}, async (page) => {
    const answers = [];
    page.on("response", (response) => {
      const { pathname, searchParams } = new URL(response.url());
      if (pathname.startsWith("/watch/")) answers.push(`watch ${response.status()}`);
      else if (searchParams.has("hm")) answers.push(`video ${response.status()}, expired: ${searchParams.has("was")}`);
    });
    await openClip(page, `guild=${process.env.SCANNED_GUILD}`);
    await has(page, 2);
    await player(page).evaluate((video) => (video.muted = true));
    await page.keyboard.press("k");
    await reaches(page, 0.2);
    assert.ok((await player(page).evaluate((video) => video.duration)) > 5);
    assert.deepEqual([...new Set(answers)].sort(), ["video 206, expired: false", "watch 302"]);
  });
});

test("what this browser cannot play is said, with the file to take instead", async () => {
  await withPage(browser, {}, async (page) => {
    await openClip(page, "channel=333000000000000003", /\.avi$/);
    const trouble = page.locator("#trouble");
    await trouble.waitFor();
    assert.match(await trouble.textContent(), /cannot play .*(AVI|MPEG-4 Part 2)/);
    assert.match(await trouble.locator("a").getAttribute("href"), /\/watch\//);
    assert.equal(await trouble.locator("a").getAttribute("download"), "clip 00001.avi");
  });
});
