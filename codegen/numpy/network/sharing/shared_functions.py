"""Runs that are alike -> a function of the module, which drafts call in their place."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain

from sympy import Expr

from gradscribe.codegen.kernel.page.equation import Equation
from gradscribe.codegen.loops import Correspondence, renamed, symbols_of
from gradscribe.codegen.numpy.function.docstring import enumerated, long_doc
from gradscribe.codegen.numpy.function.pass_statements import NET
from gradscribe.codegen.numpy.network.functions.draft import (
    Draft,
    Origin,
    shapes_in_words,
    told_sizes,
    within_pass,
    written,
)
from gradscribe.codegen.numpy.network.sharing.general_extents import Extents
from gradscribe.codegen.numpy.network.sharing.runs import Alike, Run, alike
from gradscribe.codegen.numpy.plan import Allocate, Apply, Block, Plan, Record, effects, walk
from gradscribe.codegen.numpy.print.fixed_names import FIXED, PASS
from gradscribe.codegen.python.expression import Attribute, Name, parts
from gradscribe.codegen.python.names import Names
from gradscribe.codegen.python.scalars.scalar import DTYPE
from gradscribe.codegen.python.statement import Return, let, used
from gradscribe.derive.ir.term import Range, Tensor, accesses


def shared(network: str, drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts with calls in place of what several of them compute, each function before the first that calls it."""
    names = Names(draft.name for draft in drafts)
    before: dict[int, list[Draft]] = {}
    calls: dict[int, list[tuple[Run, Apply]]] = {}
    for number, found in enumerate(alike(drafts)):
        function = _Function(drafts, found)
        if not all(map(function.gives, range(len(found.runs)))):
            continue
        made = function.draft(network, names.own(function.word, str(number)))
        before.setdefault(min(run.draft for run in found.runs), []).append(made)
        for n, run in enumerate(found.runs):
            calls.setdefault(run.draft, []).append((run, function.call(made, n)))
    result: list[Draft] = []
    for number, draft in enumerate(drafts):
        result += [*before.get(number, ()), _calling(draft, calls.get(number, ()))]
    return result


def _calling(draft: Draft, calls: Iterable[tuple[Run, Apply]]) -> Draft:
    """A draft that calls functions in place of runs."""
    records = draft.plan.records
    for run, call in sorted(calls, key=lambda found: -found[0].start):
        records = (*records[: run.start], call, *records[run.stop :])
    return replace(draft, plan=replace(draft.plan, records=records))


