// What a reader may do with the outputs of a report: open a number, sort a listing, look closer at a figure, search for terms
// and subjects. Everything else works without it, and without the folder beside the page.
(() => {
  "use strict";
  const { element } = cg;
  const main = document.getElementById("report");
  if (!main || !cg.root) return;
  const profile = (who) => `${cg.root}/profile.html#${encodeURIComponent(who)}`;
  // A long table has its rows in parts.
  const rowsOf = (table) => [...(table?.tBodies || [])].flatMap((body) => [...body.rows]);
  const tidy = (text) => text.replace(/[\u2006\u2007\u2008\u200a\u200b]/g, "").replace(/\s+/g, " ").trim();

  // ---- a window above the page; one at a time. Not by showModal: a browser asks every element of the page for its style again
  // when all of it becomes inert, a tenth of a second of a report. The keys stay within, a click beside it closes it.
  const dialog = element("dialog", { class: "cg-dialog", "aria-labelledby": "cg-dialog-title", "aria-modal": "true" });
  const shade = element("div", { class: "cg-shade", hidden: true, onclick: () => dialog.close() });
  const title = element("h2", { id: "cg-dialog-title", tabindex: -1 });
  const inside = element("div", { class: "cg-inside" });
  dialog.append(element("div", { class: "cg-bar" }, title, element("button", { type: "button", class: "cg-close", onclick: () => dialog.close() }, "Close")), inside);
  document.body.append(shade, dialog);
  let back = null;
  dialog.addEventListener("close", () => {
    shade.hidden = true;
    inside.replaceChildren();
    back?.focus({ preventScroll: true });
  });
  const reached = () => [...dialog.querySelectorAll("a[href], button, input, select, textarea, [tabindex]")].filter((one) => one.tabIndex >= 0 && !one.disabled && one.getClientRects().length);
  document.addEventListener("keydown", (event) => {
    if (!dialog.open) return;
    if (event.key === "Escape") dialog.close();
    else if (event.key === "Tab") {
      const all = reached(), [first, last] = [all[0], all[all.length - 1]], here = document.activeElement;
      const aim = event.shiftKey ? (here === first || here === title) && last : here === last && first;
      if (aim) aim.focus();
      if (!aim) return;
    } else return;
    event.preventDefault();
  });
  document.addEventListener("focusin", (event) => { if (dialog.open && !dialog.contains(event.target)) title.focus(); });
  const show = (text, wide, ...parts) => {
    back = document.activeElement;
    title.textContent = text;
    dialog.classList.toggle("wide", wide);
    inside.replaceChildren(...parts);
    shade.hidden = false;
    if (!dialog.open) dialog.show();
    title.focus();
  };

  // ---- numbers
  const LABELS = {};
  const say = ({ again, format }) => (cg.nothing(again) ? "not estimable" : String(Number(((format || "").endsWith("%") ? 100 * again : again).toPrecision(12))));
  const heading = (cell) => {
    const table = cell.closest("table"), heads = table.tHead.rows[table.tHead.rows.length - 1].cells;
    return tidy(heads[cell.cellIndex]?.textContent || "");
  };
  const verdict = (found) => {
    const counted = found.stats.filter((one) => one.counted), wrong = counted.filter((one) => !one.equal);
    const left = found.stats.length - counted.length;
    const text = wrong.length || !found.printed
      ? "Not equal: report this before anything of it is used."
      : `Counted again from the records below: ${counted.length === 1 ? "the number is" : `all ${counted.length} numbers are`} equal.`;
    const more = left ? ` ${left === 1 ? "One number" : `${left} numbers`} of this cell come${left === 1 ? "s" : ""} from a method that this page does not repeat.` : "";
    return element("p", { class: wrong.length || !found.printed ? "verdict wrong" : "verdict", role: "status" }, text + more);
  };
  const statistics = (found) => element("table", { class: "cg-stats" },
    element("thead", {}, element("tr", {}, ...["Statistic", "Printed", "From these records", "Equal"].map((head) => element("th", { scope: "col" }, head)))),
    element("tbody", {}, ...found.stats.map((one) => element("tr", {},
      element("th", { scope: "row" }, LABELS[one.name] || one.name), element("td", {}, one.printed),
      element("td", {}, one.counted ? say(one) : "–"), element("td", {}, one.counted ? (one.equal ? "equal" : "not equal") : "not counted here")))));
  // Records without what none of them has; whose they are and what the row is about stands first.
  const records = (one, key) => {
    const first = [cg.SUBJECT, ...key.map(([name]) => name), one.variable].filter((name, at, all) => name && all.indexOf(name) === at);
    const named = [...first, ...one.data.variables.filter((name) => !first.includes(name))];
    const values = named.map((name) => one.data.pick(name, one.records));
    const kept = named.map((_, at) => at).filter((at) => values[at].some((value) => value !== null));
    return cg.grid({
      name: `Records of ${one.name}`, columns: kept.map((at) => named[at]), titles: kept.map((at) => one.data.label(named[at])),
      texts: kept.map((at) => values[at].map((value) => (value === null ? "" : String(value)))),
      link: (row, column) => (named[kept[column]] === cg.SUBJECT ? profile(values[kept[column]][row]) : null),
    });
  };
  const subjects = (one) => {
    const who = [...new Set(one.data.pick(cg.SUBJECT, one.records))].sort();
    const list = element("ul", { class: "cg-subjects", hidden: who.length > 40 }, ...who.map((name) => element("li", {}, element("a", { href: profile(name) }, name))));
    // No details element: a browser asks all elements of a page for their style again where one appears.
    const fold = element("button", { type: "button", class: "cg-fold", "aria-expanded": String(!list.hidden), onclick: () => {
      list.hidden = !list.hidden;
      fold.setAttribute("aria-expanded", String(!list.hidden));
    } }, `${who.length} ${who.length === 1 ? "subject" : "subjects"}`);
    return element("div", {}, fold, list);
  };
  const openNumber = async (section, told, output, cell, at) => {
    const [, , key] = at, row = cell.parentElement, label = tidy(row.cells[0].textContent);
    const found = await cg.check(output, at, cell.textContent);
    const parts = found.shown.flatMap((one) => [subjects(one), element("h3", {}, `${one.records.length.toLocaleString("en")} records of ${one.name}`),
      one.records.length ? records(one, output.keys[key]) : element("p", {}, "No record.")]);
    const about = output.keys[key].map(([name, level]) => (level === null ? name : `${name} ${level}`)).join(", ");
    show(`${told.label}: ${label}, ${heading(cell)}: ${tidy(cell.textContent)}`, true, element("p", { class: "cg-hint" }, about), verdict(found), statistics(found), ...parts);
  };

  // The numbers of a table become buttons when it comes near; one of a table is reached by Tab, the others by arrow keys.
  const arm = async (section, told) => {
    const table = section.querySelector("table.gt_table"), output = await cg.output(told.stem);
    if (!table || section.dataset.armed) return;
    section.dataset.armed = "yes";
    const rows = rowsOf(table), buttons = new Map();
    for (const at of output.cells) {
      const cell = rows[at[0]]?.cells[at[1]];
      if (!cell) continue;
      const button = element("button", { type: "button", class: "cg-number", tabindex: -1, "aria-haspopup": "dialog" });
      button.append(...cell.childNodes);
      cell.append(button);
      buttons.set(`${at[0]},${at[1]}`, button);
    }
    buttons.values().next().value?.setAttribute("tabindex", 0);
    // What its numbers are counted of is read while nobody waits for it.
    const idle = window.requestIdleCallback || setTimeout;
    for (const name of new Set(output.sets.map(([dataset]) => dataset))) idle(() => cg.dataset(name).catch(() => {}));
    table.addEventListener("click", (event) => {
      const button = event.target.closest("button.cg-number");
      if (button) openNumber(section, told, output, button.parentElement, output.at.get(placeOf(button))).catch((error) => show("The data cannot be read", false, element("p", {}, error.message)));
    });
    const placeOf = (button) => `${rows.indexOf(button.closest("tr"))},${button.parentElement.cellIndex}`;
    table.addEventListener("keydown", (event) => {
      const step = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key];
      const button = event.target.closest("button.cg-number");
      if (!step || !button) return;
      event.preventDefault();
      let [row, column] = placeOf(button).split(",").map(Number);
      for (row += step[0], column += step[1]; row >= 0 && row < rows.length && column >= 0 && column < 99; row += step[0], column += step[1]) {
        const next = buttons.get(`${row},${column}`);
        if (!next) continue;
        button.setAttribute("tabindex", -1);
        next.setAttribute("tabindex", 0);
        next.focus();
        return;
      }
    });
  };

  // ---- listings
  const readListing = (table) => {
    const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells].map((cell) => tidy(cell.textContent));
    const texts = heads.map(() => []);
    for (const row of rowsOf(table)) heads.forEach((_, at) => texts[at].push(tidy(row.cells[at]?.textContent || "")));
    return { heads, texts };
  };
  const openListing = async (section, told) => {
    const output = await cg.output(told.stem), { heads, texts } = readListing(section.querySelector("table.gt_table"));
    const whose = output.whose || [];
    show(`${told.label} ${told.title}`, true, cg.grid({ name: told.label, columns: heads, texts,
      link: (row, column) => (column === output.column && whose[row] ? profile(whose[row]) : null) }));
  };
  const linkListing = async (section, told) => {
    const output = await cg.output(told.stem), table = section.querySelector("table.gt_table");
    if (!output.whose || !table || section.dataset.armed) return;
    section.dataset.armed = "yes";
    const lead = (row, who) => {
      const cell = row.cells[output.column];
      if (!cell || !who || row.cells.length < 2) return;
      const again = cell.classList.contains("cg-again"), link = element("a", { href: profile(who), class: "cg-who", tabindex: again ? -1 : 0, "aria-hidden": again });
      link.append(...cell.childNodes);
      cell.append(link);
    };
    // The rows of a part lead to their subjects when it comes near.
    const starts = new Map(), bodies = [...table.tBodies];
    bodies.reduce((sum, body) => { starts.set(body, sum); return sum + body.rows.length; }, 0);
    const near = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        [...target.rows].forEach((row, at) => lead(row, output.whose[starts.get(target) + at]));
      }
    }, { rootMargin: "600px 0px" });
    for (const body of bodies) near.observe(body);
  };

  // ---- figures
  const enlarge = (section, told) => {
    const drawn = section.querySelector(".cg-drawn svg").cloneNode(true);
    for (const node of drawn.querySelectorAll("[id]")) node.id = `large-${node.id}`;
    for (const node of drawn.querySelectorAll("*")) {
      for (const one of [...node.attributes]) if (one.value.includes("#")) node.setAttribute(one.name, one.value.replace(/url\(#/g, "url(#large-").replace(/^#/, "#large-"));
    }
    const view = element("div", { class: "cg-view", tabindex: 0, role: "group", "aria-label": `${told.label}, enlarged` }, drawn);
    let scale = 1;
    const zoom = (by, event) => {
      const before = scale;
      scale = Math.min(12, Math.max(1, scale * by));
      const box = view.getBoundingClientRect(), x = (event?.clientX ?? box.left + box.width / 2) - box.left, y = (event?.clientY ?? box.top + box.height / 2) - box.top;
      const left = (view.scrollLeft + x) * (scale / before) - x, above = (view.scrollTop + y) * (scale / before) - y;
      drawn.style.width = `${100 * scale}%`;
      view.scrollTo(left, above);
    };
    view.addEventListener("wheel", (event) => { if (event.ctrlKey || event.metaKey) { event.preventDefault(); zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, event); } }, { passive: false });
    view.addEventListener("keydown", (event) => { if (event.key === "+" || event.key === "=") zoom(1.25); else if (event.key === "-") zoom(0.8); });
    show(`${told.label} ${told.title}`, true, element("p", { class: "cg-hint" }, element("button", { type: "button", onclick: () => zoom(1.25) }, "Larger"), " ",
      element("button", { type: "button", onclick: () => zoom(0.8) }, "Smaller"), " also by + and −, or the wheel with Ctrl"), view);
  };
  const openValues = async (told) => {
    const { values } = await cg.output(told.stem), heads = ["Row", "Column", "Statistic", "Value"];
    show(`${told.label}: the values it shows`, true, cg.grid({ name: `Values of ${told.label}`, columns: heads,
      texts: heads.map((_, at) => values.map((row) => (row[at] === null ? "" : at === 2 ? LABELS[row[at]] || row[at] : String(row[at])))),
      link: (row, column) => (column === 0 && values[row][4] ? profile(values[row][4]) : null) }));
  };

  // ---- what is told of all numbers of the page
  const countAll = async (known, tell = () => {}) => {
    const told = { outputs: 0, cells: 0, numbers: 0, unequal: [] };
    for (const [section, one] of known) {
      const output = await cg.output(one.stem), rows = rowsOf(section.querySelector("table.gt_table"));
      told.outputs += 1;
      for (const cell of output.cells) {
        const found = await cg.check(output, cell, rows[cell[0]]?.cells[cell[1]]?.textContent ?? "");
        told.cells += 1;
        told.numbers += found.stats.filter((stat) => stat.counted).length;
        if (!found.printed || found.stats.some((stat) => stat.counted && !stat.equal)) told.unequal.push({ output: one.label, row: cell[0], column: cell[1], stats: found.stats });
      }
      tell(told);
      await new Promise((next) => setTimeout(next));
    }
    return told;
  };

  // ---- the search for terms and subjects, below that for titles
  const search = (contents) => {
    const input = document.getElementById("contents-filter"), box = document.querySelector(".contents-search");
    if (!input || !box) return;
    const found = element("div", { class: "cg-found", "aria-live": "polite" });
    box.after(found);
    let asked = 0;
    const jump = (anchor, row) => (event) => {
      const section = document.getElementById(anchor), line = rowsOf(section?.querySelector("table.gt_table"))[row];
      if (!line) return;
      event.preventDefault();
      location.hash = anchor;
      requestAnimationFrame(() => requestAnimationFrame(() => {
        line.scrollIntoView({ block: "center" });
        line.classList.add("cg-hit");
        setTimeout(() => line.classList.remove("cg-hit"), 4000);
      }));
    };
    input.addEventListener("input", async () => {
      const own = (asked += 1), words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      if (words.join("").length < 2) return found.replaceChildren();
      const [terms, subjects] = await Promise.all([cg.load("terms"), cg.dataset(cg.SUBJECTS)]);
      if (own !== asked) return;
      const fits = (text) => { const folded = text.toLowerCase(); return words.every((word) => folded.includes(word)); };
      const who = subjects.values(cg.SUBJECT).filter(fits);
      const named = Object.keys(terms).filter(fits).map((term) => [term, terms[term].filter(([anchor]) => document.getElementById(anchor))]).filter(([, places]) => places.length);
      const list = (name, of, items, make) => (items.length ? [element("p", { class: "cg-found-head" }, `${name} (${items.length})`), element("ul", {}, ...items.slice(0, 12).map(make)), items.length > 12 ? element("p", { class: "cg-found-more" }, `and ${items.length - 12} more`) : null].filter(Boolean) : []);
      found.replaceChildren(
        ...list("Subjects", "", who, (name) => element("li", {}, element("a", { href: profile(name) }, name))),
        ...list("Terms", "", named, ([term, places]) => element("li", {}, element("details", {}, element("summary", {}, `${term} (${places.length})`),
          element("ul", {}, ...places.map(([anchor, row]) => element("li", {}, element("a", { href: `#${anchor}`, onclick: jump(anchor, row) }, `${contents.outputs[anchor].label} ${contents.outputs[anchor].title}`))))))));
    });
  };

  // ---- the page
  // What is wider than the page is scrolled by keys too.
  const reach = (section) => {
    if (section.scrollWidth > section.clientWidth) section.setAttribute("tabindex", 0);
    else section.removeAttribute("tabindex");
  };
  // A table that is far away is not laid out yet, and to ask how wide it is would take seconds: what it needs at least stands in
  // it, in em of 13 pixels.
  const reachFar = (sections) => {
    const room = main.clientWidth - 84;
    for (const section of sections) {
      if (13 * parseFloat(section.querySelector("table.gt_table")?.style.minWidth || 0) > room) section.setAttribute("tabindex", 0);
    }
  };
  const tools = (section, told) => {
    if (section.dataset.tools) return;
    section.dataset.tools = "yes";
    const button = (text, act) => element("button", { type: "button", onclick: act }, text);
    const made = told.kind === "listing" ? [button("Sort and filter", () => openListing(section, told))]
      : told.kind === "figure" ? [button("Enlarge", () => enlarge(section, told)), button("Values", () => openValues(told))] : [];
    if (made.length && (told.kind !== "listing" || section.querySelector("table.gt_table tbody tr:nth-child(2)"))) section.querySelector("h2, h3, h4").after(element("p", { class: "cg-tools" }, ...made));
  };
  const begin = (contents) => {
    Object.assign(LABELS, contents.statistics);
    const known = [...document.querySelectorAll(".cg-output[id]")].filter((section) => section.id in contents.outputs).map((section) => [section, contents.outputs[section.id]]);
    const seen = new Set();
    const near = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        seen.add(target);
        reach(target);
        const told = contents.outputs[target.id];
        tools(target, told);
        if (told.numbers) arm(target, told);
        else if (told.kind === "listing") linkListing(target, told);
      }
    }, { rootMargin: "600px 0px" });
    for (const [section] of known) near.observe(section);
    reachFar(known.map(([section]) => section));
    window.addEventListener("resize", () => seen.forEach(reach));
    search(contents);
    const numbers = known.reduce((sum, [, one]) => sum + one.numbers, 0);
    const status = element("span", { role: "status" });
    const again = element("button", { type: "button", onclick: async () => {
      again.disabled = true;
      const tell = (told) => { status.textContent = ` ${told.numbers.toLocaleString("en")} numbers of ${told.outputs} outputs counted, ${told.unequal.length} cells unequal`; };
      tell(await countAll(known, tell));
      again.disabled = false;
    } }, "Count all numbers again");
    document.querySelector(".title-page .facts")?.after(element("p", { class: "cg-tools" },
      `${numbers.toLocaleString("en")} cells of this report open to the records behind them. `, again, status));
    document.documentElement.classList.add("interactive");
    cg.contents = contents;
    cg.countAll = () => countAll(known);
    cg.arm = (anchor) => arm(document.getElementById(anchor), contents.outputs[anchor]);
  };
  cg.theme();
  cg.load("contents").then(begin).catch((error) => {
    document.querySelector(".title-page .facts")?.after(element("p", { class: "cg-tools" }, `Numbers cannot be opened here: ${error.message}. Open this page in the folder of its build.`));
  });
})();
