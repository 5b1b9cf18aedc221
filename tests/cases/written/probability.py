"""Losses, densities and kernels of probability: what is trained by likelihoods, contrasts and samples."""

import math
from typing import Any

import pytest

from tests.cases.written.written import Written

torch = pytest.importorskip("torch")
F = torch.nn.functional


def _coupled(x: Any, w: Any, v: Any, b: Any, c: Any) -> Any:
    s, t = (x[:, ::2] @ w + b).tanh(), x[:, ::2] @ v + c
    y = torch.stack([x[:, ::2], x[:, 1::2] * s.exp() + t], -1).flatten(1)
    return y, s.sum(1)


def _mixture(a: Any, m: Any, s: Any, z: Any) -> Any:
    normal = -0.5 * (((z[:, None] - m) / s.exp()[..., None]) ** 2).sum(-1) - z.shape[1] * (
        s + 0.5 * math.log(2 * math.pi)
    )
    return -(a.log_softmax(1) + normal).logsumexp(1).mean()


def _sinkhorn(c: Any) -> Any:
    u, v = torch.zeros(4).double(), torch.zeros(5).double()
    for _ in range(3):
        u = -(v - c).logsumexp(1)
        v = -(u[:, None] - c).logsumexp(0)
    return ((u[:, None] + v - c).exp() * c).sum()


def _ranked(s: Any, order: Any) -> Any:
    v = s.gather(1, order)
    return (torch.stack([v[:, i:].logsumexp(1) for i in range(4)], 1) - v).sum(1)


def _crps(m: Any, s: Any, y: Any) -> Any:
    z = (y - m) / s
    normal = torch.distributions.Normal(torch.zeros(()).double(), torch.ones(()).double())
    return (s * (z * (2 * normal.cdf(z) - 1) + 2 * normal.log_prob(z).exp() - 1 / torch.pi**0.5)).mean()


def _covariance(z: Any) -> Any:
    d = z - z.mean(0)
    c = d.T @ d / (len(z) - 1)
    return (1 - (d.square().sum(0) / (len(z) - 1) + 1e-4).sqrt()).relu().mean() + (
        c * (1 - torch.eye(3))
    ).square().sum() / 3


