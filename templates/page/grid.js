// A table of any size that is sorted, filtered and scrolled: only the rows in sight, and of them the columns in sight, are in the page.
cg.grid = (() => {
  "use strict";
  const HEIGHT = 27, MORE = 8, ASIDE = 300;
  const { element } = cg;
  const NUMBER = /^[<>≤≥]?\s*-?\d+(?:\.\d+)?/;
  const rank = (text) => {
    const told = text.match(NUMBER);
    return told ? Number(told[0].replace(/[^\d.-]/g, "")) : null;
  };
  const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  // `columns` are the heads, `texts` the text of each cell by column; `link` gives what a cell leads to, where it leads anywhere.
  return ({ name, columns, texts, link = () => null, titles = [] }) => {
    const rows = texts.length ? texts[0].length : 0;
    let shown = [...Array(rows).keys()], sorted = { column: -1, up: true }, drawn = "";
    const folded = texts.map((own) => own.map((text) => text.toLowerCase()));
    const widths = columns.map((head, at) => {
      let most = Math.min(head.length + 3, 26);
      for (let row = 0; row < rows; row += Math.max(1, Math.floor(rows / 200))) most = Math.max(most, texts[at][row].length);
      return Math.min(Math.max(most, 5), 44) * 0.62 + 1.2;
    });
    // Where each column ends, in em.
    const ends = widths.map((sum => (width) => (sum += width))(0));
    const status = element("span", { class: "grid-count", role: "status" });
    const all = element("input", { type: "search", class: "grid-filter", "aria-label": `Filter ${name}`, placeholder: "Filter: words of any column", autocomplete: "off" });
    const own = columns.map((head) => element("input", { type: "search", "aria-label": `Filter ${head}`, autocomplete: "off" }));
    const placed = (role, column, inside, about = {}) => {
      const made = element("div", { role, "aria-colindex": column + 1, ...about }, inside);
      made.style.gridColumnStart = column + 1;
      return made;
    };
    const heads = columns.map((head, at) => placed("columnheader", at, element("button", { type: "button", onclick: () => sort(at) }, head), { "aria-sort": "none", title: titles[at] || null }));
    const layer = element("div", { class: "grid-rows", role: "rowgroup" });
    const top = element("div", { class: "grid-top", role: "rowgroup" },
      element("div", { role: "row", class: "grid-heads", "aria-rowindex": 1 }, ...heads),
      element("div", { role: "row", class: "grid-filters", "aria-rowindex": 2 }, ...own.map((input, at) => placed("cell", at, input))));
    const box = element("div", { class: "grid-box", role: "table", tabindex: 0, "aria-label": name, "aria-colcount": columns.length }, top, layer);
    box.style.setProperty("--columns", widths.map((width) => `${width}em`).join(" "));

    const sight = () => {
      const em = parseFloat(getComputedStyle(box).fontSize), left = box.scrollLeft - ASIDE, right = box.scrollLeft + box.clientWidth + ASIDE;
      const from = ends.findIndex((end) => end * em > left), to = ends.findIndex((end) => end * em > right);
      return [Math.max(0, Math.floor(box.scrollTop / HEIGHT) - MORE), Math.min(shown.length, Math.ceil((box.scrollTop + box.clientHeight) / HEIGHT) + MORE),
        Math.max(0, from), to < 0 ? columns.length : to + 1];
    };
    const draw = (anew = false) => {
      if (!box.clientHeight) return;
      const [start, end, from, to] = sight(), asked = [start, end, from, to].join();
      if (!anew && asked === drawn) return;
      drawn = asked;
      // Whoever is at a link with the keyboard stays there when the rows are drawn again; at the box where it is out of sight.
      const held = layer.contains(document.activeElement) ? document.activeElement.parentElement : null;
      layer.style.height = `${shown.length * HEIGHT}px`;
      layer.replaceChildren(...shown.slice(start, end).map((row, at) => {
        const line = element("div", { role: "row", class: "grid-row", "aria-rowindex": start + at + 3 });
        for (let column = from; column < to; column += 1) {
          const text = texts[column][row], aim = link(row, column);
          line.append(placed("cell", column, aim ? element("a", { href: aim }, text) : text, { title: text.length > 20 ? text : null }));
        }
        line.style.top = `${(start + at) * HEIGHT}px`;
        return line;
      }));
      if (held) {
        const [row, column] = [held.parentElement, held].map((one, at) => one.getAttribute(at ? "aria-colindex" : "aria-rowindex"));
        (layer.querySelector(`[aria-rowindex="${row}"] [aria-colindex="${column}"] a`) || box).focus({ preventScroll: true });
      }
    };
    const choose = () => {
      const words = all.value.toLowerCase().split(/\s+/).filter(Boolean);
      const asked = own.map((input, at) => [at, input.value.toLowerCase().trim()]).filter(([, text]) => text);
      const chosen = [];
      for (let row = 0; row < rows; row += 1) {
        if (asked.every(([at, text]) => folded[at][row].includes(text)) && words.every((word) => folded.some((cells) => cells[row].includes(word)))) chosen.push(row);
      }
      if (sorted.column >= 0) {
        const cells = texts[sorted.column], ranks = new Map(chosen.map((row) => [row, rank(cells[row])]));
        // Numbers by their value, words by the alphabet, what is blank last; of equals the order of the output stays.
        chosen.sort((one, other) => {
          const [a, b] = [cells[one], cells[other]];
          if (!a || !b) return (a ? 0 : 1) - (b ? 0 : 1) || one - other;
          const [x, y] = [ranks.get(one), ranks.get(other)];
          const found = x !== null && y !== null && x !== y ? x - y : order.compare(a, b);
          return (sorted.up ? found : -found) || one - other;
        });
      }
      shown = chosen;
      box.setAttribute("aria-rowcount", shown.length + 2);
      status.textContent = shown.length === rows ? `${rows.toLocaleString("en")} rows` : `${shown.length.toLocaleString("en")} of ${rows.toLocaleString("en")} rows`;
      box.scrollTop = 0;
      draw(true);
    };
    const sort = (column) => {
      sorted = sorted.column !== column ? { column, up: true } : sorted.up ? { column, up: false } : { column: -1, up: true };
      heads.forEach((head, at) => head.setAttribute("aria-sort", at !== sorted.column ? "none" : sorted.up ? "ascending" : "descending"));
      choose();
    };
    const copy = () => {
      const cell = (text) => (/[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
      const safe = (text) => (/^[=+@\t\r]|^-(?!\d)/.test(text) ? `'${text}` : text);
      const lines = [columns, ...shown.map((row) => columns.map((_, at) => texts[at][row]))];
      cg.save(`${name.replace(/[^\w.-]+/g, "_")}.csv`, "text/csv", `\ufeff${lines.map((line) => line.map((text) => cell(safe(text))).join(",")).join("\r\n")}\r\n`);
    };
    let due = 0;
    box.addEventListener("scroll", () => { if (!due) due = requestAnimationFrame(() => { due = 0; draw(); }); });
    for (const input of [all, ...own]) input.addEventListener("input", choose);
    new ResizeObserver(() => draw(true)).observe(box);
    choose();
    return element("div", { class: "grid" },
      element("div", { class: "grid-tools" }, all, status, element("button", { type: "button", onclick: copy }, "Save as CSV")), box);
  };
})();
