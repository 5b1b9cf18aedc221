"""``python -m gradscribe.codegen.tool.pages.playground BUNDLE DIR`` writes the playground alone: `make playground`."""

import sys
from pathlib import Path

from gradscribe.codegen.files.write import write
from gradscribe.codegen.tool.pages.playground.playground import playground_files

if __name__ == "__main__":
    bundle, folder = map(Path, sys.argv[1:])
    for name, data in playground_files(bundle).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write(folder / name, data)
