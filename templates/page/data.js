// The data beside a page, and the arithmetic by which it counts numbers again. A page that was opened from disk may load
// scripts and no data: each file is one call of cgData with plain values.
const cg = (() => {
  "use strict";
  const LETTERS = [...Array(127).keys()].slice(35).map((code) => String.fromCharCode(code)).filter((one) => !"\\<&'`".includes(one));
  const PLACE = new Int16Array(128).fill(-1);
  LETTERS.forEach((letter, at) => { PLACE[letter.charCodeAt(0)] = at; });
  const SUBJECT = "USUBJID", SUBJECTS = "ADSL";
  const root = document.documentElement.dataset.interactive || "";
  const waiting = new Map(), loaded = new Map();

  window.cgData = (name, value) => {
    if (waiting.has(name)) waiting.get(name).give(value);
    waiting.delete(name);
  };

  // What lies under a name beside the page; loaded once.
  const load = (name) => {
    if (!loaded.has(name)) {
      loaded.set(name, new Promise((give, refuse) => {
        waiting.set(name, { give });
        const script = document.createElement("script");
        const [folder, ...rest] = name.split("/");
        script.src = encodeURI(`${root}/${[folder, ...rest.map((part) => (folder === "data" ? part.toLowerCase() : part))].join("/")}.js`);
        script.onload = () => {
          script.remove();
          if (waiting.has(name)) refuse(new Error(`${name} holds no data`));
        };
        script.onerror = () => {
          script.remove();
          waiting.delete(name);
          refuse(new Error(`${name} is not beside this page`));
        };
        document.head.append(script);
      }));
    }
    return loaded.get(name);
  };

  // What reads the value of a variable in a record: of a long dataset those alone are decoded that are asked for.
  const read = (told) => {
    if ("same" in told) return () => told.same;
    if ("list" in told) return (row) => told.list[row];
    return (row) => {
      let code = 0;
      for (let place = row * told.wide; place < (row + 1) * told.wide; place += 1) code = code * LETTERS.length + PLACE[told.codes.charCodeAt(place)];
      return told.of[code];
    };
  };

  const datasets = new Map();
  const dataset = (name) => {
    if (!datasets.has(name)) {
      datasets.set(name, Promise.all([load(`data/${name}`), name === SUBJECTS ? null : dataset(SUBJECTS)]).then(([told, subjects]) => {
        const readers = new Map(), known = new Map();
        const make = (variable) => {
          if (variable in told.variables) return read(told.variables[variable]);
          if (!subjects || !subjects.has(variable)) return () => null;
          const own = subjects.reader(variable), who = reader(SUBJECT), places = subjects.places();
          return (row) => { const at = places.get(who(row)); return at === undefined ? null : own(at); };
        };
        const reader = (variable) => {
          if (!readers.has(variable)) readers.set(variable, make(variable));
          return readers.get(variable);
        };
        const pick = (variable, records) => records.map(reader(variable));
        const values = (variable) => {
          if (!known.has(variable)) known.set(variable, Array.from({ length: told.rows }, (_, row) => reader(variable)(row)));
          return known.get(variable);
        };
        let where = null;
        const places = () => (where = where || new Map(values(SUBJECT).map((who, at) => [who, at])));
        const label = (variable) => (told.variables[variable] || {}).label || (subjects ? subjects.label(variable) : "");
        return { name, rows: told.rows, variables: Object.keys(told.variables), has: (variable) => variable in told.variables, reader, pick, values, places, label };
      }));
    }
    return datasets.get(name);
  };

  // Places from the distances between them.
  const places = (steps) => {
    let at = 0;
    return steps.map((step) => (at += step));
  };

  const quantile = (sorted, share) => {
    const exact = sorted.length * share, whole = Math.round(exact);
    if (!sorted.length) return NaN;
    return Math.abs(exact - whole) < 1e-9 ? (sorted[whole - 1] + sorted[whole]) / 2 : sorted[Math.ceil(exact) - 1];
  };
  const add = (values) => values.reduce((sum, value) => sum + value, 0);
  const spread = (values, mean) => (values.length > 1 ? Math.sqrt(add(values.map((value) => (value - mean) ** 2)) / (values.length - 1)) : NaN);

  // Subjects, each once, their records, and of how many they are.
  const count = (data, records, of) => {
    const n = new Set(data.pick(SUBJECT, records)).size;
    const told = { n, N_nonmiss: n, n_events: records.length };
    return of === null ? told : { ...told, N: of.length, p: of.length ? n / of.length : NaN };
  };
  const summarise = (data, records, variable) => {
    const values = data.pick(variable, records).filter((value) => value !== null).map(Number).sort((one, other) => one - other);
    const N = values.length, sum = add(values), mean = N ? sum / N : NaN;
    return {
      N, sum, mean, sd: spread(values, mean), median: quantile(values, 0.5), p25: quantile(values, 0.25), p75: quantile(values, 0.75),
      min: N ? values[0] : NaN, max: N ? values[N - 1] : NaN,
    };
  };
  const geometric = (data, records, variable) => {
    const values = data.pick(variable, records).filter((value) => value !== null).map(Number);
    const N = values.length, logs = values.map(Math.log);
    if (!N || values.some((value) => value <= 0)) return { N, geom_mean: NaN, geom_cv: NaN };
    const mean = add(logs) / N, alike = values.every((value) => value === values[0]);
    return { N, geom_mean: Math.exp(mean), geom_cv: N > 1 ? Math.sqrt(Math.expm1((alike ? 0 : spread(logs, mean)) ** 2)) : NaN };
  };
  const AGAIN = {
    tabulate: count, hierarchical: count, missing: count,
    summary: (data, records, of, variable) => summarise(data, records, variable),
    geometric: (data, records, of, variable) => geometric(data, records, variable),
  };

  const nothing = (value) => value === null || value === undefined || Number.isNaN(value);
  const equal = (first, second) => (nothing(first) || nothing(second) ? nothing(first) && nothing(second) : Math.abs(first - second) <= 1e-9 * Math.max(1, Math.abs(first)));

  // A number with its decimals, halves away from zero on the decimal that names it.
  const print = (value, format) => {
    const percent = format.endsWith("%"), decimals = format.replace("%", "").split(".")[1]?.length || 0;
    const [mantissa, power] = (percent ? 100 * value : value).toExponential(11).split("e");
    const digits = BigInt(mantissa.replace("-", "").replace(".", "")), shift = Number(power) - 11 + decimals;
    const ten = 10n ** BigInt(Math.abs(shift));
    const scaled = shift >= 0 ? digits * ten : (digits * 2n + ten) / (2n * ten);
    const text = scaled.toString().padStart(decimals + 1, "0");
    const told = decimals ? `${text.slice(0, -decimals)}.${text.slice(-decimals)}` : text;
    return value < 0 && scaled > 0n ? `-${told}` : told;
  };
  const numbers = (text) => (text.match(/\d+(?:\.\d+)?/g) || []).sort();

  // A cell as it was counted again: each statistic with what is printed, what these records give, and whether that is equal.
  const check = async (output, cell, text) => {
    const [, , , analyses] = cell, stats = [], shown = [];
    for (const [context, set, of, variable, told] of analyses) {
      let again = {};
      if (set !== null) {
        const [name, steps] = output.sets[set], records = places(steps), data = await dataset(name);
        again = AGAIN[context](data, records, of === null ? null : places(output.sets[of][1]), variable);
        if (!shown.some((one) => one.set === set)) shown.push({ set, name, records, variable, data });
      }
      for (const [name, value, format, printed] of told) {
        const counted = name in again;
        const fits = !counted || nothing(value) || !/^-?\d/.test(printed) || !format || print(again[name], format) === printed;
        stats.push({ context, name, value, format, printed, counted, again: again[name], equal: counted ? equal(value, again[name]) && fits : null });
      }
    }
    const said = analyses.flatMap(([, , , , told]) => told.flatMap(([, , , printed]) => numbers(printed))).sort();
    return { stats, shown, printed: text === null || numbers(text).join() === said.join() };
  };

  // Of a table of the page the output's cells by their place.
  const outputs = new Map();
  const output = (stem) => {
    if (!outputs.has(stem)) {
      outputs.set(stem, load(`outputs/${stem}`).then((told) => ({ ...told, at: new Map(told.cells.map((cell) => [`${cell[0]},${cell[1]}`, cell])) })));
    }
    return outputs.get(stem);
  };

  const element = (name, about = {}, ...inside) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(about)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...inside.filter((one) => one !== null));
    return made;
  };
  const save = (name, type, text) => {
    const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  // Dark or light, as the reader chose or the system says; on paper always light.
  const remember = (name, value) => { try { localStorage.setItem(name, value); } catch { /* a page that may keep nothing */ } };
  const recall = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const chosen = recall("cg-theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const dress = (theme) => {
    document.documentElement.dataset.theme = theme;
    for (const button of document.querySelectorAll(".theme")) button.textContent = theme === "dark" ? "Light" : "Dark";
  };
  const theme = () => {
    const button = element("button", { type: "button", class: "theme", onclick: () => {
      const other = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      remember("cg-theme", other);
      dress(other);
    } });
    document.querySelector("header.edge")?.append(button);
    dress(chosen);
  };

  return { root, load, dataset, output, places, check, print, element, save, remember, recall, theme, nothing, SUBJECT, SUBJECTS };
})();
