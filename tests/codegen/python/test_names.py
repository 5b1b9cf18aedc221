"""Names that generated code uses itself, in every role: refused, or the numbers are right all the same."""

import ast
import keyword
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import sympy
from sympy import Eq, Idx, IndexedBase

import gradscribe
from gradscribe import network
from gradscribe.codegen.driver import compile_layer, emitted, source
from gradscribe.codegen.files.audit import AuditError
from gradscribe.codegen.kernel.calling import option_value, shape_argument
from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.codegen.numpy.package.runtime import runtime_attributes, runtime_names
from gradscribe.codegen.numpy.print.fixed_names import FIXED, MEMBERS
from gradscribe.codegen.python.names import Names
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.composition import NetworkError
from gradscribe.derive.ir.index import integer, integers
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.layer.equations import program
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from gradscribe.generated.runtime.machine.configuration import has_c
from tests.cases.thorough import THOROUGH, some

TEXTS = {
    "input": "y[n, i, k] = sum(r, c) {0}[n, 2*i + r - p, c] * w[r, c, k]; p = 1",
    "weight": "weight {0}; y[n, k] = sum(c) x[n, c] * {0}[c, k]",
    "intermediate": "{0}[n] = sum(c) exp(x[n, c]); y[n, c] = exp(x[n, c]) / {0}[n]",
    "output": "{0}[n, c] = x[n, c]^2 + x[n, c] * v[c]",
    "number": "input x[N], {0}; y[n] = {0} * x[n]^2",
    "labels": "integer {0}; y[n, k] = x[{0}[n], k] * v[k]",
    "optional": "optional {0}; y[n, k] = x[n, k]^2 + {0}[k]",
    "index": "y[n, {0}, k] = sum(r, c) x[n, 2*{0} + r, c] * w[r, c, k]",
    "reduced index": "y[n, i] = max({0}) x[n, 2*i + {0}]",
    "outer index": "y[{0}, i, c] = sum(r) x[{0}, i + r, c] * w[r, c]",
    "last index": "y[n, i, {0}] = max(r) x[n, i + r, {0}]",
    "parameter": "{0} = 2.0; y[n] = tanh({0} * x[n]) + {0}",
    "stride": "{0} = 2; y[n, i] = sum(r) x[n, {0}*i + r] * w[r]",
    "size": "input x[N, {0}]; y[n] = sum(c) x[n, c]^2 / {0}",
    "range": "r < {0}; y[n, i] = max(r) x[n, i + r]",
    "derived size": "{0} = M // 2; y[n] = sum(m) x[n, m] / {0}",
    "rest": "y[..., {0}] = x[..., {0}] * exp(x[..., {0}]) * v[{0}]",
}
STEP = 1 if THOROUGH else 8
"""Every so manyth name is tried in a role, another one in the next role; a thorough run tries all."""
OWN = {"dx", "dy", "ddx", "x_shape", "input_shape", "input", "bias", "w", "b", "l", "O", "match", "type", "rng"}


def identifiers(text: str) -> set[str]:
    """Every name in a module's text."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Name(name) | ast.arg(name) | ast.FunctionDef(name) | ast.ClassDef(name):
                found.add(name)
    return found


@cache
def introduced(role: str) -> tuple[str, ...]:
    """The names that the module of a role's text has, but for those that everything refuses."""
    found = identifiers(emitted(gradscribe.layer(TEXTS[role].format("victim"))).text) | OWN
    return tuple(sorted(n for n in found - FIXED - runtime_names() if "victim" not in n and not n.startswith("_")))


def check_values(layer: Layer) -> None:
    """Compare all functions of a layer, their loops included, with the interpreter."""
    module, gradient = compile_layer(layer), differentiate(layer.program)
    rng = np.random.default_rng(1)
    sizes = sample_sizes(layer, rng)
    forward = interpret(layer.program, sample_values(layer.program, sizes, rng), sizes)
    values = {**forward, **{t.name: rng.normal(size=forward[o].shape) for o, t in gradient.seeds.items()}}
    values = {**interpret(gradient.program, values, sizes), **values}
    for backend in ("numpy", *(["compiled"] if has_c() else [])):
        for kernel in kernels(layer):
            options = {o.name: option_value(o, sizes) for o in kernel.options}
            options |= {shape_argument(t): values[t.name].shape for t in kernel.shaped}
            with module.rt.settings(backend=backend):
                results = getattr(module, kernel.name)(*(values[t.name] for t in kernel.arguments), **options)
            for name, value in zip(kernel.results, results if len(kernel.results) > 1 else (results,), strict=True):
                np.testing.assert_allclose(value, values[name], rtol=1e-9, atol=1e-9, err_msg=f"{kernel.name}: {name}")


