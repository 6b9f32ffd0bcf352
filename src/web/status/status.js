// Search, order and updates of the status page. The page is whole without it.
"use strict";
// Of a long table only the beginning is laid out, from the first moment on.
document.documentElement.classList.add("early");
document.addEventListener("DOMContentLoaded", () => {
  const byId = (id) => document.getElementById(id);
  const search = byId("search"), show = byId("show"), pause = byId("pause"), more = byId("more");
  const heads = [...document.querySelectorAll(".targets thead th")];
  const UPDATE_MS = 10000;
  // Rows that are laid out at first, and with each look at the end of the table.
  const STEP = 250;
  const order = { column: -1, down: false };
  let rows = [];
  let limit = STEP;

  const value = (row, column) => {
    const cell = row.element.cells[column];
    const text = cell.dataset.v ?? cell.textContent;
    const number = Number(text.replaceAll(",", ""));
    return text !== "" && !Number.isNaN(number) ? number : text;
  };

  const compare = (a, b) => {
    if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
    return typeof a === "number" ? -1 : 1;
  };

  // As the server sent them where no column was chosen: failing ones first.
  const sort = () => {
    const { column, down } = order;
    if (column < 0) return rows;
    const keyed = rows.map((row) => [value(row, column), row]);
    keyed.sort(([a, first], [b, second]) =>
      (down ? -1 : 1) * compare(a, b) || first.place - second.place);
    return keyed.map(([, row]) => row);
  };

  const matches = (row, words) => (!show.value || row.element.className === show.value) &&
    words.every((word) => row.text.includes(word));

  const count = (number) => number.toLocaleString("en");

  const arrange = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const ordered = sort();
    let found = 0;
    for (const row of ordered) {
      const fits = matches(row, words);
      if (fits) found += 1;
      row.element.hidden = !fits || found > limit;
    }
    byId("rows").replaceChildren(...ordered.map((row) => row.element));
    document.documentElement.classList.remove("early");
    const all = rows.length;
    byId("shown").textContent =
      found === all ? `${count(all)} targets` : `${count(found)} of ${count(all)} targets`;
    const left = found - Math.min(found, limit);
    more.hidden = left === 0;
    more.textContent = `Show ${count(Math.min(left, STEP))} more of ${count(left)}`;
  };

  const again = () => {
    limit = STEP;
    arrange();
  };

  const take = () => {
    rows = [...byId("rows").rows].map((element, place) =>
      ({ element, place, text: element.textContent.toLowerCase() }));
  };

  // The table of functions is absent before the first one is known.
  const filter = () => {
    const find = byId("find");
    if (!find) return;
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const all = [...byId("functions").rows];
    let found = 0;
    for (const row of all) {
      const name = row.cells[0].textContent.toLowerCase();
      row.hidden = !words.every((word) => name.includes(word));
      if (!row.hidden) found += 1;
    }
    byId("found").textContent = `${count(found)} of ${count(all.length)} shown functions`;
  };

  const filtered = () => {
    const find = byId("find");
    if (!find) return;
    find.closest("p").hidden = false;
    find.addEventListener("input", filter);
    filter();
  };

  const choose = (column) => {
    // Words rise first, numbers fall first.
    const falls = heads[column].classList.contains("n") || column === 2;
    order.down = order.column === column ? !order.down : falls;
    order.column = column;
    heads.forEach((head, at) => {
      if (at === column) head.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    arrange();
  };

  // What a person opened stays open.
  const opened = () => new Set(rows
    .filter((row) => row.element.querySelector("details[open]"))
    .map((row) => row.element.cells[1].textContent));

  const update = async () => {
    const answer = await fetch(location.pathname, { cache: "no-store" });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const open = opened();
    byId("summary").replaceWith(page.getElementById("summary"));
    byId("rows").replaceWith(page.getElementById("rows"));
    const functions = page.getElementById("functions");
    if (byId("functions") && functions) {
      byId("functions").replaceWith(functions);
      filter();
    } else if (functions) {
      byId("targets").closest("section").before(functions.closest("section"));
      filtered();
    }
    document.title = byId("summary").dataset.title;
    take();
    for (const row of rows) {
      if (open.has(row.element.cells[1].textContent)) {
        row.element.querySelector("details")?.setAttribute("open", "");
      }
    }
    arrange();
  };

  const paused = () => pause.getAttribute("aria-pressed") === "true" || document.hidden;

  const updates = async () => {
    const began = performance.now();
    if (!paused()) {
      const stale = byId("stale");
      try {
        await update();
        stale.hidden = true;
      } catch (error) {
        if (stale.hidden) {
          const time = new Date().toISOString().slice(11, 19);
          stale.textContent = `No answer since ${time} UTC: what is shown is older.`;
          stale.hidden = false;
        }
      }
    }
    // A page that is heavy for this browser is updated less often.
    setTimeout(updates, Math.max(UPDATE_MS, 20 * (performance.now() - began)));
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => choose(column));
    head.replaceChildren(button);
  });
  search.addEventListener("input", again);
  show.addEventListener("change", again);
  more.addEventListener("click", () => {
    limit += STEP;
    arrange();
  });
  new IntersectionObserver(([end]) => {
    if (end.isIntersecting && !more.hidden) more.click();
  }, { rootMargin: "600px" }).observe(byId("end"));
  pause.addEventListener("click", () => {
    const pressed = pause.getAttribute("aria-pressed") !== "true";
    pause.setAttribute("aria-pressed", String(pressed));
    pause.textContent = pressed ? "Updates paused" : "Pause updates";
  });
  byId("controls").hidden = false;
  take();
  arrange();
  filtered();
  setTimeout(updates, UPDATE_MS);
});
