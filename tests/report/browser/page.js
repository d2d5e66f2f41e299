// Opens report.html in Debian's Chromium and looks at it as a person would.
//   node page.js KIND REPORT_DIRECTORY SCREENSHOT_DIRECTORY MODULES
// KIND is the name of one of the functions in `looks`. Prints one line for each check; ends with 1 at the first that
// does not hold.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const url = require("node:url");

const [kind, reports, shots, modules] = process.argv.slice(2);
const { chromium } = require(path.join(modules, "playwright-core"));
const axe = fs.readFileSync(path.join(modules, "axe-core/axe.min.js"), "utf8");

const page_path = path.join(reports, "report.html");
const report = JSON.parse(fs.readFileSync(path.join(reports, "report.json"), "utf8"));

function holds(what) {
  console.log("ok: " + what);
}

// `height` is that of the window; without it the whole page is in it, as what is out of sight is not drawn.
async function shoot(page, name, height) {
  const before = page.viewportSize();
  await page.evaluate(() => { window.scrollTo(0, 0); document.activeElement.blur(); });
  for (let times = height ? 1 : 3; times > 0; times -= 1) {
    const whole = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.setViewportSize({ width: before.width, height: height || Math.min(whole, 8000) });
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  }
  await page.screenshot({ path: path.join(shots, kind + "-" + name + ".png") });
  await page.setViewportSize(before);
}

const visible = (page, selector) => page.locator(selector + ":visible").count();

async function type(page, text) {
  await page.locator("#filter").fill(text);
}

// No serious or critical fault. The rules run in the page's own world past its policy, which is for the page itself.
async function accessible(page, what) {
  await page.evaluate(axe);
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const faults = result.violations
    .filter((fault) => ["serious", "critical"].includes(fault.impact))
    .map((fault) => fault.id + ": " + fault.nodes.slice(0, 3).map((node) => node.html).join(" | "));
  assert.deepEqual(faults, [], what);
  holds("axe-core finds no serious or critical fault " + what);
}

// Presses each button of a count: the hosts in the table are those that the count is of, by name.
async function countsHold(page) {
  const is = {
    "=changed": (host) => host.changed,
    "=to_reboot": (host) => host.reboot_reasons.length > 0,
  };
  for (const state of ["refused", "failed", "unreachable", "not_finished", "not_reached"]) {
    is["=" + state] = (host) => host.state === state;
  }
  const verdicts = report.totals.verdicts;
  for (const verdict of Object.keys(verdicts)) {
    const known = (host) => host.verdict !== null && host.verdict.state in verdicts ? host.verdict.state : "unknown";
    is["=" + verdict] = (host) => known(host) === verdict;
  }
  const buttons = page.locator("button.pick:not([disabled])");
  const count = await buttons.count();
  assert.ok(count > 0);
  for (let at = 0; at < count; at += 1) {
    const button = buttons.nth(at);
    const pick = await button.getAttribute("data-pick");
    const expected = report.hosts.filter(is[pick]).map((host) => host.name);
    assert.equal(Number(await button.locator("b").textContent()), expected.length, pick);
    await button.click();
    assert.equal(await page.locator("#filter").inputValue(), pick);
    const rows = await page.locator("tbody tr[data-filter]:not([hidden]) th").allTextContents();
    assert.deepEqual(rows, expected, pick);
    await button.click();
    assert.equal(await page.locator("#filter").inputValue(), "");
  }
  holds("each count's button shows those hosts and no others");
}

// The slowest of these, typed one after the other: milliseconds until the page is drawn anew.
async function slowestOf(page, texts) {
  const times = [];
  for (const text of texts) {
    times.push(await page.evaluate(async (value) => {
      const input = document.getElementById("filter");
      const started = performance.now();
      input.value = value;
      input.dispatchEvent(new Event("input"));
      document.body.getBoundingClientRect();
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      return performance.now() - started;
    }, text));
  }
  const slowest = Math.round(Math.max(...times));
  assert.ok(slowest < 1000, "filtering takes " + slowest + " ms");
  holds("a letter typed takes " + slowest + " ms at most, drawn anew");
}

async function openMap(page, host) {
  const row = page.locator("tbody tr[data-filter]").filter({ has: page.locator("th", { hasText: new RegExp("^" + host + "$") }) });
  await row.locator("button.map").click();
  return row.locator("xpath=following-sibling::tr[1]");
}

