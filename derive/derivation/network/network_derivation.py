"""Network -> Derivation: the table of layers, the forward equations, then back-propagation from the last layer down."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from difflib import get_close_matches

from sympy import Integer

from gradscribe.derive.calculus.differentiate import Gradient, differentiate
from gradscribe.derive.calculus.passes.reuse import distributions
from gradscribe.derive.composition.level import Level, is_activation
from gradscribe.derive.composition.network import Network
from gradscribe.derive.composition.with_loss import as_derived
from gradscribe.derive.derivation.forward.displayed_settings import displayed
from gradscribe.derive.derivation.forward.forward_equations import in_one_naming, of_shape
from gradscribe.derive.derivation.forward.insertion import Rewritten, written_out
from gradscribe.derive.derivation.forward.remarks.notes import notes
from gradscribe.derive.derivation.gradient.assembly import assembled, quotients, terms
from gradscribe.derive.derivation.gradient.zero import zero_section
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.network.backprop import BackPropagation
from gradscribe.derive.derivation.network.kinds.drawing import drawn, is_branched
from gradscribe.derive.derivation.network.kinds.layer_equations import once_for_a_layer
from gradscribe.derive.derivation.network.kinds.level_gradients import level_gradients
from gradscribe.derive.derivation.network.kinds.once import once_for_a_kind
from gradscribe.derive.derivation.network.kinds.repeated import repeated_levels, with_repeats
from gradscribe.derive.derivation.network.layer_table import layer_table
from gradscribe.derive.derivation.network.lettering import Lettering, lettered, notation, quotient_name
from gradscribe.derive.derivation.network.surroundings import without_copies
from gradscribe.derive.derivation.record.page_record import Definition, Derivation
from gradscribe.derive.derivation.record.section_record import Chapter, Section
from gradscribe.derive.derivation.record.sentence import AND, Equals, Label, Scalar, Words, joined
from gradscribe.derive.ir.quote import listed, quoted
from gradscribe.derive.ir.term import Access, EquationError, Program, Statement, Term, accesses
from gradscribe.said import say, say_number


def derive_network(
    network: Network,
    wrt: Sequence[str] | None = None,
    settings: Mapping[str, str] | None = None,
    full: bool = False,
) -> Derivation:
    """The derivation of a network's back-propagation; where it has a loss, from the loss down.

    Args:
        network: the network.
        wrt: the weights and inputs to differentiate by, as "c1.w" or "c1_w"; all weights by default.
        settings: sizes by name, see `derive.derivation.forward.displayed_settings`.
        full: whether rows are printed for every level, not once for every kind of layer.

    Raises:
        EquationError: when `wrt` or a setting does not fit the network.
    """
    names = _wanted(network, wrt)
    display = displayed(as_derived(network), settings)
    shown = display.layer
    assert isinstance(shown, Network)  # of which it is a specialisation
    read = {t.name for t in shown.program.inputs}
    rewritten = _rewritten(shown, names if wrt is not None else [n for n in names if n in read])
    gradient, program = rewritten.shown, rewritten.shown.forward
    lettering = lettered(shown, program)
    lets = distributions(program, gradient.program.names())
    written = notation(gradient, lettering, lets)
    seeds = tuple((o, gradient.seeds[o]) for o in program.outputs if o in gradient.seeds)
    given = tuple(Statement(seed, Term((), (), Integer(1))) for _, seed in seeds) if network.loss is not None else ()
    sections = BackPropagation(gradient, lettering, written, lets, given, full).sections()
    sections |= {name: zero_section(gradient, name, written) for name in gradient.zeros}
    chapters = [
        (level.label, chapter)
        for level in reversed(lettering.levels)
        if (chapter := _chapter(level, lettering, written, gradient, sections, network)) is not None
    ]
    chapters = chapters if full else _once(chapters, lettering)
    found = tuple(s for _, c in chapters for s in c.sections)
    page = assembled(display, program, rewritten, written, found)
    layers = {name: part.node for name, part in shown.parts}
    once = page.definitions if full else once_for_a_layer(page.definitions, layers, lettering, program)
    levels = level_gradients(chapters, lettering, network.weights)
    table = layer_table(shown, program, lettering, written)
    stated = {d.left.tensor for d in once if d.likeness is None}
    (_, last), *others = chapters
    minimised = last.setup if network.loss is not None and not last.sections else ()  # said beside its equation
    printed = [chapter for _, chapter in (others if minimised else chapters)]
    return replace(
        page,
        name=network.name,
        title=_title(network),
        source=network.source,
        setup=(*_branches(network), *_setup(shown, program, written), *_shared(shown, lettering)),
        table=table if full else with_repeats(table, _equations(once, lettering)),
        definitions=once,
        notes=(
            *notes(
                *(program, (), rewritten.idealised, page.unchanging, stated, dict(shown.values)),
                quotients(program, found),
                rows=terms(s for s in found if s.likeness is None),
            ),
            *minimised,
        ),
        chapters=tuple(_printed(printed) if levels else printed),
        levels=levels,
        repeated=repeated_levels(levels, {s.wrt: s for s in found}, written),
        seeds=tuple((output, seed.name) for output, seed in seeds),
    )


def _once(chapters: Sequence[tuple[str, Chapter]], lettering: Lettering) -> list[tuple[str, Chapter]]:
    """The chapters, in which a section of a kind that was met before says so."""
    letters = {tensor: letter for tensor, (letter, _) in lettering.letters.items()}
    once = iter(once_for_a_kind((s for _, chapter in chapters for s in chapter.sections), letters))
    return [
        (label, replace(chapter, sections=tuple(next(once) for _ in chapter.sections))) for label, chapter in chapters
    ]


def _printed(chapters: Sequence[Chapter]) -> Iterator[Chapter]:
    """The chapters with rows that the table of all levels does not say to be others under other names.

    What arrives at the first levels is said in front of the first of these rows.
    """
    arriving: tuple[Words, ...] | None = ()
    for chapter in chapters:
        own = tuple(s for s in chapter.sections if s.likeness is None)
        if own:
            yield replace(chapter, setup=(*(arriving or ()), *chapter.setup), sections=own)
        arriving = (*arriving, *chapter.setup) if arriving is not None and not own else None


def _equations(definitions: Sequence[Definition], lettering: Lettering) -> dict[str, tuple[str, ...]]:
    """By level the tensors whose printed equations its own are; what the pass over ties adds is of no level."""
    found: dict[str, tuple[str, ...]] = {}
    for d in (d for d in definitions if d.left.tensor in lettering.letters):
        label = lettering.label(d.left.tensor)
        found[label] = (*found.get(label, ()), d.likeness.of if d.likeness is not None else d.left.tensor)
    return found


def _wanted(network: Network, wrt: Sequence[str] | None) -> tuple[str, ...]:
    """The tensors called `wrt`, in the program's order; the weights, or the inputs of a network without weights."""
    given = {t.name for t in network.given}
    known = {n: n for n in network.differentiable if n in network.weights or n in given}
    known |= {network.key(n): n for n in network.weights}
    chosen = [known[name] for name in wrt or () if name in known]
    for name in wrt or ():
        if name not in known:
            keys = [*(network.key(n) for n in network.weights), *(n for n in network.differentiable if n in given)]
            close = get_close_matches(name, known, n=1)
            few = listed(keys if len(keys) <= 12 else [*keys[:10], f"... ({len(keys)} in all)"])
            hint = f"; did you mean {close[0]}?" if close else ""
            raise EquationError(
                f"{network.name}: cannot differentiate with respect to {quoted(name)}; expected one of {few}{hint}"
            )
    if wrt is None:
        chosen = [*network.weights] or [n for n in network.differentiable if n in given]
    return tuple(n for n in network.differentiable if n in chosen)


