"""Complex tensors as pairs against PyTorch's complex numbers: products, quotients, a spectral convolution."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradscribe
from tests.oracles.beside_autograd import compare

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.oracle

Shape = tuple[int, ...]


def pairs(function: Callable[..., Any], *real: int) -> Callable[..., Any]:
    """A function of complex tensors as one of pairs; the arguments of these places are real."""

    def called(*arguments: Any) -> Any:
        given = [a if k in real else torch.view_as_complex(a) for k, a in enumerate(arguments)]
        found = function(*given)
        return torch.view_as_real(found) if found.is_complex() else found

    return called


def spectral_conv(x: Any, w: Any) -> Any:
    """The layer of Fourier neural operators, as its authors write it: modes below F are weighed, others are dropped."""
    modes = torch.fft.rfft(x, dim=1)
    low = torch.einsum("nfc,ckf->nfk", modes[:, : w.shape[2]], w)
    whole = torch.zeros(x.shape[0], modes.shape[1], w.shape[1], dtype=w.dtype)
    return torch.fft.irfft(torch.cat([low, whole[:, w.shape[2] :]], 1), n=x.shape[1], dim=1)


SPECTRAL = """# spectral convolution in one dimension (Li et al., Fourier neural operator, 2021)
complex w
input x[N,I,C], w[C,K,F]
z[n,f,c] = sum(i) x[n,i,c] * exp(complex(0, -2*pi*f*i/I))
u[n,f,k] = sum(c) z[n,f,c] * w[c,k,f]
y[n,i,k] = sum(f) (2 - [f == 0]) * re(u[n,f,k] * exp(complex(0, 2*pi*f*i/I))) / I"""

CASES: dict[str, tuple[str, Callable[..., Any], dict[str, Shape]]] = {
    "product_of_matrices": (
        "complex x, w; y[n,k] = sum(c) x[n,c]*w[c,k]",
        pairs(lambda x, w: x @ w),
        {"x": (3, 4, 2), "w": (4, 5, 2)},
    ),
    "hermitian_form": (
        "complex x, a; y[n] = re(sum(i,j) conj(x[n,i])*a[i,j]*x[n,j])",
        pairs(lambda x, a: torch.einsum("ni,ij,nj->n", x.conj(), a, x).real),
        {"x": (3, 4, 2), "a": (4, 4, 2)},
    ),
    "real_weights": (
        "complex x; y[n,k] = sum(c) w[c,k]*(x[n,c] + 1)/(1 + w[c,k]^2)",
        pairs(lambda x, w: (x[:, :, None] + 1).mul(w / (1 + w**2)).sum(1), 1),
        {"x": (3, 4, 2), "w": (4, 5)},
    ),
    "quotient_and_powers": (
        "complex z, u; y[n] = z[n]^3/u[n] - 2/z[n]",
        pairs(lambda z, u: z**3 / u - 2 / z),
        {"z": (5, 2), "u": (5, 2)},
    ),
    "absolute_value_and_square": (
        "complex z, u; y[n] = abs(z[n])*abs(u[n])^2 + re(conj(u[n])*z[n])",
        pairs(lambda z, u: z.abs() * (u * u.conj()).real + (u.conj() * z).real),
        {"z": (5, 2), "u": (5, 2)},
    ),
    "exponential": (
        "complex z; y[n] = exp(z[n]^2/8) + exp(complex(a[n], 0))*exp(complex(0, a[n]))",
        pairs(lambda z, a: (z**2 / 8).exp() + torch.polar(a.exp(), a), 1),
        {"z": (5, 2), "a": (5,)},
    ),
    "parts": (
        "complex z; y[n] = complex(im(z[n]), tanh(re(z[n])))*z[n]; e = sum(n) re(y[n])*im(y[n]); output e",
        pairs(lambda z: ((y := torch.complex(z.imag, torch.tanh(z.real)) * z).real * y.imag).sum()),
        {"z": (5, 2)},
    ),
    "constant_part": (
        "complex z; y[n] = z[n]*constant(conj(z[n])) + constant(z[n])^2",
        pairs(lambda z: z * z.conj().detach() + z.detach() ** 2),
        {"z": (5, 2)},
    ),
    "phase_retrieval": (
        "complex x, a; u[m] = sum(i) a[m,i]*x[i]; e = sum(m) (abs(u[m])^2 - b[m])^2 / M",
        pairs(lambda x, b, a: (((a @ x).abs() ** 2 - b) ** 2).mean(), 1),
        {"x": (4, 2), "b": (6,), "a": (6, 4, 2)},
    ),
    "a_complex_number": (
        "complex s, x; input s, x; y[n] = s*x[n] + [n > 1]*conj(s)",
        pairs(lambda s, x: s * x + (torch.arange(4) > 1) * s.conj()),
        {"s": (2,), "x": (4, 2)},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_pairs_compute_what_complex_numbers_do(name: str) -> None:
    text, function, shapes = CASES[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    layer = gradscribe.layer(text)
    arrays = {t.name: rng.normal(size=shapes[t.name]) for t in layer.program.inputs}
    assert list(arrays) == list(shapes)
    compare(text, function, arrays)


@pytest.mark.parametrize("extent", [5, 8])
def test_a_spectral_convolution_is_that_of_pytorchs_transforms(extent: int) -> None:
    rng = np.random.default_rng(extent)
    arrays = {"x": rng.normal(size=(2, extent, 3)), "w": rng.normal(size=(3, 4, 2, 2))}
    compare(SPECTRAL, pairs(spectral_conv, 0), arrays)


def test_a_gradient_is_what_pytorch_calls_the_gradient_of_a_complex_tensor() -> None:
    """Of a real E it has dE/d(real part) and dE/d(imaginary part): twice the derivative by the conjugate."""
    rng = np.random.default_rng(0)
    z, b = rng.normal(size=(4, 2)), rng.normal(size=4)
    module = gradscribe.layer("complex z; input z, b; e = sum(n) b[n]*abs(z[n])^2", "own").compile()
    instance = module.Own()
    instance(z, b)
    leaf = torch.tensor(z[:, 0] + 1j * z[:, 1], requires_grad=True)
    (torch.tensor(b) * leaf.abs() ** 2).sum().backward()
    ours, _ = instance.backward(np.array(1.0))
    np.testing.assert_allclose(ours[:, 0] + 1j * ours[:, 1], leaf.grad.numpy(), rtol=1e-12)


def test_the_absolute_value_has_slope_0_at_0() -> None:
    module = gradscribe.layer("complex z; y[n] = abs(z[n])", "own").compile()
    z = np.array([[0.0, 0.0], [3.0, 4.0]])
    np.testing.assert_allclose(module.own_forward(z), [0, 5])
    leaf = torch.tensor(z[:, 0] + 1j * z[:, 1], requires_grad=True)
    leaf.abs().sum().backward()
    instance = module.Own()
    instance(z)
    np.testing.assert_allclose(instance.backward(np.ones(2)), np.stack([leaf.grad.real, leaf.grad.imag], 1), rtol=1e-12)