@pytest.mark.thorough
@pytest.mark.parametrize("role", TEXTS)
def test_names_of_emitted_code(role: str) -> None:
    names, accepted = introduced(role), 0
    place = list(TEXTS).index(role) % STEP
    for name in names[place::STEP]:
        try:
            layer = gradscribe.layer(TEXTS[role].format(name))
            source(layer)
        except AuditError as error:
            raise AssertionError(f"{name} came as far as the audit") from error
        except EquationError:
            continue
        else:
            accepted += 1
            check_values(layer)
    assert accepted or len(names) < STEP, "a role in which every name is refused shows nothing"


# ----- what is refused, and how -----------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["input", "intermediate", "output", "parameter", "size"])
def test_fixed_names_are_refused_in_words(role: str) -> None:
    for name in sorted(FIXED):
        with pytest.raises(EquationError, match=rf"\b{name}\b.*(cannot be a name|reserved word|rename|takes)"):
            gradscribe.layer(TEXTS[role].format(name)).compile()


@pytest.mark.parametrize("role", ["layer", "class", "feature"])
def test_fixed_names_beside_the_equations_are_refused_in_words(role: str) -> None:
    plain = gradscribe.layer("weight w; y[n, k] = sum(c) x[n, c] * w[c, k]")
    for name in ("np", "self", "lambda", "a b"):
        made = {
            "layer": replace(plain, name=name),
            "class": replace(plain, class_name=name),
            "feature": replace(plain, features=((name, integer("C")), ("out", integer("K")))),
        }[role]
        with pytest.raises(EquationError, match=rf": {role} '{name}' cannot be a name in Python code"):
            made.compile()


def test_an_option_is_no_attribute_that_the_class_has() -> None:
    assert {"params", "grads", "_saved", "_kept"} <= runtime_attributes("Layer") < runtime_attributes("Network")
    for name in sorted(MEMBERS | runtime_attributes("Layer")):
        if name.isalpha():
            with pytest.raises(EquationError, match=f"option {name}: every layer has an attribute of that name"):
                gradscribe.layer(f"{name} = 2.0; y[n] = {name} * x[n]").compile()


def test_roles_that_would_be_one_function() -> None:
    for text in ("y[n] = x[n] * input[n]", "y[n] = b[n] * bias[n]", "y[n] = w[n] * weight[n]"):
        with pytest.raises(
            EquationError, match=r"inputs (\w) and (\w+): functions call \1 \2, .* such as \1 and (?:\1)2"
        ):
            gradscribe.layer(text).compile()


def test_a_gradient_that_would_have_a_fixed_name() -> None:
    with pytest.raises(EquationError, match="a gradient would be called dtype"):
        gradscribe.layer("y[n] = 2 * type[n]").compile()


def test_a_parameter_called_as_the_gradient_of_the_output() -> None:
    layer = gradscribe.layer("dy = 2.0; y[n] = x[n]^2 * dy")
    check_values(layer)
    assert [k.seeds for k in kernels(layer)][1] == (("ddy", "y"),)


@pytest.mark.parametrize("name", ["seeds", "directions"])
def test_arguments_of_double_backward(name: str) -> None:
    layer = gradscribe.layer(f"y[n] = {name}[n]^2")
    layer.compile()
    with pytest.raises(EquationError, match=f"argument of double_backward and tensor would be called {name}"):
        layer.compile(2)


def test_arguments_of_constructors() -> None:
    with pytest.raises(EquationError, match="argument of the constructor and size would be called rng"):
        gradscribe.layer("weight w; input w[C, rng]; y[n, k] = sum(c) x[n, c] * w[c, k]").compile()


def test_an_option_that_is_called_as_an_array() -> None:
    made = gradscribe.layer("a = 2.0; y[n] = a * x[n]^2")
    for name in ("dy", "dx", "x", "y", "N"):
        with pytest.raises(EquationError, match=f"would be called {name}; rename one"):
            replace(made, options=(replace(made.options[0], name=name),)).compile()


