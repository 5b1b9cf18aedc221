"""The command line. A user's mistake is one line on standard error; a run ends with one of the codes of `run`.

run         the commands, and the code that each run ends with
options     what several commands are told: names, ties, NAME=VALUE
completion  what a shell offers while one types
"""

from gradscribe.codegen.tool.cli.run import app, main

__all__ = ["app", "main"]
