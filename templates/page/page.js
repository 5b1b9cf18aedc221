"use strict";

// Words in the language of the page, which an element has; what stands in their places is put in.
const wordsOf = (element) => {
  const words = JSON.parse(element.textContent);
  return (name, places = {}) => words[name].replace(/\{(\w+)\}/g, (_, place) => places[place]);
};

// Bring to life what a page shows, which stands within an element; what is returned ends what listens outside of it.
const attach = (shown) => {
  const all = (what, within = shown) => [...within.querySelectorAll(what)];
  const one = (name) => shown.querySelector(`[id="${name}"]`);
  const columns = shown.querySelector(".columns"), gone = new AbortController(), say = wordsOf(one("words"));

  // ----- formulas: what is shown breaks where the line ends, what is copied has no marks; they define no macro,
  // so that a long one expands many and still ends
  const typeset = (element, text, display) => {
    try {
      katex.render((display ? "\\displaystyle " : "") + text, element, { strict: "error", output: "htmlAndMathml", maxExpand: Infinity });
    } catch (error) {
      console.error(error.message, text);
    }
  };
  for (const found of all(".tex")) {
    const text = found.textContent;
    found.dataset.tex ??= text;
    typeset(found, text, found.classList.contains("display"));
  }

  const told = document.querySelector(".copied");
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      told.textContent = say("copied");
    } catch {
      told.textContent = say("refused");
    }
  };
  for (const line of all(".line")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "LaTeX";
    button.setAttribute("aria-label", say("copy"));
    button.addEventListener("click", () => copy(line.querySelector(".display").dataset.tex));
    line.append(button);
  }

  // ----- formulas and the lines of code that compute them
  const numbersOf = (element) => element.dataset.eq?.split(" ") ?? [element.id.replace("eq-", "")];
  const formulas = all("[id^='eq-']"), lines = all(".code[data-eq]");
  const coded = new Set(lines.flatMap(numbersOf));
  const meant = (formula) => {
    const own = numbersOf(formula).filter((number) => coded.has(number));
    if (own.length || !formula.classList.contains("step")) return own;
    return all(".box", formula.closest("section")).flatMap(numbersOf).filter((number) => coded.has(number));
  };
  const light = (numbers, where) => {
    for (const element of [...formulas, ...lines]) {
      element.classList.toggle("lit", element === where || numbersOf(element).some((number) => numbers.includes(number)));
    }
  };
  const seen = (element) => element && element.offsetParent !== null;
  const show = (element) => element?.scrollIntoView({ block: "center", behavior: "smooth" });
  for (const formula of formulas) {
    formula.addEventListener("pointerenter", () => light(meant(formula), formula));
    formula.addEventListener("click", () => show(lines.find((line) => seen(line) && numbersOf(line).some((number) => meant(formula).includes(number)))));
  }
  for (const line of lines) {
    line.addEventListener("pointerenter", () => light(numbersOf(line), line));
    line.addEventListener("click", () => show(one(`eq-${numbersOf(line)[0]}`)));
  }
  for (const place of all(".number")) {
    place.addEventListener("focus", () => light(meant(place.closest("[id]")), place.closest("[id]")));
  }

  // ----- steps: one after the other, by the slider or the keys; folded
  const steps = all("main .step, main .box"), walk = one("walk"), walked = one("walked");
  const go = (number) => {
    const last = number >= steps.length;
    walk.value = number;
    steps.forEach((step, k) => {
      step.classList.toggle("later", k >= number);
      step.classList.toggle("now", k === number - 1 && !last);
    });
    const why = steps[number - 1]?.querySelector(".why, .name");
    walked.textContent = last ? say("all", { steps: steps.length }) : say("step", { number, steps: steps.length, reason: said(why) });
    if (!last) {
      const fold = steps[number - 1].closest("details");
      if (fold) fold.open = true;
      steps[number - 1].scrollIntoView({ block: "center" });
    }
  };
  const said = (element) => {
    if (!element) return say("result");
    const copied = element.cloneNode(true);
    all(".katex-html", copied).forEach((part) => part.remove());
    all("annotation", copied).forEach((part) => part.remove());
    return copied.textContent;
  };
  if (steps.length > 1) {
    walk.max = steps.length;
    go(steps.length);
    walk.addEventListener("input", () => go(Number(walk.value)));
    document.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by || event.target.closest("input, textarea, [role=tab], pre, .cells, .drawn") || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      go(Math.min(Math.max(Number(walk.value) + by, 1), steps.length));
    }, { signal: gone.signal });
  } else {
    shown.querySelector(".walk").hidden = true;
  }

  const pressed = (button, does) => button?.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    does(on);
  });
  pressed(one("fold"), (on) => all("details.steps").forEach((fold) => { fold.open = !on; }));
  pressed(one("operator"), (on) => columns.classList.toggle("without-operator", !on));
  pressed(one("matrix"), (on) => columns.classList.toggle("without-matrix", !on));
  columns.classList.add("without-matrix");
  pressed(one("beside"), (on) => {
    one("beside-it").hidden = !on;
    columns.classList.toggle("alone", !on);
  });
  // Forms beside each other take the width of the page, and are all there.
  const press = (button, on) => { if (button && button.getAttribute("aria-pressed") !== String(on)) button.click(); };
  pressed(one("side-by-side"), (on) => {
    columns.classList.toggle("side-by-side", on);
    press(one("operator"), true);
    press(one("matrix"), on);
    press(one("beside"), !on);
  });
  if (!one("beside-it")) columns.classList.add("alone");

  // ----- languages of the code
  const tabs = all("[role=tab]");
  const choose = (tab) => {
    for (const other of tabs) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      one(other.getAttribute("aria-controls")).hidden = !chosen;
    }
  };
  tabs.forEach((tab, k) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      const next = tabs[(k + by + tabs.length) % tabs.length];
      choose(next);
      next.focus();
    });
  });

  // ----- numbers: an element, and those that it is made of
  const elements = JSON.parse(one("elements")?.textContent ?? "{}"), cells = new Map(), sum = shown.querySelector(".made-of");
  for (const cell of all("[data-cell]")) {
    cells.set(cell.dataset.cell, cell);
    cell.classList.toggle("less", cell.style.getPropertyValue("--share").startsWith("-"));
  }
  const point = (cell) => {
    const made = elements[cell.dataset.cell];
    for (const other of cells.values()) other.classList.remove("read", "chosen");
    cell.classList.add("chosen");
    made.reads.forEach((name) => cells.get(name)?.classList.add("read"));
    if (made.tex) typeset(sum, made.tex, true);
    else sum.textContent = made.reads.length ? say("made", { number: made.reads.length }) : say("nothing");
  };
  // Elements of a matrix: one of them is in the order of the keyboard, the arrow keys move on.
  const reached = (own, width, does) => own.forEach((cell, k) => {
    cell.tabIndex = k ? -1 : 0;
    cell.addEventListener("pointerenter", () => does(cell));
    cell.addEventListener("focus", () => does(cell));
    cell.addEventListener("keydown", (event) => {
      const next = own[k + { ArrowRight: 1, ArrowLeft: -1, ArrowDown: width, ArrowUp: -width }[event.key]];
      if (!next) return;
      event.preventDefault();
      event.stopPropagation();
      cell.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  });
  for (const table of all(".cells.made")) {
    const own = all("[data-cell]", table);
    reached(own, own[0].parentElement.children.length, point);
  }

  // ----- pictures: an element of the result, and what it reads
  const links = JSON.parse(one("links")?.textContent ?? "[]");
  all(".drawn").forEach((figure, k) => {
    const read = all("[data-read]", figure), own = all("[data-result]", figure);
    const top = own[0].getAttribute("y"), width = own.filter((cell) => cell.getAttribute("y") === top).length;
    reached(own, width, (cell) => {
      for (const other of read) other.classList.remove("read", "zero", "within", "excluded");
      for (const other of own) other.classList.remove("chosen");
      cell.classList.add("chosen");
      for (const [kind, hue, squares] of links[k][cell.dataset.result]) {
        for (const other of squares.map((number) => read[number])) {
          other.classList.add(kind);
          other.style.setProperty("--hue", hue);
        }
      }
    });
  });

  // ----- the graph of a network: a box, and the derivation of its layer
  const derivation = (link) => {
    const found = [one(decodeURIComponent(link.getAttribute("href").slice(1))).closest("section")];
    for (let next = found[0].nextElementSibling; next && !next.matches(".layer, :has(> .source, > .closing)"); next = next.nextElementSibling) found.push(next);
    return found;
  };
  for (const link of all(".graph a")) {
    const mark = (on) => derivation(link).forEach((section) => section.classList.toggle("pointed", on));
    for (const name of ["pointerenter", "focus"]) link.addEventListener(name, () => mark(true));
    for (const name of ["pointerleave", "blur"]) link.addEventListener(name, () => mark(false));
  }

  addEventListener("beforeprint", () => all("details").forEach((fold) => { fold.open = true; }), { signal: gone.signal });
  return () => gone.abort();
};
if (document.querySelector(".columns")) attach(document.body);
