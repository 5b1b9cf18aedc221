"""Saved weights: the bytes come back, other programs read them, and a file that does not fit changes nothing."""

import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe import generated as g
from gradscribe.adapters import load, save
from gradscribe.codegen.driver import compile_layer
from tests.cases.catalogue import TRIED
from tests.cases.instances import instance
from tests.cases.layers import sampled_case

safetensors = pytest.importorskip("safetensors.numpy")


def net(seed: int, dtype: Any = np.float32) -> Any:
    options: dict[str, Any] = {"dtype": dtype, "rng": seed}
    conv, dense = g.Conv2D(1, 2, 3, **options), g.Dense(8, 3, **options)
    return g.Sequential(conv, g.BatchNorm(2, dtype=dtype), g.Flatten(), dense)


def contents(layer: Any) -> dict[str, bytes]:
    return {name: a.tobytes() for part in layer.layers for name, a in [*part.params.items(), *part.state.items()]}


def test_what_is_saved_is_loaded_in_place(tmp_path: Path) -> None:
    one, other = net(0), net(1)
    one(np.random.default_rng(0).normal(size=(2, 4, 4, 1)).astype(np.float32))  # moves the running statistics
    held = other.params
    save(one, tmp_path / "w.safetensors")
    load(other, str(tmp_path / "w.safetensors"))
    assert contents(other) == contents(one)
    assert all(array is held[name] for name, array in other.params.items())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", TRIED)
def test_every_layer_of_the_catalogue(name: str, dtype: Any, tmp_path: Path) -> None:
    one, other = (instance(sampled_case(name, np.random.default_rng(0), draws=1), dtype) for _ in range(2))
    for array in [*one.params.values(), *one.state.values()]:
        array += np.random.default_rng(1).normal(size=array.shape).astype(dtype)
    save(one, tmp_path / "w.safetensors")
    load(other, tmp_path / "w.safetensors")
    for ours, theirs in ((one.params, other.params), (one.state, other.state)):
        assert {n: a.tobytes() for n, a in ours.items()} == {n: a.tobytes() for n, a in theirs.items()}


def test_a_number_as_weight_and_a_weight_laid_out_by_columns(tmp_path: Path) -> None:
    own = gradscribe.layer("y[n,k] = s * (sum(c) x[n,c] * v[c,k]); weight v, s", "scaled_of_mine")
    one, other = (compile_layer(own).ScaledOfMine(C=2, K=3, rng=seed, dtype=np.float64) for seed in (0, 1))
    one.params["v"] = np.asfortranarray(one.params["v"])
    save(one, tmp_path / "w.safetensors")
    load(other, tmp_path / "w.safetensors")
    assert other.params["s"].shape == ()
    assert other.params["s"] == one.params["s"]
    np.testing.assert_array_equal(other.params["v"], one.params["v"])


def test_the_file_is_plain_safetensors(tmp_path: Path) -> None:
    """Read by hand, as the format's description has it: eight bytes of length, JSON, the arrays."""
    one = net(0)
    save(one, tmp_path / "w.safetensors")
    content = (tmp_path / "w.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert header.pop("__metadata__") == {"format": "gradscribe"}
    assert set(header) == {"0.w", "0.b", "1.gamma", "1.beta", "1.running_mean", "1.running_var", "3.w", "3.b"}
    begin, end = header["3.w"]["data_offsets"]
    assert content[8 + length :][begin:end] == one.params["3.w"].tobytes()


@pytest.mark.oracle
def test_pytorch_reads_it_and_what_pytorch_writes_is_read(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from safetensors.torch import load_file, save_file

    one, other = net(0), net(1)
    save(one, tmp_path / "ours.safetensors")
    tensors = load_file(tmp_path / "ours.safetensors")
    assert all(np.array_equal(tensors[name].numpy(), array) for name, array in one.params.items())
    save_file(tensors, tmp_path / "theirs.safetensors")
    load(other, tmp_path / "theirs.safetensors")
    assert contents(other) == contents(one)


def changed(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        save(net(0), path)
        arrays = safetensors.load_file(path)
        change(arrays)
        safetensors.save_file(arrays, path)

    return write


def rewritten(content: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        save(net(0), path)
        path.write_bytes(content(path.read_bytes()))

    return write


BAD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (
        changed(lambda a: a.pop("3.w")),
        "weight 3.w is missing: expected float32 of shape (8, 3), found no such name",
    ),
    "renamed": (
        changed(lambda a: a.update({"fc.w": a.pop("3.w")})),
        "weight 3.w is missing: expected float32 of shape (8, 3), found fc.w that nothing wants",
    ),
    "unexpected": (
        changed(lambda a: a.update(v=np.zeros(2))),
        "unexpected weight v: expected only 0.w, 0.b, 1.gamma, 1.beta, and 4 more, found float64 of shape (2,)",
    ),
    "misshapen": (
        changed(lambda a: a.update({"3.w": a["3.w"].T.copy()})),
        "weight 3.w: expected shape (8, 3), found (3, 8)",
    ),
    "type": (
        changed(lambda a: a.update({"3.b": a["3.b"].astype(np.float64)})),
        "weight 3.b: expected type float32, found float64",
    ),
    "integers": (
        changed(lambda a: a.update({"3.b": a["3.b"].astype(np.int32)})),
        "weight 3.b: expected type float32, found I32",
    ),
    "pickled": (lambda path: path.write_bytes(pickle.dumps({"w": [1.0]})), "expected a safetensors file"),
    "empty": (lambda path: path.write_bytes(b""), "expected a safetensors file"),
    "text": (lambda path: path.write_text("weights\n" * 9), "expected a safetensors file"),
    "cut": (rewritten(lambda content: content[:-5]), "expected a safetensors file"),
    "long": (rewritten(lambda content: content + b"x"), "expected a safetensors file"),
    "header": (rewritten(lambda content: content[:30] + b"\xff\xff" + content[32:]), "expected a safetensors file"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_does_not_fit_is_one_line_and_nothing_is_written(kind: str, tmp_path: Path) -> None:
    make, message = BAD[kind]
    path = tmp_path / "w.safetensors"
    make(path)
    layer = net(1)
    before = contents(layer)
    with pytest.raises(ValueError, match=r"w\.safetensors: ") as caught:
        load(layer, path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)
    assert contents(layer) == before


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load(net(0), tmp_path / "nowhere.safetensors")
    with pytest.raises(OSError, match=str(tmp_path)):
        load(net(0), tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        save(net(0), tmp_path / "nowhere" / "w.safetensors")


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.safetensors"
    save(net(0), path)
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        save(net(1), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
