"""Derivations as Markdown with mathematics that KaTeX and GitHub render."""

import re
from itertools import groupby

from derive.derivation.certificate import Footer, marked
from derive.derivation.record import Chapter, Derivation, Formula, Grid, Section, Step
from derive.quote import visible
from derive.typeset.display import formula, markdown_grid
from derive.typeset.latex import equations, seed_sentence, sentence, sizes
from derive.typeset.latex_symbols import InlineTypesetter, LatexTypesetter, joined
from derive.typeset.layer_table import markdown_table
from derive.typeset.typesetter import chapters


def render(derivation: Derivation, certificate: Footer | None = None) -> str:
    """The whole derivation; a certificate becomes its last line."""
    derivation = marked(derivation, certificate)
    lines = _chapter(derivation)
    if certificate is not None:
        t = LatexTypesetter(derivation.notation)
        figures = certificate.sentence(lambda f: f"${t.power_of_ten(*f)}$" if f[1] else f"${f[0]}$", f"${t.rounded}$")
        lines += ["", f"*{figures}*"]
    return "\n".join(lines) + "\n"


def _chapter(derivation: Derivation) -> list[str]:
    t = LatexTypesetter(derivation.notation)
    lines = [f"# {_plain(derivation.heading)}", ""]
    lines += [sentence(w, t, _plain) for w in derivation.setup]
    lines += ["", *markdown_table(derivation.table, _plain)] if derivation.table is not None else []
    rows = []
    for left, pieces, conditions in equations(derivation):
        over = r" \quad\text{over }" + r",\; ".join(conditions) if conditions else ""
        rows.append(f"{left} &= {joined(pieces)}{over}")
    rows += [text.replace(" = ", " &= ", 1) for text in sizes(derivation)]
    lines += ["", *_aligned(rows)]
    for note in derivation.notes:
        lines += ["", sentence(note, t, _plain)]
    seeds = seed_sentence(derivation, t)
    lines += ["", seeds] if seeds else []
    for kind, group in groupby(derivation.premises, key=type):
        premises = list(group)
        if kind is Step:
            steps = (step for step in premises if isinstance(step, Step))
            lines += ["", *_aligned([f"{t.expr(s.left)} &= {joined(t.row(s))}" for s in steps])]
        for premise in premises:
            if isinstance(premise, Formula):
                lines += ["", "$$", formula(premise, t), "$$"]
            elif isinstance(premise, Grid):
                inline = InlineTypesetter(t.notation)
                lines += ["", *markdown_grid(premise, inline, lambda words: sentence(words, t, _plain))]
            elif isinstance(premise, tuple):
                lines += ["", sentence(premise, t, _plain)]
    for chapter, sections in chapters(derivation):
        lines += ["", *_heading(chapter, t)] if chapter is not None else []
        for section in sections:
            lines += ["", *_section(section, "##" if chapter is None else "###")]
    if derivation.source:
        lines += ["", f"Source: {_plain(derivation.source)}."]
    for identity in derivation.appendix:
        lines += ["", *_chapter(identity)]
    return lines


def _heading(chapter: Chapter, t: LatexTypesetter) -> list[str]:
    """The heading of a layer of a network, and its sentences."""
    lines = [f"## {sentence(chapter.title, t, _plain)}"]
    for words in chapter.setup:
        lines += ["", sentence(words, t, _plain)]
    return lines


def _section(section: Section, mark: str) -> list[str]:
    t = LatexTypesetter(section.steps[0].notation)
    title = sentence(section.title, t, _plain)
    lines = [f"{mark} {title[0].upper()}{title[1:]}"]
    for part in section.parts:
        for words in part.setup:
            lines += ["", sentence(words, t, _plain)]
        rows, shown = [], ""
        for step in part.steps:
            left = t.expr(step.left)
            reason = _reason(sentence(step.reason, t))
            rows.append(rf"{reason} && {left if left != shown else ''} &= {joined(t.row(step))}")
            shown = left
        lines += ["", *_aligned(rows)]
        for words in part.caption:
            lines += ["", sentence(words, t, _plain)]
    for result in section.results:
        name = sentence(result.name, t, _plain)
        lead = sentence(result.lead, t, _plain)
        text = f"{lead} **{name}**" if lead else f"**{name[0].upper()}{name[1:]}**"
        row = f"{t.expr(result.step.left)} = {joined(t.row(result.step))}"
        lines += ["", text, "", "$$", rf"\boxed{{\;{row}\;}}", "$$"]
    return lines


def _reason(text: str) -> str:
    r"""Words beside a row: prose in ``\text``, mathematics outside it."""
    parts = re.split(r"(?<!\\)\$", text)
    return "".join(rf"\text{{{p}}}" if n % 2 == 0 and p else p for n, p in enumerate(parts))


def _aligned(rows: list[str]) -> list[str]:
    return ["$$", r"\begin{aligned}", " \\\\\n".join(rows), r"\end{aligned}", "$$"]


_ESCAPED = {
    **{c: f"\\{c}" for c in "\\`*_|$#~"},
    **{"<": "&lt;", ">": "&gt;", "&": "&amp;", "](": "]&#40;"},  # not \[ nor \(: for many that is mathematics
    **{"->": "→", "rotated by pi": r"rotated by $\pi$"},
}


def _plain(text: str) -> str:
    """Words; what Markdown, HTML or mathematics would take for markup is escaped."""
    return re.sub(r"rotated by pi|->|]\(|[\\`*_|$#~<>&]", lambda m: _ESCAPED[m[0]], visible(text))
