// Python in a thread of its own, from files that lie beside this one. It answers texts, one after the other.
import { loadPyodide } from "./pyodide/pyodide.mjs";

// What is fetched says how many of its bytes have come.
let bytes = 0;
const direct = self.fetch.bind(self);
self.fetch = async (...asked) => {
  const response = await direct(...asked);
  if (!response.ok || !response.body) return response;
  const counted = new TransformStream({
    transform: (part, out) => {
      bytes += part.length;
      postMessage({ bytes });
      out.enqueue(part);
    },
  });
  return new Response(response.body.pipeThrough(counted), { status: response.status, headers: response.headers });
};

const said = (step) => postMessage({ step });
const here = (name) => new URL(name, import.meta.url).href;
const archive = async (name) => {
  const response = await fetch(here(name));
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response.arrayBuffer();
};

const START = `
import gc, json
gc.set_threshold(50_000, 20, 100)
from gradscribe.codegen.tool.pages.playground.answer import answer, check
def ask(kind, text, language):
    return json.dumps(check(text) if kind == "check" else answer(text, language, first=kind == "first"))
check("y[i] = x[i]")
ask
`;

const started = (async () => {
  said("fetching");
  const [python, packages] = await Promise.all([loadPyodide({ indexURL: here("pyodide/") }), archive("engine.zip")]);
  said("unpacking");
  python.unpackArchive(packages, "zip", { extractDir: "/engine" });
  python.runPython("import sys; sys.path.insert(0, '/engine')");
  said("loading");
  return python.runPython(START);
})();
const reason = (error) => String(error.message ?? error).trim().split("\n").at(-1);  // of Python's, what it ends with
started.then(() => postMessage({ ready: true }), (error) => postMessage({ failed: reason(error) }));

onmessage = async ({ data: { id, kind, text, language } }) => {
  try {
    const ask = await started;
    if (kind === "answer") postMessage({ id, first: JSON.parse(ask("first", text, language)) });
    postMessage({ id, answer: JSON.parse(ask(kind, text, language)) });
  } catch (error) {
    postMessage({ id, broken: reason(error) });
  }
};
