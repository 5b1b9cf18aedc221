"""From equations to code: plans, NumPy text, files. Imports derive; nothing imports it but the command line."""

if __name__ != "gradscribe.codegen":
    raise ImportError("this is a room of gradscribe, and no package of its own: import gradscribe.codegen")
