"use strict";
(() => {
  const query = document.getElementById("query"), list = document.getElementById("found"), count = document.getElementById("count");
  const MOST = 30, words = JSON.parse(document.getElementById("words").textContent);
  const say = (name, places = {}) => words[name].replace(/\{(\w+)\}/g, (_, place) => places[place]);

  // What a word is worth at a place: a whole name, its beginning, a part of it, of what is said, of the words below.
  const worth = (word, [title, said, , words]) => {
    if (title === word) return 100;
    if (title.startsWith(word)) return 40;
    if (title.includes(word)) return 20;
    if (said.includes(word)) return 8;
    return words.startsWith(word) || words.includes(` ${word}`) ? 2 : 0;
  };
  const rows = INDEX.map(([title, said, path, words]) => [title.toLowerCase(), said.toLowerCase(), path, words]);
  const found = (text) => {
    const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
    const worths = rows.map((row, k) => {
      const each = wanted.map((word) => worth(word, row));
      return { k, sum: Math.min(...each) ? each.reduce((a, b) => a + b, 0) : 0 };
    });
    return worths.filter(({ sum }) => wanted.length && sum).sort((a, b) => b.sum - a.sum || a.k - b.k);
  };
  const element = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
  const show = () => {
    const all = found(query.value);
    list.replaceChildren(...all.slice(0, MOST).map(({ k }) => {
      const [title, said, path] = INDEX[k];
      const link = Object.assign(element("a", title), { href: path });
      const item = document.createElement("li");
      item.append(link, " ", element("span", said));
      return item;
    }));
    const said = all.length > MOST ? "more" : all.length ? "found" : "nothing";
    count.textContent = query.value.trim() ? say(said, { number: all.length, most: MOST }) : "";
  };
  const links = () => [...list.querySelectorAll("a")];
  const move = (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    const places = [query, ...links()], next = places[places.indexOf(event.target) + by];
    event.preventDefault();
    next?.focus();
  };

  query.addEventListener("input", show);
  query.form.addEventListener("keydown", move);
  query.form.addEventListener("submit", (event) => {
    event.preventDefault();
    links()[0]?.click();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target === query || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    query.focus();
  });
  show();  // what was typed before one went away and came back
})();
