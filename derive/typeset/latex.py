"""Derivations as stand-alone LaTeX documents: rows aligned, a reason beside each, what a step changed in colour."""

from collections.abc import Callable, Sequence
from itertools import groupby

from derive.derivation.certificate import Footer, marked
from derive.derivation.forward import definitions, equation
from derive.derivation.notation import Notation
from derive.derivation.record import Chapter, Definition, Derivation, Formula, Grid, Result, Section, Step, Words
from derive.term import Access, Program, Statement
from derive.typeset.display import latex_formula, latex_grid
from derive.typeset.expressions import QUOTIENT
from derive.typeset.latex_letters import prose
from derive.typeset.latex_symbols import InlineTypesetter, LatexTypesetter, glue, joined
from derive.typeset.latex_width import width
from derive.typeset.layer_table import latex_table
from derive.typeset.typesetter import Piece, changed, chapters

PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[margin=2cm]{geometry}
\usepackage{amsmath,amssymb,array,longtable,xcolor}
\definecolor{new}{RGB}{0,90,160}
\newcommand{\new}[1]{{\color{new}#1}} % what this step changed
\newcommand{\why}[1]{\text{\footnotesize\color{black!55}#1}\quad}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt plus 2pt}
\raggedbottom
\allowdisplaybreaks[1]
\emergencystretch=3em
"""

# in em of the row's font: the text width of the page is 483 pt, rows are set in 10 pt, the number takes the last part
_LINE = 48.3 - 4.2
_BOX = 41.0


def document(derivation: Derivation, certificate: Footer | None = None) -> str:
    """The derivation as a document that pdflatex compiles; a certificate becomes its last line."""
    derivation = marked(derivation, certificate)
    body = "\n".join(_chapter(derivation))
    foot = [r"\bigskip", rf"{{\footnotesize {_foot(certificate)}\par}}"] if certificate else []
    return "\n".join([PREAMBLE + r"\begin{document}", body, *foot, r"\end{document}"]) + "\n"


def row(step: Step) -> str:
    """One row as mathematics without delimiters."""
    t = LatexTypesetter(step.notation, step.left.indices)
    return f"{t.expr(step.left)} = {joined(t.row(step))}"


def program(source: Program) -> str:
    """The equations of a program, aligned, without delimiters; an accumulating tensor is one equation."""
    t = LatexTypesetter(Notation(order=tuple(source.tensors)))
    rows = [f"{t.within(d.terms[0]).expr(d.left)} &= {joined(t.definition(d))}" for d in definitions(source)]
    return r"\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}"


def statement(source: Statement) -> str:
    """One statement as an equation, without delimiters."""
    left, term = equation(source)
    t = LatexTypesetter(Notation())
    return f"{t.within(term).expr(left)} = {joined(t.definition(Definition(left, (term,))))}"


def equations(derivation: Derivation) -> list[tuple[str, list[Piece], tuple[str, ...]]]:
    """The forward equations: left side, pieces of the right side, ranges of an extremum."""
    t = LatexTypesetter(derivation.notation)
    return [
        (
            t.within(d.terms[0]).expr(d.left),
            t.definition(d),
            tuple(c for term in d.terms for c in t.within(term).conditions(term)),
        )
        for d in derivation.definitions
    ]


def sentence(words: Words, t: LatexTypesetter, escape: Callable[[str], str] = prose) -> str:
    """Words with their mathematics between dollars."""
    inline = InlineTypesetter(t.notation, t.indices)
    return "".join(escape(w) if isinstance(w, str) else f"${inline.expr(w)}$" for w in words)


def sizes(derivation: Derivation) -> list[str]:
    """The derived extents as equations."""
    t = LatexTypesetter(derivation.notation)
    return [f"{t.expr(symbol)} = {t.expr(expression)}" for symbol, expression in derivation.sizes]


def seed_sentence(derivation: Derivation, t: LatexTypesetter) -> str:
    """What the gradients given from outside stand for; nothing where none is derived or the last layer says so."""
    if derivation.table is not None or not derivation.sections:
        return ""
    outputs = derivation.program.outputs
    seeds = derivation.notation.seeds
    if seeds:
        named = ", ".join(
            rf"${t.expr(Access(seed))} := \partial E/\partial {t.expr(Access(output))}$"
            for seed, output in seeds.items()
        )
        gradients = "gradient that arrives" if len(seeds) == 1 else "gradients that arrive"
        return f"With {named}, the {gradients} from above."
    if derivation.notation.quotients:
        name = t.expr(Access(outputs[0]))
        return rf"The gradient $\partial E/\partial {name}$ arrives from above; it is 1 where ${name}$ is $E$ itself."
    return ""


def _chapter(derivation: Derivation) -> list[str]:
    t = LatexTypesetter(derivation.notation)
    lines = [rf"\section*{{{prose(derivation.heading)}}}"]
    lines.append(r"\textbf{Forward.} " + " ".join(sentence(w, t) for w in derivation.setup))
    lines += ["", *latex_table(derivation.table, prose)] if derivation.table is not None else []
    lines += _forward(derivation)
    lines += [sentence(w, t) for w in derivation.notes]
    seeds = seed_sentence(derivation, t)
    lines += ["", rf"\textbf{{Derivation.}} {seeds}"] if seeds else []
    lines += _premises(derivation, t)
    for chapter, sections in chapters(derivation):
        lines += ["", *_heading(chapter, t)] if chapter is not None else []
        for section in sections:
            lines += ["", *_section(section)]
    if derivation.source:
        lines += ["", r"\medskip", rf"{{\footnotesize {prose(derivation.source)}.\par}}"]
    for identity in derivation.appendix:
        lines += ["", *_chapter(identity)]
    return lines


def _premises(derivation: Derivation, t: LatexTypesetter) -> list[str]:
    """Sentences, and the rows between them, aligned."""
    lines: list[str] = []
    for kind, group in groupby(derivation.premises, key=type):
        premises = list(group)
        if kind is Step:
            rows = [_premise(step, t) for step in premises if isinstance(step, Step)]
            lines += [r"\begin{align*}", "\\\\\n".join(rows), r"\end{align*}"]
        for premise in premises:
            if isinstance(premise, Formula):
                lines += latex_formula(premise, t)
            elif isinstance(premise, Grid):
                lines += latex_grid(premise, InlineTypesetter(t.notation), lambda words: sentence(words, t))
        sentences = [sentence(premise, t) for premise in premises if isinstance(premise, tuple)]
        lines += ["", *sentences] if sentences else []
    return lines


def _premise(step: Step, t: LatexTypesetter) -> str:
    left = t.expr(step.left)
    return f"{left} &= " + r" \\&\qquad ".join(_broken(t.row(step), set(), 39.0 - width(left)))


def _forward(derivation: Derivation) -> list[str]:
    lines = []
    beside = sizes(derivation)
    found = equations(derivation)
    for left, pieces, conditions in found:
        broken = _broken(pieces, set(), 39.0 - width(left))
        text = (r" \notag\\&\qquad ").join(broken)
        if conditions:
            over = r"\quad\text{over }" + r",\; ".join(conditions)
            tail = width(broken[-1]) + width(over) + width(left)
            text += over if tail < 38 else rf" \notag\\&\qquad {over}"
        lines.append(f"{left} &= {text}")
    one_line = len(found) == 1 and "\\\\" not in lines[0]
    if one_line and width(lines[0]) + sum(width(b) + 2 for b in beside) < 38:
        lines[0] += "".join(rf" \qquad {b}" for b in beside)
        beside = []
    out = [r"\begin{align}", "\\\\\n".join(lines), r"\end{align}"]
    if beside:
        if sum(width(b) + 2 for b in beside) < 40:
            out += [r"\[", r" \qquad ".join(beside), r"\]"]
        else:
            out += [r"\begin{gather*}", "\\\\\n".join(beside), r"\end{gather*}"]
    return out


def _heading(chapter: Chapter, t: LatexTypesetter) -> list[str]:
    """The heading of a layer of a network, and its sentences."""
    return [rf"\section*{{{sentence(chapter.title, t)}}}", *(sentence(w, t) for w in chapter.setup)]


def _section(section: Section) -> list[str]:
    t = LatexTypesetter(section.steps[0].notation)
    title = sentence(section.title, t)
    lines = [rf"\subsection*{{{title[0].upper()}{title[1:]}}}"]
    for place, part in enumerate(section.parts):
        lines += [""] if place else []
        lines += [sentence(w, t) for w in part.setup]
        lines += _aligned(part.steps, t)
        lines += [sentence(w, t) for w in part.caption]
    for result in section.results:
        lines += _boxed(result, t)
    return lines


def _aligned(steps: Sequence[Step], t: LatexTypesetter) -> list[str]:
    """The rows, in a smaller font where a piece that cannot be broken is too wide."""
    pieces = [width(piece.text) for step in steps for piece in t.row(step)]
    size, line = (
        (r"{\small", _LINE) if max(pieces) + 3.5 < _space(steps, t, _LINE) else (r"{\footnotesize", _LINE / 0.9)
    )
    return [size, r"\begin{alignat}{2}", *_rows(steps, t, _space(steps, t, line)), r"\end{alignat}}%"]


def _space(steps: Sequence[Step], t: LatexTypesetter, line: float) -> float:
    """What reasons and left sides leave of a line for the right sides."""
    reasons = (sentence(step.reason, t).replace("$", "").replace("\\text", "") for step in steps)
    column = max(0.9 * width(reason) for reason in reasons) + 1
    return line - column - max(width(t.expr(step.left)) for step in steps) - 1.4


def _rows(steps: Sequence[Step], t: LatexTypesetter, space: float) -> list[str]:
    reasons = [sentence(step.reason, t) for step in steps]
    lines: list[str] = []
    before: list[Piece] = []
    shown = ""
    for step, reason in zip(steps, reasons, strict=True):
        pieces = t.row(step)
        new = changed(pieces, before) if before else set()
        if step.rule == "definition":
            new = {key for key in new if key.startswith(QUOTIENT)}
        left = t.expr(step.left)
        broken = _broken(pieces, new, space)
        text = r" \notag\\" + "\n&&&\\qquad "
        if lines:
            lines[-1] += r"\\[4pt]" if r"\notag" in lines[-1] else r"\\"  # a broken row is set apart from the next
        lines.append(rf"\why{{{reason}}} && {left if left != shown else ''} &= {text.join(broken)}")
        before, shown = pieces, left
    return lines


def _boxed(result: Result, t: LatexTypesetter) -> list[str]:
    left = t.expr(result.step.left)
    broken = _broken(t.row(result.step), set(), _BOX - width(left) - 1.4)
    if len(broken) == 1:
        inner = f"{left} = {broken[0]}"
    else:
        inner = rf"\begin{{aligned}}{left} &= " + r" \\ &\qquad ".join(broken) + r"\end{aligned}"
    name = _named(result.name, t)
    box = rf"\boxed{{\;{inner}\;}}"
    plain = sentence(result.name, t).replace("$", "")
    beside = len(broken) == 1 and width(inner) + 0.95 * width(plain) + 5 < 42
    lead = sentence(result.lead, t)
    if beside:
        text = ["", lead] if lead else []
        return [*text, r"\begin{equation}", rf"{box}\qquad\text{{{name}}}", r"\end{equation}"]
    if not lead:
        name = _named(capitalised(result.name), t)
    return ["", " ".join(p for p in (lead, f"{name}:") if p), r"\begin{equation}", box, r"\end{equation}"]


def capitalised(words: Words) -> Words:
    """The words as the beginning of a sentence."""
    first, *rest = words
    return (first[0].upper() + first[1:], *rest) if isinstance(first, str) else words


def _named(name: Words, t: LatexTypesetter) -> str:
    """The name with its kind in bold: full convolution of ..."""
    first, *rest = name
    if isinstance(first, str) and first.endswith(" of "):
        return rf"\textbf{{{prose(first[:-4])}}} of " + sentence(tuple(rest), t)
    return sentence(name, t)


def _broken(pieces: Sequence[Piece], new: set[str], budget: float) -> list[str]:
    """The right-hand side in lines; a line neither ends with a constant nor with a sum sign."""
    lines: list[str] = []
    text, used = "", 0.0
    before: Piece | None = None
    for number, piece in enumerate(pieces):
        marked = "".join(rf"\new{{{p.text}}}" if p.key in new else p.text for p in piece.parts)
        size = width(glue(piece, before or piece) + piece.text)
        starts = piece.glue in ("+", "-")  # a new summand may always start a line
        heads = number > 0 and not starts and (pieces[number - 1].glue == "S" or _is_head(pieces[number - 1]))
        reach = used + size + sum(width(p.text) for p in _following(pieces, number))
        if piece.glue == "S" and used > budget / 3:  # a whole sum rather stands on a line of its own
            rest = width("".join(p.text for p in _to_the_next_sign(pieces, number)))
            reach = used + rest if rest + 2 <= budget else reach
        if text and not heads and reach > budget:
            lines.append(text)
            text, used, before = "{}", 2.0, piece if piece.glue == "[" else before
        text += glue(piece, before) + marked
        before = piece
        used += size
    return [*lines, text]


def _to_the_next_sign(pieces: Sequence[Piece], number: int) -> Sequence[Piece]:
    """The pieces of a summand from one of them on."""
    signs = (n for n in range(number + 1, len(pieces)) if pieces[n].glue in ("+", "-"))
    return pieces[number : next(signs, len(pieces))]


def _following(pieces: Sequence[Piece], number: int) -> Sequence[Piece]:
    """The pieces that a line must hold, too, if it holds the one of that number: it does not end before them."""
    stop = number
    while stop + 1 < len(pieces) and (pieces[stop].glue == "S" or _is_head(pieces[stop])):
        stop += 1
        if pieces[stop].glue in ("+", "-"):
            break
    return pieces[number + 1 : stop + 1]


def _is_head(piece: Piece) -> bool:
    """A constant in front of a sum."""
    constant = piece.glue == "" and len(piece.parts) == 1
    return piece.glue in ("+", "-") or constant or piece.text.startswith(r"\frac{1}")


def _foot(certificate: Footer) -> str:
    t = LatexTypesetter(certificate.notation)
    return certificate.sentence(
        lambda figure: f"${t.power_of_ten(*figure)}$" if figure[1] else f"${figure[0]}$", f"${t.rounded}$"
    )
