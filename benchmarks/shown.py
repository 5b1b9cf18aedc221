"""Numbers and tables as the pages have them."""

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all but the first column to the right."""
    rules = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rules, *rows))


def number(value: float | None) -> str:
    """Two or three digits, as many as a time is good for."""
    if value is None:
        return ""
    if value and abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
