"""Cases in float64 by their formulas, as textbooks have them: what errors are measured against."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases.sizes_of_cases import Case

Array = NDArray[Any]
Arrays = Mapping[str, Array]
EPSILON = 1e-5
"""Added to a variance."""


def by_formula(case: Case, operation: str, arrays: Arrays) -> dict[str, Array]:
    """The results of an operation by name."""
    found = {"dense": _dense, "softmax": _softmax, "attention": _attention, "lstm_cell": _cell}
    return found.get(case.kind, _normalisation)(case, operation, arrays)


def _dense(_: Case, operation: str, a: Arrays) -> dict[str, Array]:
    if operation == "forward":
        return {operation: a["x"] @ a["w"] + a["b"]}
    return {operation: a["dy"] @ a["w"].T if operation == "dx" else a["x"].T @ a["dy"]}


def shares(u: Array) -> Array:
    """The softmax of the last axis."""
    found = np.exp(u - u.max(-1, keepdims=True))
    return found / found.sum(-1, keepdims=True)


def _softmax(_: Case, operation: str, a: Arrays) -> dict[str, Array]:
    y = shares(a["x"])
    return {operation: y if operation == "forward" else _past_softmax(a["dy"], y)}


def _past_softmax(dy: Array, y: Array) -> Array:
    return y * (dy - (dy * y).sum(-1, keepdims=True))


def _normalisation(case: Case, operation: str, a: Arrays) -> dict[str, Array]:
    along = (-1,) if case.kind == "layer_norm" else tuple(range(a["x"].ndim - 1))
    rest = tuple(range(a["x"].ndim - 1))
    centred = a["x"] - a["x"].mean(along, keepdims=True)
    root = np.sqrt((centred**2).mean(along, keepdims=True) + EPSILON)
    h, dh = centred / root, a["dy"] * a["gamma"]
    if operation == "forward":
        return {operation: a["gamma"] * h + a["beta"]}
    if operation == "dw":
        return {"dgamma": (a["dy"] * h).sum(rest), "dbeta": a["dy"].sum(rest)}
    means = dh.mean(along, keepdims=True) + h * (dh * h).mean(along, keepdims=True)
    return {operation: (dh - means) / root}


def _attention(_: Case, operation: str, a: Arrays) -> dict[str, Array]:
    q, k, v, dy = (a[name] for name in ("q", "k", "v", "dy"))
    root = np.sqrt(q.shape[-1])
    p = shares(q @ k.swapaxes(1, 2) / root)
    if operation == "forward":
        return {operation: p @ v}
    du = _past_softmax(dy @ v.swapaxes(1, 2), p) / root
    return {"dq": du @ k, "dk": du.swapaxes(1, 2) @ q, "dv": p.swapaxes(1, 2) @ dy}


def _cell(_: Case, operation: str, a: Arrays) -> dict[str, Array]:
    u = np.einsum("nc,cak->nak", a["x"], a["w"]) + np.einsum("nl,lak->nak", a["h"], a["r"]) + a["b"]
    i, f, o = (1 / (1 + np.exp(-u[:, gate])) for gate in (0, 1, 3))
    g = np.tanh(u[:, 2])
    z = f * a["c"] + i * g
    s = np.tanh(z)
    if operation == "forward":
        return {"y": o * s, "z": z}
    dz = a["dz"] + a["dy"] * o * (1 - s**2)
    parts = dz * g * i * (1 - i), dz * a["c"] * f * (1 - f), dz * i * (1 - g**2), a["dy"] * s * o * (1 - o)
    du = np.stack(parts, 1)
    return {
        "dx": np.einsum("nak,cak->nc", du, a["w"]),
        "dh": np.einsum("nak,lak->nl", du, a["r"]),
        "dc": dz * f,
        "dw": np.einsum("nc,nak->cak", a["x"], du),
        "dr": np.einsum("nl,nak->lak", a["h"], du),
        "db": du.sum(0),
    }
