"use strict";
(() => {
  const one = (name) => document.getElementById(name);
  const text = one("text"), marks = document.querySelector(".marks"), wrong = one("wrong"), state = one("state"), shown = one("answer");
  const say = wordsOf(one("page-words")), language = document.documentElement.lang;
  const PAUSE = 150, SEEN = 400;  // ms after a key; after which waiting is said
  const PATIENCE = 4000;  // ms after which an answer to what is no longer there is given up: about what Python takes to start anew
  let asked = null, busy = false, timer = null;

  // ----- engines: a text in, an answer out
  const mistake = (name, places) => ({ error: { message: say(name, places), line: 0, column: 0, length: 0, language } });

  const server = () => {
    let asking = null;
    const ask = async (kind, wanted) => {
      asking = new AbortController();
      try {
        const response = await fetch(`api/${kind}`, {
          method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ text: wanted, language }), signal: asking.signal,
        });
        return await response.json();
      } catch (error) {
        return error.name === "AbortError" ? null : mistake("silent");
      }
    };
    return { ask, drop: () => asking?.abort() };
  };

  const worker = () => {
    const all = Number(document.body.dataset.bytes), longest = Number(document.body.dataset.seconds);
    const bar = one("loaded"), part = one("part");
    let thread = null, ready = false, waiting = new Map(), last = 0, step = "";
    const end = (answer) => {
      thread?.terminate();
      thread = null;
      ready = false;
      bar.hidden = part.hidden = true;
      for (const own of waiting.values()) {
        clearTimeout(own.timer);
        own.done(answer);
      }
      waiting.clear();
    };
    const drop = () => {
      if (asked !== text.value && [...waiting.values()].some((own) => own.since <= Date.now() - PATIENCE)) end(null);
    };
    const timed = () => {
      for (const own of waiting.values()) {
        if (own.since) continue;
        own.since = Date.now();
        own.timer = setTimeout(() => {
          end(mistake("stopped", { seconds: longest }));
          start();
        }, 1000 * longest);
        setTimeout(drop, PATIENCE);
      }
    };
    const heard = ({ data }) => {
      if (data.step) step = say(data.step);
      if (data.bytes) bar.value = Math.min(data.bytes / all, 1);
      if (data.ready) {
        ready = true;
        bar.hidden = part.hidden = true;
        state.textContent = "";
        timed();
      } else if (!ready && !data.failed) {
        if (state.textContent !== step) state.textContent = step;  // said once: the number beside it is for the eye
        part.textContent = say("part", { part: `${Math.round(bar.value * 100)} %`, size: (all / 1e6).toFixed(0) });
      }
      if (data.failed) {
        state.textContent = "";
        end(mistake("unloaded", { reason: data.failed }));
      }
      const own = waiting.get(data.id);
      if (!own) return;
      if (data.first) return own.first(data.first);
      waiting.delete(data.id);
      clearTimeout(own.timer);
      own.done(data.broken ? mistake("broken", { reason: data.broken }) : data.answer);
      if (data.broken) {
        end(null);
        start();
      }
    };
    const start = () => {
      step = say("starting");
      bar.value = 0;
      bar.hidden = part.hidden = false;
      thread = new Worker("worker.js", { type: "module" });
      thread.onmessage = heard;
      thread.onerror = () => {
        state.textContent = "";
        end(mistake("worker"));
      };
    };
    start();
    const ask = (kind, wanted, first) => new Promise((done) => {
      if (!thread) start();
      last += 1;
      waiting.set(last, { done, first, timer: null, since: 0 });
      if (ready) timed();
      thread.postMessage({ id: last, kind, text: wanted, language });
    });
    return { ask, drop };
  };

  const { ask, drop } = (document.body.dataset.engine === "server" ? server : worker)();

  // ----- a mistake: underlined in the text, said below it
  const tell = (error) => {
    const message = Object.assign(document.createElement("span"), { textContent: error?.message ?? "", lang: error?.language ?? "en" });
    wrong.replaceChildren(...(error?.line ? [say("place", error), " "] : []), ...(error ? [message] : []));
    text.setAttribute("aria-invalid", String(Boolean(error)));
    const lines = text.value.split("\n");
    if (!error?.line || error.line > lines.length) return marks.replaceChildren(text.value);
    const before = lines.slice(0, error.line - 1).reduce((sum, line) => sum + line.length + 1, 0);
    const symbols = [...lines[error.line - 1]];  // the engine counts characters, a browser their halves
    const head = before + symbols.slice(0, error.column - 1).join("").length;
    const meant = symbols.slice(error.column - 1, error.column - 1 + error.length).join("") || " ";
    const mark = document.createElement("mark");
    mark.textContent = meant;
    marks.replaceChildren(text.value.slice(0, head), mark, text.value.slice(head + meant.length));
  };
  text.addEventListener("scroll", () => { marks.scrollTop = text.scrollTop; });

  // ----- an answer: as a page has it; the tab that was chosen stays so
  let detach = () => {}, chosen = "";
  const show = (answer, whole) => {
    if (shown.getAttribute("aria-busy") === "false") chosen = shown.querySelector("[role=tab][aria-selected=true]")?.textContent;
    detach();
    shown.innerHTML = answer.html;
    shown.setAttribute("aria-busy", String(!whole));
    detach = attach(shown);
    [...shown.querySelectorAll("[role=tab]")].find((tab) => tab.textContent === chosen)?.click();
    document.title = `${shown.querySelector("h1")?.textContent ?? ""} – ${say("name")}`;
  };

  const run = async () => {
    if (busy) return;
    busy = true;
    while (asked !== text.value) {
      const current = asked = text.value;
      const late = setTimeout(() => { if (!state.textContent) state.textContent = say("deriving"); shown.classList.add("old"); }, SEEN);
      const found = await ask("check", current);
      if (current === text.value && found) tell(found.error);
      if (found && !found.error && current === text.value) {
        const answer = await ask("answer", current, (first) => {
          if (current !== text.value || first.error) return;
          show(first, false);
          shown.classList.remove("old");
        });
        if (answer?.error) {
          if (current === text.value) tell(answer.error);
        } else if (answer) show(answer, true);
        shown.classList.toggle("old", Boolean(answer?.error));
      } else shown.classList.add("old");
      clearTimeout(late);
      if (state.textContent === say("deriving")) state.textContent = "";
    }
    busy = false;
    shown.setAttribute("aria-busy", "false");
  };
  const changed = () => {
    tell(null);
    history.replaceState(null, "", text.value ? `#${encodeURIComponent(text.value)}` : location.pathname + location.search);
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (asked !== text.value) drop();
      run();
    }, PAUSE);
  };
  text.addEventListener("input", changed);
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    shown.focus();
  });

  // ----- where texts come from: the link, an example
  const linked = () => {
    try {
      return decodeURIComponent(location.hash.slice(1));
    } catch {
      return "";
    }
  };
  const take = (found) => {
    text.value = found;
    changed();
  };
  const examples = one("examples");
  examples.addEventListener("change", () => {
    if (!examples.value) return;
    take(examples.value);
    examples.value = "";
    text.focus();
  });
  addEventListener("hashchange", () => { if (linked() && linked() !== text.value) take(linked()); });
  one("share").addEventListener("click", async () => {
    const told = document.querySelector(".copied"), button = one("share"), words = button.textContent;
    try {
      await navigator.clipboard.writeText(location.href);
      told.textContent = button.textContent = say("copied");
    } catch {
      told.textContent = button.textContent = say("refused");
    }
    setTimeout(() => { button.textContent = words; }, 2000);
  });
  take(linked() || examples.options[1].value);
})();
