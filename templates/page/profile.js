// The page of a subject: what is known of it, its course on one time axis, its records, and a reviewer's notes.
(() => {
  "use strict";
  const { element, nothing } = cg;
  const main = document.getElementById("profile");
  const SVG = "http://www.w3.org/2000/svg";
  const drawn = (name, about = {}, ...inside) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(about)) made.setAttribute(key, value);
    made.append(...inside);
    return made;
  };
  const DAY = 86400000;
  const time = (text) => (text ? Date.parse(`${String(text).slice(0, 10)}T00:00:00Z`) : NaN);
  const said = (value) => (value === null || value === undefined ? "" : String(value));
  // A number as a reader takes it in; the records have it whole.
  const round = (value) => (typeof value === "number" ? String(Number(value.toPrecision(5))) : said(value));

  // The records of a subject in a dataset; a value by any of several names.
  const own = async (name, who) => {
    if (!(name in contents.datasets)) return [];
    const data = await cg.dataset(name), all = data.values(cg.SUBJECT), found = [];
    for (let at = 0; at < data.rows; at += 1) if (all[at] === who) found.push({ data, at, get: (names) => get(data, at, names) });
    return found;
  };
  const get = (data, at, names) => {
    for (const name of names.split("|")) {
      const value = data.reader(name)(at);
      if (value !== null) return value;
    }
    return null;
  };

  let contents, plan, notes;

  // ---- the time axis
  const WIDTH = 1080, LEFT = 230, RIGHT = 14, LINE = 15;
  // The axis ends with the last day known: no day after a death stands on it that the data do not have.
  const axisOf = (dates, zero) => {
    const first = Math.min(...dates), to = Math.max(...dates), from = first - Math.max(DAY, (to - first) * 0.01);
    const x = (date) => LEFT + ((date - from) / (to - from)) * (WIDTH - LEFT - RIGHT);
    const day = (date) => { const passed = Math.round((date - zero) / DAY); return passed >= 0 ? passed + 1 : passed; };
    const step = [1, 2, 7, 14, 28, 56, 84, 168, 364].find((days) => (to - from) / DAY / days <= 14) || 728;
    const ticks = [];
    for (let passed = Math.ceil((from - zero) / DAY / step) * step; zero + passed * DAY <= to; passed += step) ticks.push(zero + passed * DAY);
    return { from, to, x, day, ticks };
  };
  const scale = (axis, height, labels) => axis.ticks.flatMap((date) => [
    drawn("line", { x1: axis.x(date), x2: axis.x(date), y1: 0, y2: height, class: axis.day(date) === 1 ? "zero" : "tick" }),
    ...(labels ? [Object.assign(drawn("text", { x: axis.x(date), y: height + 12, class: "tick-text" }), { textContent: axis.day(date) })] : []),
  ]);
  const text = (x, y, told, kind) => Object.assign(drawn("text", { x, y, class: kind }), { textContent: told });
  const titled = (told) => Object.assign(drawn("title"), { textContent: told });
  const short = (told, most = 34) => (told.length > most ? `${told.slice(0, most - 1)}…` : told);

  // A bar runs from the day of its start to that of its end; without an end, to the end of follow-up, where an arrow says so,
  // and not past a death. One that would lie over another of its line stands below it.
  const layBars = (axis, records, until) => {
    const lanes = [];
    for (const one of records) {
      const open = nothing(one.end), end = open ? Math.max(one.start, until.date) : one.end, room = one.grade ? 8 : 4;
      const right = Math.max(axis.x(end), LEFT + room), left = Math.min(axis.x(Math.max(one.start, axis.from)), end >= until.date ? right - room : right);
      const bar = { one, left, width: Math.max(room, right - left), arrow: open && !until.final };
      const lane = lanes.find((bars) => { const last = bars[bars.length - 1]; return last.left + last.width + (last.arrow ? 6 : 0) <= left + 0.5; });
      if (lane) lane.push(bar); else lanes.push([bar]);
    }
    return lanes;
  };
  const drawBar = ({ one, left, width, arrow }, y) => [
    drawn("rect", { x: left, y: y + 3, width, height: 9, class: `span grade-${one.grade || 0}${one.strong ? " strong" : ""}`, rx: 1.5 }, titled(one.told)),
    ...(arrow ? [drawn("path", { d: `M${left + width} ${y + 1}l6 6.5l-6 6.5z`, class: "going-on" })] : []),
    // What no colour alone may say.
    ...(one.grade ? [text(left + 1.5, y + 11, one.grade, `grade-text in-${one.grade}`)] : []),
  ];

  const timeline = (axis, bands, moments, until, name) => {
    let y = 4;
    const parts = [], marks = [];
    for (const band of bands) {
      parts.push(text(2, y + 12, band.title, "band"));
      y += 18;
      for (const [told, records] of band.lines) {
        const label = text(12, y + 11, short(told), "line-text");
        label.append(titled(told));
        parts.push(label);
        for (const one of records.filter((record) => record.point)) {
          parts.push(drawn("path", { d: `M${axis.x(one.start)} ${y + 2}l4.5 10h-9z`, class: `point grade-${one.grade || 0}` }, titled(one.told)));
        }
        const lanes = layBars(axis, records.filter((record) => !record.point), until);
        lanes.forEach((bars, below) => parts.push(...bars.flatMap((bar) => drawBar(bar, y + below * LINE))));
        y += LINE * Math.max(0, lanes.length - 1);
        y += LINE;
      }
      y += 5;
    }
    // Words of moments that lie near each other stand below each other; at the right edge they end at their line.
    for (const one of moments) {
      const x = axis.x(one.date), told = `${one.text} (day ${axis.day(one.date)})`, end = x > WIDTH - 170;
      y += 13;
      const words = text(end ? x - 3 : x + 3, y - 3, told, "moment-text");
      if (end) words.setAttribute("text-anchor", "end");
      marks.push(drawn("line", { x1: x, x2: x, y1: 0, y2: y, class: "moment" }), words);
    }
    return drawn("svg", { viewBox: `0 0 ${WIDTH} ${y + 18}`, role: "img", "aria-label": `${name}: time axis in days` }, ...scale(axis, y, true), ...parts, ...marks);
  };

  // Grades of values beside their dots: each where no other grade stands and, while there is room, no dot does.
  const GRADE = { width: 5.5, height: 7.5 };
  const layGrades = (dots, height) => {
    const boxes = [], apart = (one, other) => one.x >= other.x + other.width || other.x >= one.x + one.width || one.y >= other.y + other.height || other.y >= one.y + one.height;
    const circles = dots.map(({ x, y, r }) => ({ x: x - r, y: y - r, width: 2 * r, height: 2 * r }));
    const places = [0, 1, 2, 3, 4, 5, 6].flatMap((far) => [4, -GRADE.width / 2, -4 - GRADE.width].flatMap((aside) => [
      { aside, down: -4 - GRADE.height / 2 - far * GRADE.height }, { aside, down: 4 - GRADE.height / 2 + far * GRADE.height }]));
    for (const dot of dots) {
      if (!dot.grade) continue;
      const all = places.map(({ aside, down }) => ({ dot, x: dot.x + aside, y: dot.y + down, width: GRADE.width, height: GRADE.height }));
      const free = all.filter((one) => one.y >= 0 && one.y + one.height <= height && boxes.every((other) => apart(one, other)));
      boxes.push(free.find((one) => circles.every((other) => apart(one, other))) || free[0] || all[0]);
    }
    return boxes;
  };

  const course = (axis, one, moments) => {
    const HEIGHT = 66, values = one.values.map((value) => value.value), bounds = [...values, ...one.values.flatMap((value) => [value.low, value.high])].filter((value) => !nothing(value));
    const low = Math.min(...bounds), high = Math.max(...bounds), room = high - low || 1, y = (value) => HEIGHT - 8 - ((value - low) / room) * (HEIGHT - 18);
    const parts = [text(2, 14, short(one.name, 32), "line-text"), text(2, 30, `${values.length} ${values.length === 1 ? "value" : "values"}, ${round(Math.min(...values))} to ${round(Math.max(...values))}`, "tick-left")];
    const range = one.values.find((value) => !nothing(value.low) && !nothing(value.high));
    if (range) parts.push(Object.assign(drawn("rect", { x: LEFT, width: WIDTH - LEFT - RIGHT, y: y(range.high), height: Math.max(1, y(range.low) - y(range.high)), class: "normal" })));
    parts.push(drawn("polyline", { points: one.values.map((value) => `${axis.x(value.date)},${y(value.value)}`).join(" "), class: "course" }));
    for (const moment of moments) parts.push(drawn("line", { x1: axis.x(moment.date), x2: axis.x(moment.date), y1: 0, y2: HEIGHT, class: "moment" }));
    const dots = one.values.map((value) => ({ x: axis.x(value.date), y: y(value.value), r: value.grade ? 3.5 : 2.6, grade: value.grade, value }));
    for (const { x, y, r, grade, value } of dots) {
      parts.push(drawn("circle", { cx: x, cy: y, r, class: `dot grade-${grade || 0}` }, titled(`Day ${axis.day(value.date)}: ${round(value.value)}${grade ? `, grade ${grade}` : ""}`)));
    }
    for (const { dot, x, y } of layGrades(dots, HEIGHT)) parts.push(text(x, y + GRADE.height - 0.8, dot.grade, "grade-text beside"));
    const told = one.values.map((value) => `day ${axis.day(value.date)} ${round(value.value)}`).join(", ");
    return drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT + 16}`, role: "img", "aria-label": `${one.name}: ${told}` }, ...scale(axis, HEIGHT, true), ...parts);
  };

  const readSpans = async (who, band) => {
    const lines = new Map();
    for (const record of await own(band.dataset, who)) {
      if (Object.entries(band.where || {}).some(([name, among]) => !among.includes(record.get(name)))) continue;
      const point = "at" in band, start = time(record.get(point ? band.at : band.start)), end = point ? start : time(record.get(band.end)), told = band.name || said(record.get(band.text)) || band.title;
      if (nothing(start)) continue;
      const grade = band.grade ? record.get(band.grade) : null;
      const dates = point ? said(record.get(band.at)) : `${said(record.get(band.start))} ${nothing(end) ? "on, no end recorded" : `to ${said(record.get(band.end))}`}`;
      if (!lines.has(told)) lines.set(told, []);
      lines.get(told).push({ start, end, point, grade, strong: band.strong ? record.get(band.strong) === "Y" : false, told: `${told}, ${dates}${grade ? `, grade ${grade}` : ""}` });
    }
    return { title: band.title, lines: [...lines].sort((one, other) => one[1][0].start - other[1][0].start) };
  };
  const readCourses = async (who, band) => {
    const found = new Map();
    for (const record of await own(band.dataset, who)) {
      const code = record.get("PARAMCD"), date = time(record.get("ADT")), value = record.get("AVAL");
      if (!code || nothing(date) || typeof value !== "number" || (record.data.has("DTYPE") && record.get("DTYPE"))) continue;
      if (!found.has(code)) found.set(code, { code, name: said(record.get("PARAM")) || code, first: band.first.includes(code), values: [] });
      found.get(code).values.push({ date, value, grade: band.grade ? record.get(band.grade) : null, low: band.low ? record.get(band.low) : null, high: band.high ? record.get(band.high) : null });
    }
    const all = [...found.values()].map((one) => ({ ...one, values: one.values.sort((a, b) => a.date - b.date) }));
    return { title: band.title, note: band.note, all: all.sort((one, other) => band.first.indexOf(other.code) < 0 ? -1 : band.first.indexOf(one.code) < 0 ? 1 : band.first.indexOf(one.code) - band.first.indexOf(other.code)) };
  };

  // ---- notes: of the subject, and of each finding about it; kept in this browser, saved to a file, loaded with the next cut
  const MARKS = ["", "To be looked at", "Query sent", "Reviewed"];
  const Notes = (study) => {
    const place = `cg-notes ${study}`, told = new Map();
    const address = (who, about) => JSON.stringify([who, about]);
    const put = (one) => (one.mark || one.text ? told.set(address(one.subject, one.about), one) : told.delete(address(one.subject, one.about)));
    const keep = () => cg.remember(place, JSON.stringify([...told.values()]));
    for (const one of JSON.parse(cg.recall(place) || "[]")) put(one);
    return {
      get: (who, about) => told.get(address(who, about)) || { mark: "", text: "" },
      set: (subject, about, mark, text) => { put({ subject, about, mark, text, changed: new Date().toISOString() }); keep(); },
      all: () => [...told.values()].sort((one, other) => address(one.subject, one.about).localeCompare(address(other.subject, other.about))),
      save: () => cg.save(`notes-${study}.json`, "application/json", `${JSON.stringify({ is: "notes of a review", study, notes: [...told.values()] }, null, 1)}\n`),
      load: (text, known) => {
        const file = JSON.parse(text);
        if (file.is !== "notes of a review" || !Array.isArray(file.notes)) throw new Error("this file holds no notes of a review");
        if (file.study !== study) throw new Error(`these notes are of ${file.study}, not of ${study}`);
        const fine = file.notes.filter((one) => one && ["subject", "about", "mark", "text"].every((name) => typeof one[name] === "string"));
        // What was written here since the file was saved is not lost by loading it.
        const when = (one) => String((one && one.changed) || ""), later = fine.filter((one) => when(told.get(address(one.subject, one.about))) <= when(one));
        later.forEach(put);
        keep();
        return { read: later.length, kept: fine.length - later.length, spoilt: file.notes.length - fine.length, strangers: fine.filter((one) => !known.includes(one.subject)).map((one) => one.subject) };
      },
    };
  };
  const noteBox = (who, about, label) => {
    const { mark, text: words } = notes.get(who, about);
    const select = element("select", { "aria-label": `Mark of ${label}` }, ...MARKS.map((name) => element("option", { value: name, selected: name === mark }, name || "No mark")));
    const area = element("textarea", { rows: 2, "aria-label": `Note on ${label}`, placeholder: "Note" });
    area.value = words;
    const change = () => notes.set(who, about, select.value, area.value.trim());
    select.addEventListener("change", change);
    area.addEventListener("input", change);
    return element("div", { class: "note" }, select, area);
  };

  // ---- the page of one subject
  const table = (heads, rows, kind) => element("table", { class: kind }, element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell))))));
  const recordsOf = (name, label, found) => {
    const [{ data }] = found, kept = data.variables.filter((variable) => found.some(({ at }) => data.reader(variable)(at) !== null) && variable !== cg.SUBJECT);
    const box = element("details", { class: "records" }, element("summary", {}, `${name}${label ? `, ${label}` : ""}: ${found.length} ${found.length === 1 ? "record" : "records"}`));
    box.addEventListener("toggle", () => {
      if (box.open && box.children.length === 1) box.append(cg.grid({ name, columns: kept, titles: kept.map((one) => data.label(one)), texts: kept.map((one) => found.map(({ at }) => said(data.reader(one)(at)))) }));
    });
    return box;
  };
  const section = (heading, ...inside) => element("section", {}, element("h2", {}, heading), ...inside);

  const show = async (who, subjects) => {
    const all = subjects.values(cg.SUBJECT), at = subjects.places().get(who), bar = navigation(who, all);
    if (at === undefined) {
      document.title = "Subject profile";
      main.replaceChildren(bar, element("h1", {}, "Subject profile"), element("p", { role: "status" }, who ? `There is no subject ${who} in this build.` : "Choose a subject."));
      return;
    }
    const fact = (name) => get(subjects, at, name);
    const bands = (await Promise.all(plan.spans.map((band) => readSpans(who, band)))).filter((band) => band.lines.length);
    const courses = await Promise.all(plan.courses.map((band) => readCourses(who, band)));
    const moments = plan.moments.map((one) => ({ text: one.text, date: time(fact(one.date)) })).filter((one) => !nothing(one.date));
    const until = endOf(fact);
    const dates = [until.date, ...bands.flatMap((band) => band.lines.flatMap(([, records]) => records.flatMap((one) => [one.start, one.end]))), ...courses.flatMap((band) => band.all.flatMap((one) => one.values.map((value) => value.date))), ...moments.map((one) => one.date), time(fact(plan.zero))].filter((date) => !nothing(date));
    if (nothing(until.date)) until.date = Math.max(...dates);
    const zero = nothing(time(fact(plan.zero))) ? Math.min(...dates) : time(fact(plan.zero));
    // Long before the first day only what is told of the past may lie: it is drawn from the margin on.
    const near = dates.filter((date) => date >= zero - 60 * DAY), axis = dates.length ? axisOf(near.length ? near : dates, zero) : null;
    const facts = plan.facts.filter((name) => !nothing(fact(name)) && fact(name) !== "").map((name) => element("div", {}, element("dt", {}, subjects.label(name) || name), element("dd", {}, round(fact(name)))));
    const results = (await own(plan.outcomes.dataset, who)).map((record) => [said(record.get(plan.outcomes.text)), said(record.get(plan.outcomes.days)), record.get(plan.outcomes.ended) === 0 ? "event" : "censored", said(record.get(plan.outcomes.how))]);
    const found = ((await cg.load("findings"))[who] || []);
    const tables = [];
    for (const [name, { label }] of Object.entries(contents.datasets)) {
      const records = await own(name, who);
      if (records.length) tables.push(recordsOf(name, label, records));
    }
    document.title = `Subject ${who}`;
    main.replaceChildren(bar, element("h1", {}, `Subject ${who}`), element("dl", { class: "facts" }, ...facts),
      ...(axis && bands.length ? [section("Course", timeline(axis, bands, moments, until, who), explain(subjects, at, bands, until))] : []),
      ...(axis ? courses.filter((band) => band.all.length).map((band) => coursesOf(axis, band, moments)) : []),
      ...(results.length ? [section("Outcomes", table(["What", "Day", "Event or censored", "How"], results, "cg-stats"))] : []),
      section("Review", noteBox(who, "", `subject ${who}`), ...(found.length ? [element("h3", {}, "Findings of the data checks"), element("ul", { class: "findings" }, ...found.map((one) => element("li", {}, element("span", {}, `${one.severity} ${one.rule}, ${one.dataset} ${one.key}: ${one.message}`), noteBox(who, JSON.stringify([one.rule, one.dataset, one.key]), `finding ${one.rule}`))))] : [])),
      section("Records", ...tables));
  };
  // The end of follow-up: the first of these dates, else the last contact; whether it is the death.
  const endOf = (fact) => {
    const ends = plan.until.first.map((name) => time(fact(name))).filter((date) => !nothing(date)), date = ends.length ? Math.min(...ends) : time(fact(plan.until.else));
    return { date, final: date === time(fact(plan.until.final)) };
  };
  const explain = (subjects, at, bands, until) => {
    const day = plan.zero.split("|").find((name) => subjects.reader(name)(at) !== null), open = bands.some((band) => band.lines.some(([, records]) => records.some((one) => nothing(one.end))));
    const told = [...(day ? [`Day 1: ${subjects.label(day) || day}.`] : []), ...(open ? [until.final ? "A bar without an end recorded ends with the death." : "Arrow: no end recorded; the bar ends with follow-up."] : [])];
    return element("p", { class: "explained" }, told.join(" "));
  };
  const coursesOf = (axis, band, moments) => {
    const place = element("div", {});
    const draw = () => place.replaceChildren(...band.all.filter((one) => one.first).map((one) => course(axis, one, moments)));
    const choose = element("details", { class: "choose" }, element("summary", {}, `Parameters (${band.all.length})`), element("div", {}, ...band.all.map((one) => {
      const box = element("input", { type: "checkbox", checked: one.first });
      box.addEventListener("change", () => { one.first = box.checked; draw(); });
      return element("label", {}, box, ` ${one.name}`);
    })));
    draw();
    return section(band.title, place, ...(band.note ? [element("p", { class: "explained" }, band.note)] : []), choose);
  };
  const navigation = (who, all) => {
    const select = element("select", { "aria-label": "Subject" }, element("option", { value: "" }, "Subject …"), ...all.map((name) => element("option", { value: name, selected: name === who }, name)));
    select.addEventListener("change", () => { location.hash = encodeURIComponent(select.value); });
    const at = all.indexOf(who), go = (step, label) => element("button", { type: "button", disabled: !all[at + step], onclick: () => { location.hash = encodeURIComponent(all[at + step]); } }, label);
    const status = element("span", { role: "status" });
    const file = element("input", { type: "file", accept: ".json,application/json", class: "hidden-file", "aria-label": "File of notes", tabindex: -1 });
    file.addEventListener("change", async () => {
      try {
        const { read, kept, spoilt, strangers } = notes.load(await file.files[0].text(), all);
        await turn();
        document.querySelector(".notes-status").textContent = [`${read} ${read === 1 ? "note" : "notes"} loaded`, ...(kept ? [`${kept} of this page ${kept === 1 ? "is" : "are"} newer and ${kept === 1 ? "stays" : "stay"}`] : []),
          ...(spoilt ? [`${spoilt} of the file ${spoilt === 1 ? "is no note and was" : "are no notes and were"} left out`] : []), ...(strangers.length ? [`not in this cut: ${[...new Set(strangers)].join(", ")}`] : [])].join("; ");
      } catch (error) {
        status.textContent = `Not loaded: ${error.message}`;
      }
    });
    status.className = "notes-status";
    return element("nav", { class: "profile-bar", "aria-label": "Subjects and notes" }, element("a", { href: "../report.html" }, "Report"), go(-1, "Previous"), select, go(1, "Next"),
      element("button", { type: "button", onclick: () => print() }, "Print or save as PDF"),
      element("button", { type: "button", onclick: () => notes.save() }, "Save notes"), element("button", { type: "button", onclick: () => file.click() }, "Load notes"), file, status);
  };
  const turn = async () => show(decodeURIComponent(location.hash.slice(1)), await cg.dataset(cg.SUBJECTS));
  const fail = (error) => main.replaceChildren(element("p", { role: "alert" }, `The page cannot be drawn: ${error.message}.`));

  cg.theme();
  Promise.all([cg.load("contents"), cg.load("profile"), cg.dataset(cg.SUBJECTS)]).then(([first, second, subjects]) => {
    [contents, plan] = [first, second];
    notes = Notes(said(subjects.values("STUDYID")[0]));
    window.addEventListener("hashchange", () => turn().then(() => scrollTo(0, 0)).catch(fail));
    cg.notes = notes;
    return turn();
  }).catch(fail);
})();