def test_an_index_and_a_size_of_other_equations_may_be_called_as_what_is_emitted() -> None:
    N, C = integers("N low")
    x, w, y = (IndexedBase(n, shape=s, real=True) for n, s in (("part", (N, C)), ("rows1", (C,)), ("row", (N,))))
    n, c = Idx("total", N), Idx("part_1", C)
    made = program(Eq(y[n], sympy.Sum(x[n, c] * w[c], c)), inputs=(x, w))
    check_values(Layer("own", "Own", "own", made))


def test_own_names_avoid_those_of_users() -> None:
    names = Names({*FIXED, "i", "i_low", "i_low_"})
    assert names.own("i", "index") == "i_"
    assert names.own("i_low", "low") == "i_low__"
    assert names.own("i_", "index") == "i__"
    assert names.own("i", "index") == "i_"
    assert names.own("np") == "np_"
    names.take({"part"})
    assert names.own("part") == "part_"


# ----- networks -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["params", "state", "saved", "buffers", "inputs", "directions", "np", "self"])
def test_inputs_of_networks(name: str) -> None:
    with pytest.raises(EquationError, match=rf"\b{name}\b"):
        network(f"input {name}[N, 3]\n{name} -> dense(2)").compile()


ANYTHING = some(["np", "rt", "self", "y", "state", "saved", "gradient", "new", "f", "dtype", "range"], 4)


@pytest.mark.parametrize("name", ANYTHING)
def test_nodes_of_networks_may_be_called_anything(name: str) -> None:
    built = network(f"input x[N, 3]\n{name}: dense(2) -> tanh\nloss mean_squared_error", "net")
    made = built.compile().Net(rng=0, dtype=np.float64)
    x, t = np.random.default_rng(0).normal(size=(2, 4, 3))
    w, b = made.params[f"{name}.w"], made.params[f"{name}.b"]
    np.testing.assert_allclose(made(x), np.tanh(x @ w + b))
    made.loss(np.tanh(x @ w + b), t[:, :2])
    made.backward()
    y = np.tanh(x @ w + b)
    np.testing.assert_allclose(made.grads[f"{name}.b"], ((y - t[:, :2]) / 4 * (1 - y**2)).sum(0), rtol=1e-10)


@pytest.mark.parametrize("label", ["saved", "inputs", "gradient", "buffers", "self_"])
def test_labels_of_a_loss_do_not_hide_what_backward_uses(label: str) -> None:
    loss = gradscribe.layer(
        f"input y[N, K], {label}[N, K]; constant {label}; l = sum(n, k) (y[n, k] - {label}[n, k])^2", "gap"
    )
    built = replace(network("input x[N, 3]\nf: dense(2)", "net"), loss=loss)
    assert "Gradient with respect to" in str(built.derivation())  # labels have the extents of what is judged
    made = built.compile().Net(rng=0, dtype=np.float64)
    x, t = np.random.default_rng(0).normal(size=(2, 4, 3))
    y = made(x)
    made.loss(y, t[:, :2])
    made.backward()
    np.testing.assert_allclose(made.grads["f.b"], 2 * (y - t[:, :2]).sum(0), rtol=1e-10)


def test_two_tensors_of_a_network_that_would_have_one_name() -> None:
    own = {"low": lambda: gradscribe.layer("a_b[n] = sum(k) exp(x[n, k]); y[n, k] = x[n, k] / a_b[n]", "low"),
           "high": lambda: gradscribe.layer("b[n] = sum(k) x[n, k]^2; y[n, k] = x[n, k] / b[n]", "high")}  # fmt: skip
    with pytest.raises(NetworkError, match="would both be called c_a_b; rename one of the nodes"):
        network("input x[N, 3]\nc: low -> c_a: high", layers=own)


def test_constants_of_a_network_have_names_of_their_own() -> None:
    own = {"scaled": lambda: gradscribe.layer("y[n, k] = x[n, k] * T[k]", "scaled")}
    for node in ("f", "F"):
        built = network(f"input x[N, 2]\n{node}: scaled", "net", layers=own, data={f"{node}.T": (1.0, 2.0)})
        made = built.compile().Net()
        np.testing.assert_allclose(made(np.ones((1, 2))), [[1.0, 2.0]])


def test_what_a_text_may_be_called_that_python_knows() -> None:
    for word in (*keyword.softkwlist, "print", "open", "exec", "id", "list", "set", "object"):
        if word not in ("_", "type"):  # the gradient of type would be dtype
            check_values(gradscribe.layer(f"y[n, c] = sum(k) x[n, k] * {word}[k, c]"))
