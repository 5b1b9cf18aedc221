"""Equations in the notation of others, and what they are here: einsum, sums of LaTeX, matrix products, ``where``.

They are recognised where a text cannot be read, so that the message can say the equation that is meant.
"""

import re
from collections.abc import Iterator, Sequence

from gradscribe.derive.language.syntax.located_error import Located
from gradscribe.derive.language.syntax.tree import Place

LONGEST_LINE = 300
NAME = r"[A-Za-z]\w*"
_EINSUM = re.compile(
    rf"""(?:(?P<left>{NAME})[^=]*=\s*)?(?:(?:np|torch|jnp)\.)?(?:einsum\s*\(\s*)?["']?
    (?P<inputs>[A-Za-z]+(?:\s*,\s*[A-Za-z]+)*)\s*->\s*(?P<output>[A-Za-z]*)["']?(?:\s*,(?P<given>[^()]*)\))?\s*$""",
    re.VERBOSE,
)
_CALL = re.compile(r"\beinsum\s*\(")
_PRODUCT = re.compile(
    rf"(?:(?P<left>{NAME})\s*=\s*)?(?P<a>{NAME})\s*@\s*(?P<b>{NAME})(?:\s*(?P<sign>[+-])\s*(?P<c>{NAME}))?\s*$"
)
_SUM = re.compile(
    r"\\sum(?:\\limits)?_(?:\{\s*([A-Za-z](?:\s*,\s*[A-Za-z])*)[^{}]*\}|([A-Za-z]))(?:\^(?:\{[^{}]*\}|\w))?"
)
_SUBSCRIPTED = re.compile(r"([A-Za-z])_(?:\{([A-Za-z,\s]+)\}|([A-Za-z]))")


def foreign(text: str, line: int) -> Located | None:
    """What a line says in another notation, as a mistake at it that says the equation; None where that is not seen."""
    lines = text.split("\n")
    whole = lines[line - 1] if 0 < line <= len(lines) else ""
    for part in re.finditer(r"[^;#]+", whole):
        meant = _meant(part[0].strip()) if len(part[0]) <= LONGEST_LINE else None
        if meant is not None and meant[1].isascii() and meant[1].isprintable():
            start = part.start() + len(part[0]) - len(part[0].lstrip()) + 1
            place = Place(line, start, part.start() + len(part[0].rstrip()) + 1)
            return Located(f"write {meant[1]} instead; {meant[0]}", place)
    return None


def is_einsum(text: str) -> bool:
    """Whether a text is one of einsum, and not a network, which has arrows as well."""
    found = _EINSUM.match(text.strip())
    alone = found is not None and "," in found["inputs"] and bool(_of_einsum(found))
    return alone or _CALL.search(text) is not None


def _meant(line: str) -> tuple[str, str] | None:
    """Why a line is none of the language, and the equation that it means."""
    found = _EINSUM.match(line)
    if found and (subscripted := _of_einsum(found)):
        return "subscripts stand at their tensors", subscripted
    call = _CALL.search(line)
    inner = _EINSUM.match(line[call.start() : line.find(")", call.end()) + 1]) if call else None
    if inner and (subscripted := _of_einsum(inner)):
        return "subscripts stand at their tensors", f"{subscripted.partition(' = ')[2]} for einsum(...)"
    if (product := _PRODUCT.match(line)) is not None:
        return "a matrix product is a sum over an index", _of_product(product)
    if r"\sum" in line and (summed := _of_latex(line)):
        return "no LaTeX is read", summed
    if (chosen := _of_where(line)) is not None:
        return "a condition is a factor, in brackets", chosen
    return None


def _tensors(wanted: Sequence[str], taken: set[str]) -> list[str]:
    """Names for tensors that no index has: ``b_`` beside an index b."""
    found: list[str] = []
    for name in wanted:
        while name in taken:
            name = f"{name}_"
        found.append(name)
    return found


def _element(name: str, indices: Sequence[str]) -> str:
    return f"{name}[{','.join(indices)}]" if indices else name


def _of_einsum(found: re.Match[str]) -> str:
    inputs = [word.strip() for word in found["inputs"].split(",")]
    output, letters = found["output"], set("".join(inputs))
    if set(output) - letters or len(set(output)) < len(output):
        return ""
    given = [name.strip() for name in (found["given"] or "").split(",")]
    named = len(given) == len(inputs) and all(re.fullmatch(NAME, name) for name in given)
    names = _tensors(given if named else [*"xwz", *(f"z{k}" for k in range(2, len(inputs)))][: len(inputs)], letters)
    summed = [v for v in dict.fromkeys("".join(inputs)) if v not in output]
    over = f"sum({','.join(summed)}) " if summed else ""
    (left,) = _tensors([found["left"] or "y"], letters | set(names))
    product = " * ".join(_element(name, word) for name, word in zip(names, inputs, strict=True))
    return f"{_element(left, output)} = {over}{product}"


