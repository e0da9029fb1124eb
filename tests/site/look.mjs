// Clicks through the pages that `tributary site` writes, as a person does, with a headless Chromium.
//
//     tributary site pages
//     cd tests/site && npm install && node look.mjs ../../pages pictures [/usr/bin/chromium]
//
// Every page is opened on a phone and in a window: nothing may be wider than its screen, no error may reach the console,
// nothing may be asked of a network, and each link must lead to a page, and to a place in it, that is there. Then the search
// has to find a column, the lineage has to light up and open a mart, and a finding's address has to unfold its rule.
// Pictures of the pages lie in the folder named, light and dark. Not part of CI: it needs a browser.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [folder, pictures, binary = "/usr/bin/chromium"] = process.argv.slice(2);
if (!folder || !pictures) throw new Error("usage: node look.mjs PAGES PICTURES [CHROMIUM]");
const pages = resolve(folder);
mkdirSync(pictures, { recursive: true });
const files = readdirSync(pages).filter(name => name.endsWith(".html")).sort();
assert.ok(files.includes("index.html"), `no index.html in ${pages}`);
const address = name => pathToFileURL(join(pages, name)).href;
const shown = ["index.html", "runs.html", "marts.html", "columns.html", "mart-channel_kpis.html", "lineage.html",
  "deliveries.html", "senders.html", "feeds.html", "settings.html"].filter(name => files.includes(name));

const faults = [];
const browser = await chromium.launch({ executablePath: binary, args: ["--no-sandbox", "--disable-gpu"] });
for (const [width, height] of [[390, 844], [1200, 900]]) {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme, deviceScaleFactor: 1 });
    const page = await context.newPage();
    let name = "";
    page.on("console", line => { if (line.type() === "error") faults.push(`${name}: console: ${line.text()}`); });
    page.on("pageerror", error => faults.push(`${name}: ${error.message}`));
    page.on("request", request => {
      const url = request.url();
      if (!url.startsWith("data:") && !url.startsWith(address(""))) faults.push(`${name}: asks for ${url}`);
    });
    for (name of colorScheme === "light" ? files : shown) {
      await page.goto(address(name));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) faults.push(`${name}: ${wide} px wide on ${width}`);
      if (shown.includes(name)) {
        await page.screenshot({ path: join(pictures, `${name.slice(0, -5)}-${width}-${colorScheme}.png`) });
      }
    }
    await context.close();
  }
}

// Links: to files that are there, and to places that they hold.
const places = new Map();
const holds = (name, place) => {
  if (!places.has(name)) places.set(name, new Set([...readFileSync(join(pages, name), "utf8").matchAll(/ id="([^"]*)"/g)].map(m => m[1])));
  return places.get(name).has(place);
};
let links = 0;
for (const name of files) {
  for (const [, href] of readFileSync(join(pages, name), "utf8").matchAll(/<a href="([^"]*)"/g)) {
    if (href.startsWith("mailto:")) continue;
    const [target, place] = decodeURIComponent(href.replaceAll("&amp;", "&").replaceAll("&#x2f;", "/")).split("#");
    links += 1;
    if (!existsSync(join(pages, target))) faults.push(`${name}: a link to ${target}, which is not there`);
    else if (place && target !== "lineage.html" && !holds(target, place)) faults.push(`${name}: a link to ${target}#${place}, which has no such place`);
  }
}

const context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
const page = await context.newPage();
page.on("console", line => { if (line.type() === "error") faults.push(`clicking: console: ${line.text()}`); });
page.on("pageerror", error => faults.push(`clicking: ${error.message}`));

// A column is found, and its mart opened at it.
await page.goto(address("columns.html"));
const rows = page.locator("tr[data-find]:visible");
const all = await rows.count();
await page.fill("#find", "channel_kpis net_sales");
const found = await rows.count();
assert.ok(found > 0 && found < all / 10, `${found} of ${all} columns found`);
await rows.locator("a", { hasText: /^net_sales$/ }).first().click();
assert.equal(page.url(), `${address("mart-channel_kpis.html")}#net_sales`);
const row = page.locator("#net_sales");
assert.ok(await row.isVisible());
assert.ok((await row.locator("a").count()) > 0, "what it is made from");
assert.ok((await row.locator("td code").count()) > 1, "sample values");
await page.fill("#find", "no such column anywhere");
assert.ok(await page.locator("#nothing").isVisible());

// The graph lights up what a box is made from and read by, and a second click opens its page.
await page.goto(address("lineage.html"));
const box = page.locator('[data-node="channel_kpis"]');
await box.click();
assert.ok(await page.locator(".graph.chosen").count(), "the graph does not light up");
const lit = await page.locator(".graph a.lit").count();
const boxes = await page.locator(".graph a").count();
assert.ok(lit > 3 && lit < boxes, `${lit} of ${boxes} boxes lit`);
await page.screenshot({ path: join(pictures, "lineage-chosen.png") });
await box.click();
await page.waitForURL(address("mart-channel_kpis.html"));

// What a mail links to: a finding unfolds its rule.
await page.goto(address("index.html"));
const finding = page.locator("details .item[id]").first();
if (await finding.count()) {
  const id = await finding.getAttribute("id");
  assert.ok(!(await finding.isVisible()), "findings are folded");
  await page.goto("about:blank");
  await page.goto(`${address("index.html")}#${id}`);
  assert.ok(await page.locator(`[id="${id}"]`).isVisible(), "its address unfolds it");
  await page.screenshot({ path: join(pictures, "finding.png") });
}
await browser.close();

for (const fault of faults.slice(0, 40)) console.error(fault);
console.log(`${files.length} pages, ${links} links, ${faults.length} faults; pictures in ${fileURLToPath(pathToFileURL(resolve(pictures)))}`);
process.exit(faults.length ? 1 : 0);