class _Function:
    """What runs that are alike share.

    Args:
        drafts: the functions of the module.
        found: the runs.
    """

    def __init__(self, drafts: Sequence[Draft], found: Alike) -> None:
        self.drafts, self.found = drafts, found
        self.home, self.records = drafts[found.first.draft], found.first.records
        self.told = [Correspondence(), *(one for _, one in found.others)]
        arrays = [*found.others[0][1].arrays]
        done = effects(*self.records)
        inside = {name for name, _ in done.holds}
        behind = [_read_behind(drafts[run.draft], run) for run in found.runs]
        self.given = sorted(done.names - inside, key=_by_making(self.home))
        self.made = [
            name
            for name in arrays
            if name in inside and any(self._there(name, n) in read for n, read in enumerate(behind))
        ]
        self.short = _short(self.home, [*self.given, *self.made, *arrays])
        self.extents = self._extents()

    def _there(self, name: str, run: int) -> str:
        return self.told[run].arrays.get(name, name)

    def _extents(self) -> Extents:
        ranges = [r for r in parts(self.records) if isinstance(r, Range)]
        sizes = {s.name for e in chain(*(one.symbols for one in self.told)) for s in e.free_symbols}
        found = Extents(self.told, Names({*FIXED, PASS, *self.short.values(), *sizes}))
        shapes = [t.shape for name in self.given if (t := self.home.tensors.get(name))]
        shapes += [r.shape for _, r in walk(self.records) if isinstance(r, Allocate)]
        found.enter(shapes, ranges, self.found.others[0][1].extents)
        return found

    @property
    def word(self) -> str:
        """What the function is called: after the layers whose equations it computes."""
        return "_".join(("", *(self._layers or ["shared"]), self.home.purpose))

    @cached_property
    def general(self) -> tuple[Record, ...]:
        """What it computes."""
        return renamed(self.records, self.short, {}, self.extents.put)

    def gives(self, run: int) -> bool:
        """Whether it computes what a run does: its records, with the names and sizes there put in, are the run's."""
        arrays = {word: self._there(name, run) for name, word in self.short.items()}
        sizes: dict[Expr, Expr] = {s: self.extents.value(s, run) for s in symbols_of(self.general)}
        same = Correspondence()
        return same.enter(renamed(self.general, arrays, sizes, {}), self.found.runs[run].records) and same.is_identity

    def draft(self, network: str, name: str) -> Draft:
        """The function."""
        home, short, put = self.home, self.short, self.extents.put
        tensors = {
            short[n]: Tensor(short[n], tuple(put.get(e, e) for e in home.tensors[n].shape))
            for n in (*self.given, *self.made)
            if n in home.tensors
        }
        plan = Plan(f"{network}{name}", self.general)
        given, made = ([short[n] for n in names] for names in (self.given, self.made))
        last = (Return(tuple(map(Name, made))),) if made else ()
        indices = {r.index for r in parts(plan.records) if isinstance(r, Range)}
        indices |= {r.block for _, r in walk(plan.records) if isinstance(r, Block)}
        symbols = symbols_of(plan.records) - indices
        found = Draft(
            name=name,
            signature=within_pass(given, made),
            doc="",
            first=(),
            plan=plan,
            last=last,
            taken=frozenset({*FIXED, PASS, *short.values(), *(s.name for s in symbols)}),
            tensors=tensors,
            origins={},
            purpose=home.purpose,
        )
        asked = set().union(*map(used, written(found).body))
        sizes = {s for s in symbols if s.name in asked}
        told, known = told_sizes([tensors[n] for n in given if n in tensors], sizes)
        return replace(
            found,
            first=(let(DTYPE.text, Attribute(NET, DTYPE.text)), *told),
            sizes=tuple(sorted(sizes - known, key=lambda s: s.name)),
            doc=long_doc(self._words(), shapes_in_words(tensors, given, made)),
        )

    def _words(self) -> str:
        """What the function does, in a sentence."""
        layers = enumerated(self._layers)
        node = next((origin.node for origin in self._about), "")
        said = f"; rows are those at {node}" if node else ""
        return f"Compute {layers or 'what others share'}, {self.home.purpose}{said}."

    @property
    def _about(self) -> list[Origin]:
        """What the equations are about: gradients that they read, otherwise what they compute."""
        known = self.home.origins
        found: list[Origin] = []
        for equation in (r for _, r in walk(self.records) if isinstance(r, Equation)):
            read = [known[a.tensor] for a in accesses(equation.term.body) if a.tensor in known]
            target = known.get(equation.left.tensor)
            found += [origin for origin in read if origin.gradient] or [*filter(None, (target,))]
        return found

    @property
    def _layers(self) -> list[str]:
        return [*dict.fromkeys(origin.layer for origin in self._about)]

    def call(self, function: Draft, run: int) -> Apply:
        """The record that calls the function in place of a run."""
        return Apply(
            function=function.name,
            body=self.found.runs[run].records,
            arguments=tuple(self._there(name, run) for name in self.given),
            made=tuple(self._there(name, run) for name in self.made),
            sizes=tuple((s.name, self.extents.value(s, run)) for s in function.sizes),
        )


def _by_making(draft: Draft) -> Callable[[str], tuple[int, str]]:
    """Arrays in the order in which a draft makes them; those that it is given come after them."""
    made = {name: place for place, (name, _) in enumerate(effects(*draft.plan.records).holds)}
    return lambda name: (made.get(name, len(made)), name)


def _read_behind(draft: Draft, run: Run) -> set[str]:
    """The names that a draft reads behind a run."""
    return {*effects(*draft.plan.records[run.stop :]).names, *set().union(*map(used, draft.last), set())}


def _short(draft: Draft, arrays: Sequence[str]) -> dict[str, str]:
    """The arrays by what their layers call them, each by itself: the first of those of one name."""
    taken = {*FIXED, PASS, *arrays, *(s.name for s in symbols_of(draft.plan.records))}
    found: dict[str, str] = {}
    for name in dict.fromkeys(arrays):
        word = draft.origins[name].name if name in draft.origins else name
        found[name] = name if word in taken or word in found.values() else word
    return found
