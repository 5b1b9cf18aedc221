"""The library of definitions, own definitions and conditions with or, not, beside PyTorch autograd."""

import pytest

from tests.oracles.text_case import Case, compare

torch = pytest.importorskip("torch")
F = torch.nn.functional

pytestmark = pytest.mark.oracle

CASES = {
    "softmax": Case("y[n,k] = softmax(x[n,k], k)", lambda x: F.softmax(x, 1), ((3, 5),)),
    "softmax_of_two": Case(
        "y[n,i,j] = softmax(x[n,i,j], i, j)", lambda x: F.softmax(x.flatten(1), 1).reshape(x.shape), ((2, 3, 4),)
    ),
    "log_softmax": Case("y[...,k] = log_softmax(x[...,k], k)", lambda x: F.log_softmax(x, -1), ((2, 3, 5),)),
    "log_sum_exp": Case("y[n] = log_sum_exp(x[n,k], k)", lambda x: torch.logsumexp(x, 1), ((3, 5),)),
    "mean": Case("y[n] = mean(x[n,i,j], i, j)", lambda x: x.mean((1, 2)), ((2, 3, 4),)),
    "var": Case("y[n] = var(x[n,c], c)", lambda x: x.var(1, unbiased=False), ((3, 5),)),
    "norm": Case(
        "y[...,c] = g[c] * norm(x[...,c], c) + b[c]; input x[...,C], g[C], b[C]",
        lambda x, g, b: F.layer_norm(x, x.shape[-1:], g, b),
        ((2, 4, 5), (5,), (5,)),
    ),
    "norm_of_batch": Case(
        "y[...,c] = norm(x[...,c], ...)",
        lambda x: F.batch_norm(x.flatten(0, 1), None, None, training=True).reshape(x.shape),
        ((3, 4, 5),),
    ),
    "rms_norm": Case(
        "y[n,c] = rms_norm(x[n,c], c)", lambda x: x / ((x * x).mean(-1, keepdim=True) + 1e-5).sqrt(), ((3, 5),)
    ),
    "cosine": Case(
        "y[i,j] = sum(c) x[i,c] * x[j,c] / (l2_norm(x[i,c], c) * l2_norm(x[j,c], c))",
        lambda x: F.cosine_similarity(x[:, None], x[None], dim=2),
        ((4, 5),),
    ),
    "one_hot": Case(
        "integer t; k < 6; y[n,k] = one_hot(t[n], k) * x[n]",
        lambda x, t: F.one_hot(t, 6) * x[:, None],
        ((7,), ((7,), 6)),
    ),
    "silu": Case("y[...] = silu(x[...])", F.silu, ((3, 4),)),
    "gelu": Case("y[...] = gelu(x[...])", F.gelu, ((3, 4),)),
    "attention": Case(
        """p[n,i,j] = softmax(sum(d) q[n,i,d] * k[n,j,d] / sqrt(D), j)
        y[n,i,e] = sum(j) p[n,i,j] * v[n,j,e]""",
        F.scaled_dot_product_attention,
        ((2, 3, 4), (2, 5, 4), (2, 5, 6)),
    ),
    "causal_attention": Case(
        """y[n,i,e] = sum(j) masked_softmax(sum(d) q[n,i,d] * k[n,j,d] / sqrt(D), [j <= i], j) * v[n,j,e]
        input q[N,I,D], k[N,I,D], v[N,I,E1]""",
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        ((2, 4, 3), (2, 4, 3), (2, 4, 5)),
    ),
    "label_smoothing": Case(
        """integer t; e = 0.1
        y = -mean(sum(k) ((1 - e) * one_hot(t[n], k) + e / K) * log_softmax(x[n,k], k), n)""",
        lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1),
        ((4, 5), ((4,), 5)),
    ),
    "own_softmax": Case(
        "define softmax(s, j) = exp(s - max(j) s) / sum(j) exp(s - max(j) s); y[n,k] = softmax(x[n,k], k)",
        lambda x: F.softmax(x, 1),
        ((3, 5),),
    ),
    "softmax_of_norm": Case(
        "y[n,c] = softmax(2 * norm(x[n,c] * w[c], c), c)",
        lambda x, w: F.softmax(2 * F.layer_norm(x * w, (x.shape[1],)), 1),
        ((3, 5), (5,)),
    ),
    "mean_of_norm_of_sum": Case(
        "y[n] = mean(norm(sum(c) x[n,c] * w[c,k], k)^3, k)",
        lambda x, w: (F.layer_norm(x @ w, (w.shape[1],)) ** 3).mean(1),
        ((3, 5), (5, 4)),
    ),
    "with_names_of_its_own": Case(
        """define gated(s, g, j) = a * b where a = s - mean(s, j), b = sigmoid(g + a)
        y[n,k] = gated(x[n,k], z[n,k], k) + gated(z[n,k], x[n,k], n)""",
        lambda x, z: (
            (x - x.mean(1, True)) * torch.sigmoid(z + x - x.mean(1, True))
            + (z - z.mean(0)) * torch.sigmoid(x + z - z.mean(0))
        ),
        ((3, 4), (3, 4)),
    ),
    "an_index_of_its_own": Case(
        "define below(j) = sum(q) [q < j] u[q]; y[n,k] = x[n,k] * below(k) + x[n,k] * below(n); input x[N,N], u[N]",
        lambda x, u: x * (u.cumsum(0) - u) + x * (u.cumsum(0) - u)[:, None],
        ((4, 4), (4,)),
    ),
    "either": Case(
        "y[n,k] = [x[n,k] > 0.5 or x[n,k] < -0.5] * x[n,k] + [not (x[n,k] > 0 and z[n] > 0)] * z[n]^2",
        lambda x, z: (
            torch.where((x > 0.5) | (x < -0.5), x, 0.0)
            + torch.where(~((x > 0) & (z[:, None] > 0)), z[:, None] ** 2, 0.0)
        ),
        ((5, 6), (5,)),
    ),
    "either_excludes": Case(
        "y[n] = max(k) [k == 0 or a[n,k] > 0 and not k == 2] x[n,k]",
        lambda x, a: torch.where(
            ((torch.arange(6) == 0) | ((a > 0) & (torch.arange(6) != 2))), x, -torch.inf
        ).max(1).values + 0 * a.sum(),
        ((5, 6), (5, 6)),
    ),
    "band_or_first": Case(
        "y[n,i] = sum(j) [j == 0 or i - 1 <= j <= i + 1] x[n,j] * w[i,j]; i < J",
        lambda x, w: x @ torch.where(
            (torch.arange(6)[None] == 0) | ((torch.arange(6)[None] - torch.arange(6)[:, None]).abs() <= 1), w, 0.0
        ).T,
        ((3, 6), (6, 6)),
    ),
    "not_labels": Case(
        "integer t; y[n] = sum(k) [not (k == t[n] or k > 3)] x[n,k]",
        lambda x, t: torch.where((torch.arange(6) != t[:, None]) & (torch.arange(6) <= 3), x, 0.0).sum(1),
        ((5, 6), ((5,), 6)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_forward_and_all_gradients_equal_pytorch(name: str) -> None:
    compare(CASES[name], name)
