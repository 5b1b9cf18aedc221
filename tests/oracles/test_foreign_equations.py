"""Layers of no catalogue, written as a user writes them: generated kernels against PyTorch autograd, all gradients.

Each case is an equation text and the same layer in PyTorch's own operations; sizes and values are random.
"""

from typing import Any

import pytest

from tests.oracles.text_case import Case, compare

torch = pytest.importorskip("torch")
F = torch.nn.functional

pytestmark = pytest.mark.oracle


def _windows(x: Any, size: int, step: int = 1, dilation: int = 1) -> Any:
    """x[.., L] as [.., I, size]."""
    count = (x.shape[-1] - dilation * (size - 1) - 1) // step + 1
    index = step * torch.arange(count)[:, None] + dilation * torch.arange(size)[None]
    return x[..., index]


CASES = {
    "conv1d_text": Case(
        "y[n,i,k] = b[k] + sum(h,c) x[n, s*i + d*h - p, c] * w[h,c,k]",
        lambda x, w, b: F.conv1d(x.transpose(1, 2), w.permute(2, 1, 0), b, stride=2, padding=3, dilation=2).transpose(
            1, 2
        ),
        ((2, 11, 3), (4, 3, 5), (5,)),
        (("s", 2), ("d", 2), ("p", 3)),
    ),
    "squeeze_excitation": Case(
        """# squeeze and excitation
        z[n,c] = sum(i,j) x[n,i,j,c] / (I*J)
        h[n,q] = relu(sum(c) z[n,c] * w[c,q])
        g[n,c] = sigmoid(sum(q) h[n,q] * v[q,c])
        y[n,i,j,c] = x[n,i,j,c] * g[n,c]""",
        lambda x, w, v: x * torch.sigmoid(torch.relu(x.mean((1, 2)) @ w) @ v)[:, None, None],
        ((3, 4, 5, 6), (6, 2), (2, 6)),
    ),
    "biaffine": Case(
        "y[n,i,j] = sum(a,b) x[n,i,a] * w[a,b] * z[n,j,b] + sum(a) u[a] * x[n,i,a]",
        lambda x, w, z, u: torch.einsum("nia,ab,njb->nij", x, w, z) + (x @ u)[:, :, None],
        ((2, 4, 3), (3, 5), (2, 6, 5), (3,)),
    ),
    "cosine_similarity": Case(
        """eps = 1e-8
        a[n] = sqrt(sum(c) x[n,c]^2 + eps); b[n] = sqrt(sum(c) z[n,c]^2 + eps)
        y[n] = sum(c) x[n,c] * z[n,c] / (a[n] * b[n])""",
        lambda x, z: (x * z).sum(1) / ((x * x).sum(1) + 1e-8).sqrt() / ((z * z).sum(1) + 1e-8).sqrt(),
        ((4, 5), (4, 5)),
    ),
    "depthwise_dilated": Case(
        "y[n,i,c] = sum(r) x[n, i + 3*r - 4, c] * w[r,c]",
        lambda x, w: F.conv1d(x.transpose(1, 2), w.T[:, None], padding=4, dilation=3, groups=4).transpose(1, 2),
        ((2, 13, 4), (3, 4)),
    ),
    "involution": Case(
        """k[n,i,r] = sum(c) x[n,i,c] * w[c,r]
        y[n,i,c] = sum(r) x[n, i + r - 1, c] * k[n,i,r]
        r < 3""",
        lambda x, w: torch.einsum(
            "nicr,nir->nic", _windows(F.pad(x.transpose(1, 2), (1, 1)), 3).permute(0, 2, 1, 3), x @ w
        ),
        ((2, 7, 4), (4, 3)),
    ),
    "log_sum_exp_pool": Case(
        """a = 2.0; s = 2
        m[n,i,c] = max(r) x[n, s*i + r, c]
        y[n,i,c] = m[n,i,c] + log(sum(r) exp(a*(x[n, s*i + r, c] - m[n,i,c])) / R) / a
        constant m""",
        lambda x: ((2 * _windows(x.transpose(1, 2), 3, 2)).exp().mean(-1).log() / 2).transpose(1, 2),
        ((2, 9, 3),),
        (("R", 3),),
    ),
    "outer_product_mean": Case(
        "y[i,j,a,b] = sum(s) x[s,i,a] * z[s,j,b] / S",
        lambda x, z: torch.einsum("sia,sjb->ijab", x, z) / x.shape[0],
        ((5, 3, 2), (5, 4, 3)),
    ),
    "relative_position_attention": Case(
        """# scores with a bias per distance: a skew access
        s[i,j] = sum(d) q[i,d] * k[j,d] / sqrt(D) + b[j - i + J - 1]
        m[i] = max(j) s[i,j]; h[i,j] = exp(s[i,j] - m[i]); z[i] = sum(j) h[i,j]
        y[i,e] = sum(j) h[i,j] * v[j,e] / z[i]
        input q[J,D], k[J,D], v[J,F], b[B]; constant m""",
        lambda q, k, v, b: (
            torch.softmax(
                q @ k.T / q.shape[1] ** 0.5
                + b[(torch.arange(len(k))[None] - torch.arange(len(q))[:, None]) + len(k) - 1],
                1,
            )
            @ v
        ),
        ((4, 3), (4, 3), (4, 5), (7,)),
    ),
    "full_convolution": Case(
        "y[i] = sum(h) x[i - h] * w[h]",
        lambda x, w: F.conv1d(x[None, None], w.flip(0)[None, None], padding=len(w) - 1)[0, 0],
        ((7,), (3,)),
    ),
    "diagonal_and_trace": Case(
        "t = sum(i) x[i,i]; y[i,j] = x[i,i] * x[i,j] + t * w[j,i]",
        lambda x, w: torch.diagonal(x)[:, None] * x + torch.trace(x) * w.T,
        ((4, 4), (4, 4)),
    ),
    "focal_loss": Case(
        """gamma = 2.0
        p[n] = sigmoid(x[n]); q[n] = [t[n] == 1] * p[n] + [t[n] == 0] * (1 - p[n])
        y = sum(n) -(1 - q[n])^gamma * log(q[n]) / N
        integer t""".replace("sum(n) -(1", "sum(n) (-1)*(1"),
        lambda x, t: (
            -((1 - (q := torch.where(t == 1, torch.sigmoid(x), 1 - torch.sigmoid(x)))) ** 2) * q.log()
        ).mean(),
        ((9,), ((9,), 2)),
    ),
    "embedding_bag": Case(
        "integer t; y[n,c] = sum(i) w[t[n,i], c] * a[n,i]",
        lambda w, t, a: (w[t] * a[..., None]).sum(1),
        ((6, 3), ((4, 5), 6), (4, 5)),
    ),
    "reflect_blur": Case(
        "p = 2; y[n,i,c] = sum(r) x[n, reflect(i + r - p), c] * w[r]",
        lambda x, w: torch.einsum("ncir,r->nic", _windows(F.pad(x.transpose(1, 2), (2, 2), mode="reflect"), 5), w),
        ((2, 6, 3), (5,)),
    ),
    "circular_and_replicate": Case(
        "y[i,j] = sum(r,t) x[circular(i + r - 1), replicate(j + t - 2)] * w[r,t]",
        lambda x, w: F.conv2d(
            F.pad(F.pad(x[None, None], (0, 0, 1, 1), mode="circular"), (2, 2, 0, 0), mode="replicate"), w[None, None]
        )[0, 0],
        ((5, 6), (3, 5)),
    ),
    "transposed_conv_1d": Case(
        "s = 2; p = 1; y[n, s*i + r - p, k] = sum(c) x[n,i,c] * w[r,c,k]; y[n,q,k] += b[k]",
        lambda x, w, b: F.conv_transpose1d(x.transpose(1, 2), w.permute(1, 2, 0), b, stride=2, padding=1).transpose(
            1, 2
        ),
        ((2, 5, 3), (4, 3, 2), (2,)),
    ),
    "swiglu": Case(
        "a[...,h] = sum(c) x[...,c] * w[c,h]; b[...,h] = sum(c) x[...,c] * v[c,h]; "
        "y[...,h] = a[...,h] * sigmoid(a[...,h]) * b[...,h]",
        lambda x, w, v: F.silu(x @ w) * (x @ v),
        ((2, 3, 4), (4, 5), (4, 5)),
    ),
    "linear_attention": Case(
        """f[n,i,d] = [q[n,i,d] > 0]*(q[n,i,d] + 1) + [q[n,i,d] <= 0]*exp(min(q[n,i,d], 0))
        g[n,j,d] = [k[n,j,d] > 0]*(k[n,j,d] + 1) + [k[n,j,d] <= 0]*exp(min(k[n,j,d], 0))
        a[n,d,e] = sum(j) g[n,j,d]*v[n,j,e]; z[n,i] = sum(d,j) f[n,i,d]*g[n,j,d]
        y[n,i,e] = sum(d) f[n,i,d]*a[n,d,e] / z[n,i]""",
        lambda q, k, v: (
            (F.elu(q) + 1) @ ((F.elu(k) + 1).transpose(1, 2) @ v) / ((F.elu(q) + 1) @ (F.elu(k) + 1).sum(1)[..., None])
        ),
        ((2, 4, 3), (2, 5, 3), (2, 5, 2)),
    ),
    "chamfer_distance": Case(
        "d[i,j] = sum(c) (x[i,c] - z[j,c])^2; y = sum(i) (min(j) d[i,j]) / I + sum(j) (min(i) d[i,j]) / J",
        lambda x, z: (d := ((x[:, None] - z[None]) ** 2).sum(-1)).min(1).values.mean() + d.min(0).values.mean(),
        ((5, 3), (4, 3)),
    ),
    "total_variation": Case(
        "y = sum(i,j) (abs(x[i+1,j] - x[i,j]) + abs(x[i,j+1] - x[i,j])) / (I*J); i < H - 1; j < W - 1; input x[H,W]",
        lambda x: ((x[1:, :-1] - x[:-1, :-1]).abs() + (x[:-1, 1:] - x[:-1, :-1]).abs()).mean(),
        ((5, 6),),
    ),
    "strided_max_with_value_padding": Case(
        "p = 2; v = -0.5; y[n,i] = max(r) x[n, value(3*i + r - p, v)]; r < 4",
        lambda x: _windows(F.pad(x, (2, 2), value=-0.5), 4, 3).max(-1).values,
        ((3, 12),),
    ),
    "causal_moving_average": Case(
        "y[n,i] = sum(j) [j <= i] [i < j + K] x[n,j] * w[i - j]; K = 3; i < J; input x[N,J], w[L]",
        lambda x, w: torch.stack(
            [sum(x[:, j] * w[i - j] for j in range(max(0, i - 2), i + 1)) for i in range(x.shape[1])], 1
        ),
        ((2, 6), (4,)),
    ),
    "several_outputs": Case(
        """output y, z
        a[n,k] = sum(c) x[n,c] * w[c,k]
        y[n,k] = tanh(a[n,k]); z[n] = sum(k) softplus(a[n,k]) * erf(a[n,k])""",
        lambda x, w: (torch.tanh(x @ w), (F.softplus(x @ w) * torch.erf(x @ w)).sum(1)),
        ((3, 4), (4, 5)),
    ),
    "power_and_log": Case(
        "q = 3; y[n] = log(sum(c) x[n,c]^q * w[c]^1.5) + 2^x[n,0] / sqrt(x[n,1])",
        lambda x, w: ((x**3 * w**1.5).sum(1)).log() + 2 ** x[:, 0] / x[:, 1].sqrt(),
        ((4, 3), (3,)),
        positive=True,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_forward_and_all_gradients_equal_pytorch(name: str) -> None:
    compare(CASES[name], name)