def _rewritten(network: Network, wrt: Sequence[str]) -> Rewritten:
    """The differentiated program, and what is shown of it: an activation is one equation, no signal has two names."""
    program = _valued(network)
    parts, results = network.part, dict(network.results)
    activations = {n.name for n in network.nodes if is_activation(n.layer)}
    inner = {
        s.target.name
        for s in program.statements
        if (part := parts.get(s.target.name)) is not None  # the pass over ties adds tensors of no node
        and part.node in activations
        and results[part.node] != s.target.name
    }
    rewritten = written_out(differentiate(in_one_naming(program), wrt), inner)
    return replace(rewritten, shown=without_copies(rewritten.shown))


def _valued(network: Network) -> Program:
    """The equations that the values need, without running statistics."""
    program = replace(network.program, outputs=tuple(t.name for t in network.own_outputs))
    needed = _needed(program)
    program = replace(program, statements=tuple(s for s in program.statements if s.target.name in needed))
    read = {a.tensor for s in program.statements for a in accesses(s.term.body)}
    return replace(program, inputs=tuple(t for t in program.inputs if t.name in read))


def _needed(program: Program) -> set[str]:
    needed = set(program.outputs)
    for statement in reversed(program.statements):
        if statement.target.name in needed or (statement.argument is not None and statement.argument.name in needed):
            needed |= {a.tensor for a in accesses(statement.term.body)}
            needed |= {statement.target.name} | ({statement.ties.name} if statement.ties is not None else set())
    return needed


def _title(network: Network) -> str:
    """The title; of a network that has none of its own, its layers."""
    if network.title != f"network {network.name}":
        return network.title
    return drawn(network)