LOSSES = {
    "variational_autoencoder": Written(
        """beta = 0.5
        z[n,d] = m[n,d] + exp(v[n,d]/2)*eps[n,d]
        u[n,c] = b[c] + sum(d) z[n,d]*w[d,c]
        r = sum(n,c) (softplus(u[n,c]) - x[n,c]*u[n,c])/N
        k = -sum(n,d) (1 + v[n,d] - m[n,d]^2 - exp(v[n,d]))/(2*N)
        e = r + beta*k; output e, r, k""",
        lambda m, v, eps, b, w, x: (
            (r := F.binary_cross_entropy_with_logits((m + (v / 2).exp() * eps) @ w + b, x, reduction="sum") / len(x))
            + 0.5 * (k := -0.5 * (1 + v - m**2 - v.exp()).sum() / len(x)),
            r,
            k,
        ),
        "m 4,2; v 4,2; eps 4,2; b 3; w 2,3; x 4,3 %",
    ),
    "importance_weighted_bound": Written(
        "a[n,k] = p[n,k] - q[n,k]; y = -sum(n) (log_sum_exp(a[n,k], k) - log(K))/N",
        lambda p, q: -((p - q).logsumexp(1) - math.log(5)).mean(),
        "p 3,5; q 3,5",
    ),
    "affine_coupling": Written(
        """s[n,k] = tanh(b[k] + sum(c) x[n,2*c]*w[c,k]); t[n,k] = c_[k] + sum(c) x[n,2*c]*v[c,k]
        y[n,2*k+p] = [p == 0]*x[n,2*k] + [p == 1]*(x[n,2*k+1]*exp(s[n,k]) + t[n,k]); p < 2
        l[n] = sum(k) s[n,k]; output y, l
        input x[N,D], w[C,C], v[C,C], b[C], c_[C]""",
        _coupled,
        "x 3,6; w 3,3; v 3,3; b 3; c_ 3",
    ),
    "planar_flow": Written(
        """a[n] = b + sum(d) w[d]*z[n,d]
        y[n,d] = z[n,d] + u[d]*tanh(a[n])
        l[n] = log(abs(1 + (1 - tanh(a[n])^2)*sum(d) w[d]*u[d])); output y, l; input b, w[D], z[N,D], u[D]""",
        lambda b, w, z, u: (
            z + u * (a := b + z @ w).tanh()[:, None],
            (1 + (1 - a.tanh() ** 2) * (w @ u)).abs().log(),
        ),
        "b 0; w 3; z 4,3; u 3",
    ),
    "radial_flow": Written(
        """r[n] = sqrt(sum(d) (z[n,d] - c[d])^2 + 1e-12)
        h[n] = 1/(softplus(a) + r[n]); B = 1
        y[n,d] = z[n,d] + (exp(b) - softplus(a))*h[n]*(z[n,d] - c[d]); input z[N,D], c[D], a, b""".replace(
            "; B = 1", ""
        ),
        lambda z, c, a, b: (
            z
            + (b.exp() - F.softplus(a))
            / (F.softplus(a) + ((z - c).square().sum(1, keepdim=True) + 1e-12).sqrt())
            * (z - c)
        ),
        "z 4,3; c 3; a 0; b 0",
    ),
    "mixture_density": Written(
        """q[n,k] = sum(d) ((z[n,d] - m[n,k,d])/exp(s[n,k]))^2
        g[n,k] = log_softmax(a[n,k], k) - q[n,k]/2 - D*(s[n,k] + log(2*pi)/2)
        e = -sum(n) log_sum_exp(g[n,k], k)/N; input a[N,K], m[N,K,D], s[N,K], z[N,D]""",
        _mixture,
        "a 4,3; m 4,3,2; s 4,3; z 4,2",
    ),
    "automatic_relevance": Written(
        "y[i,j] = v^2*exp(-sum(d) (x[i,d] - z[j,d])^2/(2*l[d]^2)); input v, x[I,D], z[J,D], l[D]",
        lambda v, x, z, ell: v**2 * (-((x[:, None] - z) / ell).square().sum(-1) / 2).exp(),
        "v 0 +; x 3,2; z 4,2; l 2 +",
    ),
    "matern": Written(
        """r[i,j] = sqrt(5*(sum(d) (x[i,d] - z[j,d])^2) + 1e-12)/l
        y[i,j] = (1 + r[i,j] + r[i,j]^2/3)*exp(-r[i,j]); input l, x[I,D], z[J,D]""",
        lambda ell, x, z: (
            (1 + (r := (5 * (x[:, None] - z).square().sum(-1) + 1e-12).sqrt() / ell) + r**2 / 3) * (-r).exp()
        ),
        "l 0 +; x 3,2; z 4,2",
    ),
    "periodic_kernel": Written(
        "y[i,j] = exp(-2*sum(d) sin(pi*abs(x[i,d] - z[j,d])/p)^2/l^2); input p, l, x[I,D], z[J,D]",
        lambda p, ell, x, z: (-2 * (torch.pi * (x[:, None] - z).abs() / p).sin().square().sum(-1) / ell**2).exp(),
        "p 0 +; l 0 +; x 3,2; z 4,2",
    ),
    "gumbel_softmax_straight_through": Written(
        """tau = 0.7
        p[n,k] = softmax((x[n,k] + g[n,k])/tau, k)
        t[n] = argmax(k) p[n,k]
        h[n,k] = [k == t[n]]
        y[n,k] = p[n,k] + constant(h[n,k] - p[n,k])""",
        lambda x, g: (p := ((x + g) / 0.7).softmax(1)) + (F.one_hot(p.argmax(1), p.shape[1]) - p).detach(),
        "x 3,4; g 3,4",
    ),
    "von_mises": Written(
        """M = 8; m < M
        b[n] = log(sum(m) exp(k[n]*cos(2*pi*m/M))/M)
        e = sum(n) (b[n] + log(2*pi) - k[n]*cos(x[n] - mu[n]))/N""",
        lambda k, x, mu: (
            (k[:, None] * (2 * torch.pi * torch.arange(8).double() / 8).cos()).logsumexp(1)
            - math.log(8)
            + math.log(2 * math.pi)
            - k * (x - mu).cos()
        ).mean(),
        "k 4 +; x 4; mu 4",
    ),
    "normalised_temperature": Written(
        """tau = 0.5
        u[n,d] = x[n,d]/l2_norm(x[n,d], d); v[n,d] = z[n,d]/l2_norm(z[n,d], d)
        s[n,m] = sum(d) u[n,d]*v[m,d]/tau
        e = -sum(n) log_softmax(s[n,m], m)*[n == m]/N""".replace(
            "e = -sum(n) log_softmax(s[n,m], m)*[n == m]/N",
            "l[n,m] = log_softmax(s[n,m], m); r[n,m] = log_softmax(s[n,m], n); e = -sum(n) (l[n,n] + r[n,n])/(2*N)",
        ),
        lambda x, z: (
            -(
                (s := F.normalize(x) @ F.normalize(z).T / 0.5).log_softmax(1).diagonal() + s.log_softmax(0).diagonal()
            ).mean()
            / 2
        ),
        "x 4,3; z 4,3",
    ),
    "redundancy_reduction": Written(
        """c[a,b] = sum(n) norm(x[n,a], n)*norm(z[n,b], n)/N
        e = sum(a) (c[a,a] - 1)^2 + 0.005*sum(a,b) [a != b] c[a,b]^2; input x[N,A], z[N,A]; b < A""",
        lambda x, z: (
            (
                (
                    c := F.batch_norm(x, None, None, training=True).T @ F.batch_norm(z, None, None, training=True) / 5
                ).diagonal()
                - 1
            )
            .square()
            .sum()
            + 0.005 * (c * (1 - torch.eye(3))).square().sum()
        ),
        "x 5,3; z 5,3",
    ),
    "variance_and_covariance": Written(
        """d[n,a] = z[n,a] - mean(z[n,a], n)
        c[a,b] = sum(n) d[n,a]*d[n,b]/(N - 1)
        e = sum(a) max(0, 1 - sqrt(c[a,a] + 1e-4))/A + sum(a,b) [a != b] c[a,b]^2/A""",
        _covariance,
        "z 5,3",
    ),
    "hardest_triplet": Written(
        """integer t; margin = 0.3
        d[i,j] = sqrt(sum(c) (x[i,c] - x[j,c])^2 + 1e-9)
        p[i] = max(j) [t[j] == t[i]] d[i,j]; q[i] = min(j) [t[j] != t[i]] d[i,j]
        e = sum(i) relu(margin + p[i] - q[i])/I""",
        lambda t, x: (
            (
                0.3
                + torch.where(
                    same := t[:, None] == t, d := ((x[:, None] - x).square().sum(-1) + 1e-9).sqrt(), -torch.inf
                ).amax(1)
                - torch.where(same, torch.inf, d).amin(1)
            )
            .relu()
            .mean()
        ),
        "t 6 <2; x 6,3",
    ),
    "angular_margin": Written(
        """integer t; s = 8.0; m = 0.2
        c[n,k] = sum(d) x[n,d]/l2_norm(x[n,d], d)*w[d,k]/l2_norm(w[d,k], d)
        g[n,k] = [k == t[n]]*s*cos(acos(c[n,k]) + m) + [k != t[n]]*s*c[n,k]
        e = -sum(n,k) [k == t[n]] log_softmax(g[n,k], k)/N""".replace(
            "c[n,k] = sum(d) x[n,d]/l2_norm(x[n,d], d)*w[d,k]/l2_norm(w[d,k], d)",
            "a[n] = l2_norm(x[n,d], d); b[k] = l2_norm(w[d,k], d); c[n,k] = sum(d) x[n,d]*w[d,k]/(a[n]*b[k])",
        ),
        lambda t, x, w: F.cross_entropy(
            8
            * torch.where(F.one_hot(t, 4) == 1, ((c := F.normalize(x) @ F.normalize(w, dim=0)).acos() + 0.2).cos(), c),
            t,
        ),
        "t 5 <4; x 5,3; w 3,4",
    ),
    "sinkhorn_distance": Written(
        """input c[I,J]; t < 3
        u[t,i] = -log_sum_exp(v[t-1,j] - c[i,j], j)
        v[t,j] = -log_sum_exp(u[t,i] - c[i,j], i)
        v[-1,j] = 0
        e = sum(i,j) exp(u[2,i] + v[2,j] - c[i,j])*c[i,j]""",
        _sinkhorn,
        "c 4,5 +",
    ),
    "mean_discrepancy": Written(
        """e = sum(i,j) exp(-sum(d) (x[i,d] - x[j,d])^2)/N^2 + sum(k,l) exp(-sum(d) (z[k,d] - z[l,d])^2)/M^2 \\
            - 2*(sum(i,k) exp(-sum(d) (x[i,d] - z[k,d])^2))/(N*M); input x[N,D], z[M,D]""",
        lambda x, z: (
            (-(x[:, None] - x).square().sum(-1)).exp().mean()
            + (-(z[:, None] - z).square().sum(-1)).exp().mean()
            - 2 * (-(x[:, None] - z).square().sum(-1)).exp().mean()
        ),
        "x 4,2; z 5,2",
    ),
    "plackett_luce": Written(
        """integer order; input s[N,K], order[N,K]
        v[n,i] = s[n, order[n,i]]
        m[n] = max(j) v[n,j]
        y[n] = sum(i) (m[n] + log(sum(j) [j >= i] exp(v[n,j] - m[n])) - v[n,i])""",
        _ranked,
        "s 3,4; order 3,4 <4",
    ),
    "partial_likelihood": Written(
        """integer d; input r[N], t[N], d[N]
        z[i] = sum(j) [t[j] >= t[i]] exp(r[j])
        e = -sum(i) d[i]*(r[i] - log(z[i]))/N""",
        lambda r, t, d: -(d * (r - (r.exp() * (t >= t[:, None])).sum(1).log())).mean(),
        "r 5; t 5; d 5 <2",
    ),
    "continuous_ranked_score": Written(
        """z[n] = (y[n] - m[n])/s[n]
        e = sum(n) s[n]*(z[n]*erf(z[n]/sqrt(2)) + 2*exp(-z[n]^2/2)/sqrt(2*pi) - 1/sqrt(pi))/N
        input m[N], s[N], y[N]""",
        _crps,
        "m 5; s 5 +; y 5",
    ),
    "pinball": Written(
        "e = sum(n,q) max(a[q]*(y[n] - p[n,q]), (a[q] - 1)*(y[n] - p[n,q]))/(N*Q)",
        lambda a, y, p: torch.maximum(a * (d := y[:, None] - p), (a - 1) * d).mean(),
        "a 3 %; y 5; p 5,3",
    ),
    "tversky": Written(
        """a = 0.3; b = 0.7
        p[n,i,k] = softmax(x[n,i,k], k)
        u[k] = sum(n,i) p[n,i,k]*g[n,i,k]
        y[k] = 1 - (u[k] + 1)/(u[k] + a*(sum(n,i) p[n,i,k]*(1 - g[n,i,k])) + b*(sum(n,i) (1 \\
            - p[n,i,k])*g[n,i,k]) + 1)""",
        lambda x, g: (
            1
            - ((u := ((p := x.softmax(-1)) * g).sum((0, 1))) + 1)
            / (u + 0.3 * (p * (1 - g)).sum((0, 1)) + 0.7 * ((1 - p) * g).sum((0, 1)) + 1)
        ),
        "x 2,4,3; g 2,4,3 %",
    ),
    "wing": Written(
        """w = 2.0; e = 0.5
        d[n] = abs(x[n] - y[n]); c = w - w*log(1 + w/e)
        l[n] = [d[n] < w]*w*log(1 + d[n]/e) + [d[n] >= w]*(d[n] - c)
        s = sum(n) l[n]/N; input x[N], y[N]""",
        lambda x, y: torch.where(
            (d := (x - y).abs()) < 2,
            2 * (1 + d / 0.5).log(),
            d - (2 - 2 * math.log(5)),
        ).mean(),
        "x 6; y 6",
    ),
    "score_matching": Written(
        """h[n,k] = tanh(b[k] + sum(d) x[n,d]*w[d,k])
        s[n,d] = sum(k) h[n,k]*v[k,d]
        t[n] = sum(d,k) (1 - h[n,k]^2)*w[d,k]*v[k,d]
        e = sum(n) (t[n] + sum(d) s[n,d]^2/2)/N""",
        lambda b, x, w, v: (
            torch.einsum("nk,dk,kd->n", 1 - (h := (x @ w + b).tanh()) ** 2, w, v) + (h @ v).square().sum(1) / 2
        ).mean(),
        "b 4; x 3,2; w 2,4; v 4,2",
    ),
    "soft_nearest_neighbour": Written(
        """integer t; tau = 1.0
        a[i,j] = [j != i] exp(-sum(c) (x[i,c] - x[j,c])^2/tau)
        e = -sum(i) log((1e-9 + sum(j) [t[i] == t[j]] a[i,j])/(1e-9 + sum(j) a[i,j]))/I""",
        lambda t, x: (
            -(
                (
                    1e-9
                    + ((a := (-(x[:, None] - x).square().sum(-1)).exp() * (1 - torch.eye(6))) * (t[:, None] == t)).sum(
                        1
                    )
                )
                / (1e-9 + a.sum(1))
            )
            .log()
            .mean()
        ),
        "t 6 <2; x 6,3",
    ),
}
