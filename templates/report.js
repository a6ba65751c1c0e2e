// The table of contents: finds what is typed, follows the reader. Everything works without it.
(() => {
  "use strict";
  // The number of an output leads to it as it is written, too: #T14.3.1.2.2 or #t14.3.1.2.2.
  const lead = () => {
    const asked = location.hash.slice(1);
    if (!asked || document.getElementById(asked)) return;
    const output = document.getElementById(asked.replace(/\./g, "_").toUpperCase());
    if (output) location.replace(`#${output.id}`);
  };
  addEventListener("hashchange", lead);
  lead();
  const nav = document.querySelector("nav.contents");
  if (!nav) return;
  const links = [...nav.querySelectorAll("a[href^='#']")];
  const box = nav.querySelector(".contents-search");
  const input = nav.querySelector("#contents-filter");
  const count = nav.querySelector("#contents-count");
  const plain = (text) => text.toLowerCase().normalize("NFKD").replace(/\s+/g, " ").trim();
  const words = new Map(links.map((link) => [link, plain(link.textContent)]));
  const closed = new Set();

  const filter = () => {
    const asked = plain(input.value).split(" ").filter(Boolean);
    let found = 0;
    for (const item of nav.querySelectorAll("li")) item.hidden = asked.length > 0;
    for (const link of links) {
      if (!asked.every((word) => words.get(link).includes(word))) continue;
      found += 1;
      for (let item = link.closest("li"); item; item = item.parentElement.closest("li")) item.hidden = false;
    }
    for (const group of nav.querySelectorAll("details")) group.open = asked.length > 0 || !closed.has(group);
    count.textContent = asked.length ? `${found} ${found === 1 ? "title" : "titles"} found` : "";
  };

  const visible = () => links.filter((link) => link.offsetParent !== null);
  const move = (event, step) => {
    const shown = visible();
    const at = shown.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : -1) : at + step;
    if (next < 0) input.focus();
    else if (next < shown.length) shown[next].focus();
    event.preventDefault();
  };

  box.hidden = false;
  input.addEventListener("input", filter);
  nav.addEventListener("toggle", (event) => {
    if (input.value) return;
    if (event.target.open) closed.delete(event.target);
    else closed.add(event.target);
  }, true);
  nav.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") move(event, 1);
    else if (event.key === "ArrowUp") move(event, -1);
    else if (event.key === "Escape" && input.value) {
      input.value = "";
      filter();
      input.focus();
    } else if (event.key === "Enter" && event.target === input && visible().length) visible()[0].click();
  });
  document.addEventListener("keydown", (event) => {
    const typing = /^(input|textarea|select)$/i.test(document.activeElement.tagName);
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    input.focus();
    event.preventDefault();
  });

  if (!("IntersectionObserver" in window)) return;
  const targets = new Map();
  for (const link of links) {
    const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (target) targets.set(target, link);
  }
  const near = new Set();
  let current = null;
  const order = [...targets.keys()];
  const follow = (entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) near.add(entry.target);
      else near.delete(entry.target);
    }
    const seen = order.filter((target) => near.has(target));
    const link = seen.length ? targets.get(seen[seen.length - 1]) : null;
    if (!link || link === current) return;
    if (current) current.removeAttribute("aria-current");
    current = link;
    current.setAttribute("aria-current", "location");
    const box = nav.getBoundingClientRect();
    const line = current.getBoundingClientRect();
    if (line.top < box.top || line.bottom > box.bottom) nav.scrollTop += line.top - box.top - box.height / 3;
  };
  const observer = new IntersectionObserver(follow, { rootMargin: "-10% 0px -75% 0px" });
  for (const target of order) observer.observe(target);
})();