def _branches(network: Network) -> tuple[Words, ...]:
    """The layers on a line where a chain would not tell how they are wired, and the title does not."""
    return (
        (say("Layers: {drawn}.", drawn=drawn(network)),)
        if is_branched(network) and _title(network) != drawn(network)
        else ()
    )


def _shared(network: Network, lettering: Lettering) -> Iterator[Words]:
    """Which levels have weights of another one."""
    labels = {node.name: level.label for level in lettering.levels for node in level.nodes}
    others: dict[str, dict[str, None]] = {}
    for node in network.nodes:
        for name in node.owners:
            others.setdefault(labels[name], {})[labels[node.name]] = None
    for label, found in others.items():
        yield say_number(
            len(found),
            "Level {levels} has weights of level {label}: their gradients are sums over both.",
            "Levels {levels} have weights of level {label}: their gradients are sums over all of these.",
            levels=joined([Label(other) for other in found], AND),
            label=Label(label),
        )


def _setup(network: Network, program: Program, written: Notation) -> tuple[Words, ...]:
    """The inputs and what is given: constants, and numbers of parameters."""
    words: list[Words] = []
    given: list[Words] = []
    for tensor in network.given:
        numbers = tuple(e.xreplace(dict(network.values)) for e in tensor.shape)
        fixed = (" = (", *joined(numbers), ")") if numbers != tensor.shape else ()
        given.append((*of_shape(tensor, tensor.shape), *fixed))
    words.append((*joined(given), "."))
    symbols = program.symbols()
    reals = [Equals(s, v) for s, v in network.values if not s.is_integer and s in symbols]
    if reals:
        words.append((*joined(reals), "."))
    for tensor in program.inputs:
        if tensor.name in dict(network.constants):
            name, shape = Access(tensor.name), joined(tensor.shape)
            words.append(say("{tensor} is a constant ({shape}), not trained.", tensor=name, shape=shape))
    return tuple(words)


def _chapter(
    level: Level,
    lettering: Lettering,
    written: Notation,
    gradient: Gradient,
    sections: Mapping[str, Section],
    network: Network,
) -> Chapter | None:
    """The sections of one level: its error signal, its inner tensors, its weights; None where nothing is derived."""
    tensors = lettering.tensors(level, gradient.forward.tensors)
    signal = lettering.signals[level.label]
    own = [n for n in sections if n in tensors]
    inputs = [n for n in sections if n not in lettering.letters] if level.number == 1 else []
    own = sorted((*own, *inputs), key=lambda n: n != signal)
    setup = (
        *_arriving(level, lettering, written, gradient, sections, network),
        *_passed_on(set(tensors) - {signal, *lettering.values.values()}, gradient),
    )
    if not own and not setup:
        return None
    first, layers = level.nodes[0], ", ".join(node.layer.name for node in level.nodes)
    called = f", {first.name}" if first.block else ""
    title = (*say("Layer {label}", label=Label(level.label)), f"{called}: {layers}")
    return Chapter(title, setup, tuple(sections[n] for n in own))


def _arriving(
    level: Level,
    lettering: Lettering,
    written: Notation,
    gradient: Gradient,
    sections: Mapping[str, Section],
    network: Network,
) -> tuple[Words, ...]:
    """Where an error signal comes from that has no section: from above, or unchanged from another level."""
    signal = lettering.signals[level.label]
    quotient, seed = Access(quotient_name(signal)), gradient.seeds.get(signal)
    output = next(iter(lettering.tensors(level, gradient.forward.outputs)), None)
    if output is not None and output in gradient.seeds:
        if network.loss is not None:
            one = Equals(Access(gradient.seeds[output].name), Integer(1))
            return (
                say(
                    "The number {scalar} that is minimised is {output}, so that {gradient}.",
                    scalar=Scalar("E"),
                    output=Access(output),
                    gradient=one,
                ),
            )
        if signal != output or signal in sections:
            arriving = Access(gradient.seeds[output].name)
            return (say("The gradient {gradient} arrives from above.", gradient=arriving),)
        assert seed is not None  # the output's
        return (say("The error signal {signal} arrives from above.", signal=Equals(Access(seed.name), quotient)),)
    if seed is not None and signal not in sections:
        same = Equals(quotient, Access(seed.name))
        return (say("{signals}: the level above passes it on unchanged.", signals=same),)
    return ()


def _passed_on(names: Set[str], gradient: Gradient) -> tuple[Words, ...]:
    """Which gradients of inner tensors go by the name of another one, as they merely equal it."""
    outputs = set(gradient.forward.outputs)
    read = {c.reader.target.name for a in gradient.adjoints for c in a.contributions}
    found = [
        Equals(Access(quotient_name(name)), Access(seed.name))
        for name, seed in gradient.seeds.items()
        if name in names & read - outputs
    ]
    return (say("By the chain rule, element by element, {gradients}.", gradients=joined(found, AND)),) if found else ()
