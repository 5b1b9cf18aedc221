"""Where a page goes: a terminal, a file, a TeX that makes a PDF of it."""
