// Filters what is on the page and draws the IOMMU groups of a host on demand. Makes text nodes only, never markup.
"use strict";
(function () {
  const input = document.getElementById("filter");
  const found = document.getElementById("found");
  const items = Array.from(document.querySelectorAll("[data-filter]"), function (element) {
    const text = element.textContent + " " + (element.dataset.also || "");
    const kinds = new Set((element.dataset.kinds || "").split(" "));
    // The names that report.json gives them are found as well: not_configured, to_reboot.
    const names = (element.dataset.kinds || "").replaceAll("=", " ");
    return { element, text: (text + names).toLowerCase(), kinds, row: element.tagName === "TR" };
  });
  const sections = Array.from(document.querySelectorAll("[data-section]"));
  const picks = Array.from(document.querySelectorAll("button[data-pick]"));
  // The words of the buttons mean what an item is, not what it says.
  const kinds = new Set(picks.map((pick) => pick.dataset.pick));

  function number(count, one, many) {
    return count + " " + (count === 1 ? one : many);
  }

  function apply() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const whole = input.value.trim().toLowerCase();
    let rows = 0;
    let cards = 0;
    for (const item of items) {
      const shown = words.every((word) => kinds.has(word) ? item.kinds.has(word) : item.text.includes(word));
      item.element.hidden = !shown;
      if (item.row && item.element.nextElementSibling?.classList.contains("drawn")) {
        item.element.nextElementSibling.hidden = !shown;
      }
      if (shown) {
        if (item.row) rows += 1; else cards += 1;
      }
    }
    for (const section of sections) {
      section.hidden = !section.querySelector("[data-filter]:not([hidden])");
    }
    for (const pick of picks) {
      pick.setAttribute("aria-pressed", String(pick.dataset.pick === whole));
    }
    found.value = words.length ? number(rows, "host", "hosts") + ", " + number(cards, "entry", "entries") : "";
  }

  input.addEventListener("input", apply);
  for (const pick of picks) {
    pick.addEventListener("click", function () {
      input.value = pick.getAttribute("aria-pressed") === "true" ? "" : pick.dataset.pick;
      apply();
    });
  }
  document.addEventListener("keydown", function (event) {
    const modified = event.ctrlKey || event.metaKey || event.altKey;
    if (event.key === "/" && !modified && document.activeElement !== input) {
      event.preventDefault();
      input.focus();
    }
  });
  apply();

  let iommu;

  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined && text !== null) element.textContent = text;
    return element;
  }

  // Variants of single makers, mlx5_vfio_pci and others, too.
  function forGuests(device) {
    return (device.driver || "").replaceAll("-", "_").endsWith("vfio_pci");
  }

  function drawDevice(device) {
    const item = make("li", forGuests(device) ? "device vfio" : "device");
    const head = make("p", "what", device.class || "no PCI device");
    item.append(head, make("p", "", device.name || device.id || ""));
    const line = make("p", "dim");
    line.append(make("code", "", device.address));
    if (device.id && device.name) line.append(" ", make("code", "", device.id));
    item.append(line);
    const driver = make("p", "driver");
    driver.append(make("span", forGuests(device) ? "tag ready" : "tag", device.driver || "no driver"));
    for (const use of device.uses) driver.append(" ", make("span", "tag refused", use));
    item.append(driver);
    return item;
  }

  function drawGroup(group) {
    const none = group.number === null;
    const members = group.devices.map((position) => iommu.devices[position]);
    const toGive = members.filter((device) => !device.bridge && device.class !== null);
    const held = group.held.length > 0;
    const all = !held && toGive.length > 0 && toGive.every(forGuests);
    const box = make("li", "group" + (none ? " alone" : held ? "" : all ? " taken" : " free"));
    const title = make("h3", "", none ? "In no group" : "Group " + (group.number === null ? "?" : group.number));
    if (group.type) title.append(" ", make("span", "dim", group.type));
    const list = make("ul", "devices");
    list.append(...members.map(drawDevice));
    box.append(title, list);
    const say = function (word, reason) {
      const why = make("p", "why");
      why.append(make("b", "", word), reason);
      box.append(why);
    };
    if (none) {
      say("Not viable", ": the IOMMU is off, or leaves these out.");
    } else if (held) {
      say("Not viable", " as it is: " + group.held.join("; ") + ".");
    } else if (toGive.length) {
      say("Viable", all ? ": all on a VFIO driver." : ": no driver of the host holds it.");
    }
    return box;
  }

  function turn(button, was, now) {
    button.setAttribute("aria-expanded", String(now === "hide"));
    button.setAttribute("aria-label", now + button.getAttribute("aria-label").slice(was.length));
    button.textContent = now;
  }

  function draw(button) {
    const row = button.closest("tr");
    if (button.getAttribute("aria-expanded") === "true") {
      row.nextElementSibling.remove();
      turn(button, "hide", "show");
      return;
    }
    iommu = iommu || JSON.parse(document.getElementById("iommu").textContent);
    const groups = iommu.maps[Number(button.dataset.map)].map((position) => iommu.groups[position]);
    const drawn = make("tr", "drawn");
    const cell = make("td");
    drawn.setAttribute("role", "row");
    cell.setAttribute("role", "cell");
    cell.colSpan = row.cells.length;
    const list = make("ul", "groups");
    list.setAttribute("aria-label", "IOMMU groups of " + row.cells[0].textContent);
    list.append(...groups.map(drawGroup));
    cell.append(list);
    drawn.append(cell);
    row.after(drawn);
    turn(button, "show", "hide");
  }

  document.addEventListener("click", function (event) {
    const button = event.target instanceof Element && event.target.closest("button.map");
    if (button) draw(button);
  });

  // On paper nothing can be unfolded.
  let unfolded = [];
  window.addEventListener("beforeprint", function () {
    unfolded = Array.from(document.querySelectorAll("details:not([open])"));
    for (const details of unfolded) details.open = true;
  });
  window.addEventListener("afterprint", function () {
    for (const details of unfolded) details.open = false;
  });
})();
