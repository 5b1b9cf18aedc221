// node compile.mjs BUNDLE SOURCES.zip COMPILED.zip: bytecode for the files of an archive, without docstrings, made by the
// very Python that will read it.
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [bundle, sources, compiled] = process.argv.slice(2).map((path) => resolve(path));
const { loadPyodide } = await import(pathToFileURL(`${bundle}/pyodide.mjs`));
const python = await loadPyodide({ indexURL: bundle });
python.unpackArchive(new Uint8Array(readFileSync(sources)), "zip", { extractDir: "/engine" });
python.runPython(`
import py_compile, shutil
from pathlib import Path
for path in sorted(Path("/engine").rglob("*.py")):
    name = str(path.relative_to("/engine"))
    if "templates" in name.split("/"):
        continue  # read as text
    py_compile.compile(path, path.with_suffix(".pyc"), name, True, 2, py_compile.PycInvalidationMode.UNCHECKED_HASH)
    path.unlink()
shutil.make_archive("/compiled", "zip", "/engine")
`);
writeFileSync(compiled, python.FS.readFile("/compiled.zip"));