const looks = {
  // The sample hosts: everything there is to see, on a screen, in the dark, on a phone, on paper, by keyboard.
  async sample(page) {
    const cards = await visible(page, ".card.change");
    assert.equal(cards, report.changes.length + report.changes_without_diff.length);
    assert.equal(await visible(page, "tbody tr[data-filter]"), report.hosts.length);
    holds(cards + " changes on " + report.hosts.length + " hosts are there");
    const grub = page.locator(".card.change", { hasText: "GRUB_CMDLINE_LINUX_DEFAULT" }).first();
    assert.match(await grub.locator("ins").first().textContent(), /^(intel|amd)_iommu=on$/);
    holds("the word that differs is marked");
    const refused = report.problems.find((problem) => problem.code === "root_disk");
    const card = page.locator(".card.problem.refused", { hasText: "root_disk" }).first();
    for (const text of [refused.device, refused.message, refused.hint]) {
      assert.ok((await card.textContent()).includes(text), text);
    }
    holds("a guard's code, device and hint are there");
    await shoot(page, "light");
    await accessible(page, "in the light");

    await type(page, "grub");
    assert.ok(await visible(page, ".card.change") < cards);
    assert.equal(await visible(page, "section.file"), await page.locator("section.file", { hasText: "grub" }).count());
    await type(page, "root_disk");
    assert.equal(await visible(page, "tbody tr[data-filter]"), report.hosts.filter((host) =>
      host.problems.some((id) => report.problems[id].code === "root_disk")).length);
    await type(page, "no such thing");
    assert.equal(await visible(page, "[data-filter]"), 0);
    await type(page, "");
    holds("typing filters by file and code");
    await countsHold(page);

    await page.keyboard.press("Tab");
    await page.locator("h1").click();
    for (const held of ["Control", "Alt", "Meta"]) {
      await page.keyboard.press(held + "+/");
      assert.notEqual(await page.evaluate(() => document.activeElement.id), "filter", held);
    }
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "filter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    const picked = await page.locator("button[aria-pressed=true]").getAttribute("data-pick");
    assert.equal(await page.locator("#filter").inputValue(), picked);
    await page.keyboard.press("Enter");
    assert.equal(await page.locator("#filter").inputValue(), "");
    holds("the keyboard reaches the filter and the verdicts");

    const mapOf = (one) => report.iommu.maps[one.iommu_map].map((group) => report.iommu.groups[group]);
    const host = report.hosts.find((one) => one.iommu_map !== null && mapOf(one).some((group) => group.held.length));
    const drawn = await openMap(page, host.name);
    const map = mapOf(host);
    assert.equal(await drawn.locator("li.group").count(), map.length);
    assert.equal(await drawn.locator("li.device").count(), map.reduce((sum, group) => sum + group.devices.length, 0));
    for (const group of map) {
      for (const reason of group.held) assert.ok((await drawn.textContent()).includes(reason), reason);
    }
    holds("the IOMMU groups of " + host.name + " are drawn, and why one is not viable");
    // The filter stays at the top of the window: with the whole map in it, it covers nothing.
    await page.setViewportSize({ width: 1280, height: 2400 });
    await drawn.screenshot({ path: path.join(shots, kind + "-map.png") });
    await page.setViewportSize({ width: 1280, height: 900 });
    await accessible(page, "with a map open");

    await page.emulateMedia({ colorScheme: "dark" });
    await shoot(page, "dark");
    await accessible(page, "in the dark");

    await page.setViewportSize({ width: 360, height: 740 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 360, "the page is " + wide + " pixels wide on a phone of 360");
    await shoot(page, "phone");
    await accessible(page, "on a phone");
    holds("nothing has to be scrolled sideways on a phone");

    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ media: "print", colorScheme: "light" });
    await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
    assert.equal(await page.locator("details:not([open])").count(), 0);
    fs.writeFileSync(path.join(shots, kind + ".pdf"), await page.pdf({ format: "A4" }));
    holds("on paper everything is unfolded");
  },

  // A thousand hosts: no wait.
  async fleet(page, opened) {
    assert.equal(report.hosts.length, 1000);
    const size = fs.statSync(page_path).size;
    assert.ok(size < 5e6, "the page has " + size + " bytes");
    assert.ok(opened < 3000, "opened in " + opened + " ms");
    holds("a page of " + Math.round(size / 1000) + " KB opens in " + opened + " ms");
    const counts = report.changes.map((change) => change.hosts.length);
    assert.ok(counts[0] < 10 && counts[0] === Math.min(...counts), "outliers first: " + counts);
    const first = await page.locator(".card.change").first().textContent();
    assert.ok(first.includes(report.changes[0].label));
    holds("the outliers come first");
    await slowestOf(page, ["p", "pv", "pve0", "pve05", "pve0501", "/etc/modules", "ready", "not configured", ""]);
    await type(page, "pve0501");
    assert.equal(await visible(page, "tbody tr[data-filter]"), 1);
    const drawn = await openMap(page, "pve0501");
    assert.ok(await drawn.locator("li.device").count() > 5);
    await shoot(page, "one-host");
    await type(page, "");
    await shoot(page, "top", 1500);
    await countsHold(page);
    holds("hosts are found by name");
    await accessible(page, "with a thousand hosts");
  },

  // A thousand hosts, each with changes of its own to ten files.
  async many(page, opened) {
    const size = fs.statSync(page_path).size;
    assert.ok(size < 5e6, "the page has " + size + " bytes");
    assert.ok(opened < 3000, "opened in " + opened + " ms");
    const all = report.changes.length;
    holds("a page of " + Math.round(size / 1000) + " KB on " + all + " changes opens in " + opened + " ms");
    await slowestOf(page, ["p", "pv", "pve0", "pve0501", "conf.d", "no such thing", ""]);
    const file = await page.locator("section.file").first().textContent();
    assert.match(file, /950 more changes on 950 hosts: in report\.json only/);
    await countsHold(page);
    await type(page, "pve0999");
    assert.equal(await visible(page, "tbody tr[data-filter]"), 1);
    const drawn = await openMap(page, "pve0999.dc1.example.com");
    const marked = await drawn.locator("li.group.taken li.device.vfio .tag.ready").allTextContents();
    assert.deepEqual(marked, ["vfio-pci", "mlx5_vfio_pci"]);
    holds("vfio-pci is marked, and a VFIO driver of a maker counts as one");
    await accessible(page, "with many changes");
  },

  async drift(page) {
    const cards = page.locator(".card.drift");
    assert.equal(await cards.count(), report.drift.entries.length);
    for (const kind of ["new", "gone", "changed"]) {
      const expected = report.drift.entries.filter((entry) => entry.kind === kind).length;
      assert.ok(expected > 0, "the sample has drift of the kind " + kind);
      assert.equal(await cards.filter({ has: page.locator(".tag." + kind) }).count(), expected);
    }
    for (const name of [...report.drift.hosts_new, ...report.drift.hosts_gone]) {
      assert.ok((await page.locator("section", { has: page.locator("#drift") }).first().textContent()).includes(name));
    }
    holds("what is new, gone and changed is there");
    await shoot(page, "light");
    await accessible(page, "with drift");
  },

  async hostile(page) {
    assert.equal(await page.locator("img, iframe, object, a").count(), 0);
    assert.equal(await page.locator("script").count(), 2);
    const text = await page.locator("body").textContent();
    assert.ok(text.includes("<script>") && text.includes("onerror"), "the markup is there as text");
    const host = report.hosts.find((one) => one.iommu_map !== null);
    await countsHold(page);
    const button = page.locator("button.map").first();
    await button.click();
    assert.ok(await page.locator("li.device").count() > 0, host.name);
    assert.equal(await page.locator("img, iframe, object, a").count(), 0);
    await type(page, "<script>");
    assert.ok(await visible(page, "[data-filter]") > 0);
    await type(page, "");
    assert.equal(await page.evaluate(() => window.owned), undefined);
    await shoot(page, "light");
    holds("markup, scripts and control characters are text");
  },

  async cut(page) {
    const word = await page.locator("p.cut").textContent();
    assert.match(word, report.status === "cut" ? /This run was cut/ : /had not ended/);
    await shoot(page, "light");
    holds("the page says that the run was cut");
  },
};

(async function () {
  fs.mkdirSync(shots, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
    const faults = [];
    const asked = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => { if (message.type() === "error") faults.push(message.text()); });
    page.on("dialog", (dialog) => { faults.push("a dialog: " + dialog.message()); dialog.dismiss(); });
    page.on("request", (request) => { asked.push(request.url()); });
    const address = url.pathToFileURL(page_path).href;
    const started = Date.now();
    await page.goto(address, { waitUntil: "load" });
    await looks[kind](page, Date.now() - started);
    assert.deepEqual(faults, []);
    assert.deepEqual(asked, [address]);
    holds("no error in the console, nothing is fetched");
  } finally {
    await browser.close();
  }
})().catch(function (error) {
  console.error(error.stack);
  process.exit(1);
});