def _of_product(found: re.Match[str]) -> str:
    a, b, c = found["a"], found["b"], found["c"]
    first, summed, last = ("n", "c", "k") if a[0].islower() and b[0].isupper() else ("i", "j", "k")
    free = [first, last] if b[0].isupper() else [first]
    right = f"{b}[{summed},{last}]" if len(free) == 2 else f"{b}[{summed}]"
    added = f" {found['sign']} {c}[{free[-1]}]" if c else ""
    return f"{found['left'] or 'y'}[{','.join(free)}] = sum({summed}) {a}[{first},{summed}] * {right}{added}"


def _of_latex(line: str) -> str:
    """The equation that a line of sums, products and letters with indices says; "" where it says more."""
    left, _, right = line.partition("=") if not re.match(r"\s*\\sum", line) else ("", "", line)
    target = _SUBSCRIPTED.fullmatch(left.strip()) or re.fullmatch(r"([A-Za-z])", left.strip())
    if left.strip() and target is None:
        return ""
    found = list(_latex_words(right))
    words = [word for word in found if word is not None]
    if len(words) < len(found):
        return ""
    summed, bound, free = [], set[str](), list[str]()
    for word in words:
        if word.startswith("sum("):
            bound |= set(word[4:-1].split(","))
        free += [v for v in re.findall(r"\[(.*)\]", word) for v in v.split(",")]
    known = _split(target[2] or target[3]) if target is not None and target.re is _SUBSCRIPTED else None
    indices = known if known is not None else [v for v in dict.fromkeys(free) if v not in bound]
    for before, word in zip(["", *words], words, strict=False):
        glue = " * " if before and word not in "+-" and before not in "+-" and not before.startswith("sum(") else " "
        summed.append(f"{glue}{word}")
    (name,) = _tensors([target[1] if target is not None else "y"], {w[0] for w in words if w and w not in "+-"})
    return f"{_element(name, indices)} = {''.join(summed).strip()}"


def _latex_words(line: str) -> Iterator[str | None]:
    """The words of the language, one by one; None for what is none of them."""
    at = 0
    while at < len(line):
        rest = line[at:]
        if found := re.match(r"\s+|\\[,;! ]|\\cdot|\\left|\\right|\*|[{}]", rest):
            at += found.end()
            continue
        if found := _SUM.match(rest):
            yield f"sum({','.join(_split(found[1] or found[2]))})"
        elif found := _SUBSCRIPTED.match(rest):
            yield f"{found[1]}[{','.join(_split(found[2] or found[3]))}]"
        elif found := re.match(r"[+-]", rest):
            yield found[0]
        else:
            yield None
            return
        at += found.end()


def _split(indices: str) -> list[str]:
    return re.findall(r"[A-Za-z]", indices)


def _of_where(line: str) -> str | None:
    """``where(condition, a, b)`` as the sum of both, each beside its bracket."""
    found = re.search(r"(?:(?:np|torch|jnp)\.)?\bwhere\s*\(", line)
    if found is None:
        return None
    parts, depth, start = [], 1, found.end()
    for at in range(found.end(), len(line)):
        depth += (line[at] in "([") - (line[at] in ")]")
        if not depth or (depth == 1 and line[at] == ","):
            parts.append(line[start:at].strip())
            start = at + 1
        if not depth:
            break
    if depth or len(parts) != 3 or not all(parts):
        return None
    condition, then, otherwise = parts
    if not re.search(r"[<>=]", condition):
        condition = f"{condition} > 0"
    then, otherwise = (f"({p})" if re.search(r"[+-]", p) else p for p in (then, otherwise))
    sides = [f"[{c}] * {p}" for c, p in ((condition, then), (f"not ({condition})", otherwise)) if p not in ("0", "0.0")]
    sides = [s.removesuffix(" * 1") for s in sides]
    value, before, after = " + ".join(sides) or "0", line[: found.start()], line[start:]
    alone = not after.strip() and re.fullmatch(r"[^=]*=\s*", before)
    return f"{before}{value if alone else f'({value})'}{after}".strip()
