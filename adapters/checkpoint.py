"""Checkpoints: a training run that is stopped and resumed to the bit, in one safetensors file without pickle.

The arrays are those of the layer ("layer." before their names) and of the optimiser ("optimiser."); everything else is
JSON in the header, which keeps integers of any size and every bit of a float.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gradscribe.adapters.named import Array, Kind, check, weights
from gradscribe.adapters.safetensors_file import kinds, opened, write
from gradscribe.derive.ir.quote import MOST_LISTED, shown

ENTRY = "gradscribe.checkpoint"
VERSION = 1

Generators = np.random.Generator | Mapping[str, np.random.Generator] | None


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint says beside the arrays.

    Attributes:
        step: how many steps had been made.
        notes: what was given to `save_checkpoint` as notes.
    """

    step: int
    notes: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(
    path: str | Path,
    layer: Any,
    optimiser: Any = None,
    rng: Generators = None,
    *,
    step: int = 0,
    notes: Mapping[str, Any] | None = None,
) -> None:
    """Save all that training depends on.

    Args:
        path: a safetensors file; the one there is replaced at once, or not at all.
        layer: a layer, network or `Sequential`: its weights and running statistics.
        optimiser: an object with `state` (name -> array), `steps` and `lr`, or None.
        rng: the generator that training draws from, or several by name, or None.
        step: how many steps have been made.
        notes: anything that JSON can say, such as the epoch.

    Raises:
        TypeError: when JSON cannot say the notes.
        OSError: when the file cannot be written.
    """
    arrays = {f"layer.{w.name}": w.array for w in weights(layer)}
    facts: dict[str, Any] = {"version": VERSION, "step": int(step), "notes": dict(notes or {})}
    facts["rng"] = {name: _plain(g.bit_generator.state) for name, g in _generators(rng).items()}
    if optimiser is not None:
        arrays |= {f"optimiser.{name}": np.asarray(array) for name, array in optimiser.state.items()}
        steps, rate = int(optimiser.steps), float(optimiser.lr)
        facts["optimiser"] = {"class": type(optimiser).__name__, "steps": steps, "lr": rate}
    write(path, arrays, {ENTRY: json.dumps(facts)})


def load_checkpoint(path: str | Path, layer: Any, optimiser: Any = None, rng: Generators = None) -> Checkpoint:
    """Load what `save_checkpoint` wrote into objects made as they were then; they go on as if never stopped.

    Args:
        path: the file.
        layer: takes the weights and running statistics, in place.
        optimiser: takes its state in place, its steps and its rate; None when it was None.
        rng: takes the state of the generator or generators; None when it was None.

    Returns:
        The step and the notes.

    Raises:
        ValueError: when the file is no checkpoint or does not fit; nothing has been changed then.
        OSError: when the file cannot be read.
    """
    targets: dict[str, Array] = {f"layer.{w.name}": w.array for w in weights(layer)}
    if optimiser is not None:
        targets |= {f"optimiser.{name}": array for name, array in optimiser.state.items()}
    generators = _generators(rng)
    with opened(path) as file:
        facts = _facts(str(path), file.metadata() or {})
        _check_optimiser(str(path), facts, optimiser)
        _check_generators(str(path), facts["rng"], generators)
        check(str(path), {n: Kind(a.shape, a.dtype.name) for n, a in targets.items()}, kinds(file))
        arrays = {name: file.get_tensor(name) for name in targets}
    for name, target in targets.items():
        target[...] = arrays[name]
    for name, generator in generators.items():
        generator.bit_generator.state = _state(facts["rng"][name])
    if optimiser is not None:
        optimiser.steps, optimiser.lr = facts["optimiser"]["steps"], facts["optimiser"]["lr"]
    return Checkpoint(facts["step"], facts["notes"])


def _generators(rng: Generators) -> dict[str, np.random.Generator]:
    if rng is None:
        return {}
    return {"": rng} if isinstance(rng, np.random.Generator) else dict(rng)


def _facts(path: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        facts = dict(json.loads(metadata[ENTRY]))
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path}: expected a checkpoint, found a safetensors file without {ENTRY}") from None
    if facts.get("version") != VERSION or not facts.keys() >= {"step", "notes", "rng"}:
        raise ValueError(
            f"{path}: expected a checkpoint of version {VERSION}, found version {shown(facts.get('version'))}"
        )
    return facts


def _check_optimiser(path: str, facts: Mapping[str, Any], optimiser: Any) -> None:
    saved = facts.get("optimiser", {}).get("class", "none")
    given = "none" if optimiser is None else type(optimiser).__name__
    if saved != given:
        raise ValueError(f"{path}: optimiser: expected {given}, found {shown(saved)}")


def _check_generators(path: str, saved: Mapping[str, Any], given: Mapping[str, np.random.Generator]) -> None:
    expected = {name: type(g.bit_generator).__name__ for name, g in given.items()}
    found = {name: state["bit_generator"] for name, state in saved.items()}
    if expected != found:
        raise ValueError(
            f"{path}: random generators: expected {_words(expected)}, found {shown(_words(found), MOST_LISTED)}"
        )
    for name, generator in given.items():
        try:
            type(generator.bit_generator)().state = _state(saved[name])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path}: random generator {shown(found[name])}: expected its state, found {shown(error)}"
            ) from None


def _words(generators: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {kind}" if name else kind for name, kind in sorted(generators.items())) or "none"


def _plain(state: Any) -> Any:
    """The state of a bit generator in JSON's types; some hold arrays of integers."""
    if isinstance(state, Mapping):
        return {name: _plain(value) for name, value in state.items()}
    if isinstance(state, np.ndarray):
        return {"integers": state.tolist(), "dtype": state.dtype.name}
    return int(state) if isinstance(state, (int, np.integer)) else str(state)


def _state(plain: Any) -> Any:
    """The reverse of `_plain`."""
    if not isinstance(plain, dict):
        return plain
    if plain.keys() == {"integers", "dtype"}:
        return np.array(plain["integers"], plain["dtype"])
    return {name: _state(value) for name, value in plain.items()}
