"""Linear recurrences of papers: decays, outer products, delta rules."""

import torch
from torch.nn.functional import logsigmoid, normalize, pad

from tests.cases.papers.paper import Paper, Tensor, scan, zeros


def _wkv4(k: Tensor, v: Tensor, w: Tensor, u: Tensor) -> Tensor:
    decay, found = -w.exp(), []
    a = b = zeros(k, *k[:, 0].shape)
    for t in range(k.shape[1]):
        bonus = (u + k[:, t]).exp()
        found.append((a + bonus * v[:, t]) / (b + bonus))
        a, b = decay.exp() * a + k[:, t].exp() * v[:, t], decay.exp() * b + k[:, t].exp()
    return torch.stack(found, 1)


def _wkv6(r: Tensor, k: Tensor, v: Tensor, w: Tensor, u: Tensor) -> Tensor:
    n, _, h, d = k.shape
    s, found = zeros(k, n, h, d, v.shape[3]), []
    for t in range(k.shape[1]):
        kv = k[:, t, :, :, None] * v[:, t, :, None]
        found.append(torch.einsum("nhd,nhde->nhe", r[:, t], s + u[:, :, None] * kv))
        s = (-w[:, t].exp()).exp()[..., None] * s + kv
    return torch.stack(found, 1)


def _retnet(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    decay = 1 - 2.0 ** (-5 - torch.arange(q.shape[2], dtype=q.dtype))
    s = scan(
        lambda s, k, v: decay[:, None, None] * s + k[..., None] * v[:, :, None],
        zeros(q, q.shape[0], *q.shape[2:], v.shape[3]), k, v,
    )  # fmt: skip
    return torch.einsum("nthd,nthde->nthe", q, s) / q.shape[3] ** 0.5


def _retention_parallel(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    _n, length, h, _ = q.shape
    decay = 1 - 2.0 ** (-5 - torch.arange(h, dtype=q.dtype))
    i = torch.arange(length)
    apart = (i[:, None] - i).clamp(min=0)
    mask = torch.where(i[:, None] >= i, decay[:, None, None] ** apart, 0.0)
    scores = torch.einsum("nihd,njhd->nhij", q, k) * mask
    scores = scores / scores.sum(3).abs().clamp(min=1.0)[..., None]
    return torch.einsum("nhij,njhe->nihe", scores, v)


def _gla(q: Tensor, k: Tensor, v: Tensor, x: Tensor, w: Tensor, u: Tensor) -> Tensor:
    alpha = (x @ w @ u).sigmoid() ** (1 / 16)
    s = scan(
        lambda s, a, k, v: a[..., None] * s + k[..., None] * v[:, None],
        zeros(q, q.shape[0], q.shape[2], v.shape[2]), alpha, k, v,
    )  # fmt: skip
    return torch.einsum("ntd,ntde->nte", q, s)


def _gated_delta(q: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor) -> Tensor:
    k = normalize(k, dim=2)

    def step(s, k, v, a, b):  # type: ignore[no-untyped-def]
        s = a.sigmoid()[:, None, None] * s
        error = v - torch.einsum("nde,nd->ne", s, k)
        return s + 2 * b.sigmoid()[:, None, None] * k[..., None] * error[:, None]

    s = scan(step, zeros(q, q.shape[0], q.shape[2], v.shape[2]), k, v, a, b)
    return torch.einsum("ntd,ntde->nte", q, s)


def _delta_product(q: Tensor, k: Tensor, v: Tensor, b: Tensor) -> Tensor:
    def step(s, k, v, b):  # type: ignore[no-untyped-def]
        for i in range(2):
            error = v[:, i] - torch.einsum("nde,nd->ne", s, k[:, i])
            s = s + b[:, i, None, None] * k[:, i, :, None] * error[:, None]
        return s

    s = scan(step, zeros(q, q.shape[0], q.shape[2], v.shape[3]), k, v, b)
    return torch.einsum("ntd,ntde->nte", q, s)


def _titans(k: Tensor, v: Tensor, q: Tensor, alpha: Tensor, eta: Tensor, theta: Tensor) -> Tensor:
    def step(state, k, v, a, e, t):  # type: ignore[no-untyped-def]
        m, s = state
        gradient = 2 * k[..., None] * (torch.einsum("nd,nde->ne", k, m) - v)[:, None]
        s = e.sigmoid()[:, None, None] * s - t.sigmoid()[:, None, None] * gradient
        return (1 - a.sigmoid())[:, None, None] * m + s, s

    start = zeros(k, k.shape[0], k.shape[2], v.shape[2])
    return torch.einsum("ntd,ntde->nte", q, scan(step, (start, start), k, v, alpha, eta, theta)[0])


def _longhorn(x: Tensor, k: Tensor, q: Tensor, b: Tensor) -> Tensor:
    beta = b.sigmoid()
    delta = beta / (1 + beta * (k * k).sum(2, keepdim=True))

    def step(s, x, k, delta):  # type: ignore[no-untyped-def]
        return (1 - delta[..., None] * k[:, None] ** 2) * s + (delta * x)[..., None] * k[:, None]

    s = scan(step, zeros(x, x.shape[0], x.shape[2], k.shape[2]), x, k, delta)
    return torch.einsum("nts,ntcs->ntc", q, s)


def _causal_normalised(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    fq, fk = (torch.where(z > 0, z + 1, z.clamp(max=0).exp()) for z in (q, k))
    s = (fk[..., None] * v[:, :, None]).cumsum(1)
    return torch.einsum("ntd,ntde->nte", fq, s) / (fq * fk.cumsum(1)).sum(-1, keepdim=True)


def _ema_chunks(q: Tensor, k: Tensor, v: Tensor, a: Tensor) -> Tensor:
    """Gated linear attention in chunks equals the recurrence."""
    s = scan(
        lambda s, a, k, v: a.sigmoid()[:, None, None] * s + k[..., None] * v[:, None],
        zeros(q, q.shape[0], q.shape[2], v.shape[2]), a, k, v,
    )  # fmt: skip
    return torch.einsum("ntd,ntde->nte", q, s)


def _lightning(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    _n, length, d = q.shape
    i = torch.arange(length)
    s = torch.einsum("nid,njd->nij", q, k) * (i[:, None] >= i)
    return torch.einsum("nij,nje->nie", s, v) / d


def _token_shift(x: Tensor, mu: Tensor, w: Tensor, u: Tensor) -> Tensor:
    past = pad(x, (0, 0, 1, 0))[:, :-1]
    mixed = x + (past - x) * mu
    return torch.relu(mixed @ w) ** 2 @ u


def _forgetting(q: Tensor, k: Tensor, v: Tensor, f: Tensor) -> Tensor:
    c = logsigmoid(f).cumsum(1)
    s = torch.einsum("nid,njd->nij", q, k) / q.shape[2] ** 0.5 + c[:, :, None] - c[:, None]
    i = torch.arange(q.shape[1])
    return s.masked_fill(i[:, None] < i, -torch.inf).softmax(2) @ v


def _rwkv7(r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor) -> Tensor:
    decay = (-0.606531 * w.sigmoid()).exp()
    kappa = normalize(b, dim=2)

    def step(s, decay, k, v, a, kappa):  # type: ignore[no-untyped-def]
        removed = torch.einsum("nvk,nk->nv", s, kappa)
        return s * decay[:, None] - removed[..., None] * (a.sigmoid() * kappa)[:, None] + v[..., None] * k[:, None]

    s = scan(step, zeros(r, r.shape[0], v.shape[2], k.shape[2]), decay, k, v, a, kappa)
    return torch.einsum("ntk,ntvk->ntv", r, s)


def _chunked(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    i = torch.arange(q.shape[1])
    mask = (i[:, None] >= i).to(q.dtype)
    return torch.einsum("nid,njd,ij,nje->nie", q, k, mask, v)


LINEAR = {
    "rwkv4": Paper(
        """# WKV of RWKV-4
        input k[N,T,C], v[N,T,C], w[C], u[C]
        a[n,t,c] = exp(-exp(w[c]))*a[n,t-1,c] + exp(k[n,t,c])*v[n,t,c]
        b[n,t,c] = exp(-exp(w[c]))*b[n,t-1,c] + exp(k[n,t,c])
        a[n,-1,c] = 0
        b[n,-1,c] = 0
        y[n,t,c] = (a[n,t-1,c] + exp(u[c] + k[n,t,c])*v[n,t,c]) / (b[n,t-1,c] + exp(u[c] + k[n,t,c]))""",
        _wkv4,
        "k: N T C, v: N T C, w: C, u: C",
        {"N": 2, "T": 5, "C": 3},
    ),
    "rwkv6": Paper(
        """# time mixing of RWKV-6: a decay for each channel and position, a bonus for the present
        input r[N,T,H,D], k[N,T,H,D], v[N,T,H,E], w[N,T,H,D], u[H,D]
        y[n,t,h,e] = sum(d) r[n,t,h,d]*(s[n,t-1,h,d,e] + u[h,d]*k[n,t,h,d]*v[n,t,h,e])
        s[n,t,h,d,e] = exp(-exp(w[n,t,h,d]))*s[n,t-1,h,d,e] + k[n,t,h,d]*v[n,t,h,e]
        s[n,-1,h,d,e] = 0
        output y""",
        _wkv6,
        "r: N T H D, k: N T H D, v: N T H E, w: N T H D, u: H D",
        {"N": 2, "T": 4, "H": 2, "D": 3, "E": 2},
    ),
    "rwkv7": Paper(
        """# the generalised delta rule of RWKV-7
        input r[N,T,K], w[N,T,K], k[N,T,K], v[N,T,V], a[N,T,K], b[N,T,K]
        l[n,t] = sqrt(sum(k_) b[n,t,k_]^2)
        kappa[n,t,k_] = b[n,t,k_]/l[n,t]
        p[n,t,u] = sum(k_) s[n,t-1,u,k_]*kappa[n,t,k_]
        s[n,t,u,k_] = exp(-0.606531*sigmoid(w[n,t,k_]))*s[n,t-1,u,k_] \\
            - p[n,t,u]*sigmoid(a[n,t,k_])*kappa[n,t,k_] + v[n,t,u]*k[n,t,k_]
        s[n,-1,u,k_] = 0
        y[n,t,u] = sum(k_) r[n,t,k_]*s[n,t,u,k_]""",
        _rwkv7,
        "r: N T K, w: N T K, k: N T K, v: N T V, a: N T K, b: N T K",
        {"N": 2, "T": 4, "K": 3, "V": 2},
    ),
    "token_shift": Paper(
        """# channel mixing of RWKV
        input x[N,T,C], mu[C], w[C,F], u[F,K]
        z[n,t,c] = x[n,t,c] + (x[n,t-1,c] - x[n,t,c])*mu[c]
        y[n,t,k] = sum(f) relu(sum(c) z[n,t,c]*w[c,f])^2 * u[f,k]""",
        _token_shift,
        "x: N T C, mu: C, w: C F, u: F K",
        {"N": 2, "T": 4, "C": 3, "F": 4, "K": 2},
    ),
    "retnet_recurrent": Paper(
        """# retention, recurrent, a decay for each head
        input q[N,T,H,D], k[N,T,H,D], v[N,T,H,E]
        gamma[h] = 1 - 2^(-5 - h)
        s[n,t,h,d,e] = gamma[h]*s[n,t-1,h,d,e] + k[n,t,h,d]*v[n,t,h,e]
        s[n,-1,h,d,e] = 0
        y[n,t,h,e] = sum(d) q[n,t,h,d]*s[n,t,h,d,e] / sqrt(D)""",
        _retnet,
        "q: N T H D, k: N T H D, v: N T H E",
        {"N": 2, "T": 5, "H": 3, "D": 2, "E": 3},
    ),
    "retnet_parallel": Paper(
        """# retention, parallel, its scores normalised
        input q[N,L,H,D], k[N,L,H,D], v[N,L,H,E]
        s[n,h,i,j] = [j <= i] (1 - 2^(-5 - h))^(i - j) * sum(d) q[n,i,h,d]*k[n,j,h,d]
        z[n,h,i] = max(abs(sum(j) s[n,h,i,j]), 1)
        y[n,i,h,e] = sum(j) s[n,h,i,j]/z[n,h,i]*v[n,j,h,e]""",
        _retention_parallel,
        "q: N L H D, k: N L H D, v: N L H E",
        {"N": 2, "L": 5, "H": 2, "D": 3, "E": 2},
    ),
    "chunked_attention": Paper(
        """# causal linear attention in chunks of B: within a chunk by scores, between chunks by a state
        input q[N,M,B,D], k[N,M,B,D], v[N,M,B,E]
        s[n,m,d,e] = s[n,m-1,d,e] + sum(b) k[n,m,b,d]*v[n,m,b,e]
        s[n,-1,d,e] = 0
        a[n,m,b,c] = [c <= b] sum(d) q[n,m,b,d]*k[n,m,c,d]
        y[n,m,b,e] = sum(c) a[n,m,b,c]*v[n,m,c,e] + sum(d) q[n,m,b,d]*s[n,m-1,d,e]""",
        lambda q, k, v: _chunked(*(z.flatten(1, 2) for z in (q, k, v))).reshape(v.shape),
        "q: N M B D, k: N M B D, v: N M B E",
        {"N": 2, "M": 3, "B": 2, "D": 3, "E": 2},
    ),
    "gated_linear_attention": Paper(
        """# GLA: forget gates of low rank
        input q[N,T,D], k[N,T,D], v[N,T,E], x[N,T,C], w[C,R], u[R,D]
        tau = 16
        g[n,t,d] = sigmoid(sum(r,c) x[n,t,c]*w[c,r]*u[r,d])^(1/tau)
        s[n,t,d,e] = g[n,t,d]*s[n,t-1,d,e] + k[n,t,d]*v[n,t,e]
        s[n,-1,d,e] = 0
        o[n,t,e] = sum(d) q[n,t,d]*s[n,t,d,e]""",
        _gla,
        "q: N T D, k: N T D, v: N T E, x: N T C, w: C R, u: R D",
        {"N": 2, "T": 4, "D": 3, "E": 2, "C": 3, "R": 2},
    ),
    "gated_delta_net": Paper(
        """# gated DeltaNet with eigenvalues from -1 to 1
        input q[N,T,D], k[N,T,D], v[N,T,E], a[N,T], b[N,T]
        u[n,t,d] = k[n,t,d]/l2_norm(k[n,t,d], d)
        g[n,t,d,e] = sigmoid(a[n,t])*s[n,t-1,d,e]
        r[n,t,e] = v[n,t,e] - sum(d) g[n,t,d,e]*u[n,t,d]
        s[n,t,d,e] = g[n,t,d,e] + 2*sigmoid(b[n,t])*u[n,t,d]*r[n,t,e]
        s[n,-1,d,e] = 0
        y[n,t,e] = sum(d) q[n,t,d]*s[n,t,d,e]""",
        _gated_delta,
        "q: N T D, k: N T D, v: N T E, a: N T, b: N T",
        {"N": 2, "T": 4, "D": 3, "E": 2},
    ),
    "delta_product": Paper(
        """# DeltaProduct: two steps of the delta rule at each position
        input q[N,T,D], k[N,T,M,D], v[N,T,M,E], b[N,T,M]
        p[n,t,d,e] = s[n,t-1,d,e] + b[n,t,0]*k[n,t,0,d]*(v[n,t,0,e] - sum(c) s[n,t-1,c,e]*k[n,t,0,c])
        s[n,t,d,e] = p[n,t,d,e] + b[n,t,1]*k[n,t,1,d]*(v[n,t,1,e] - sum(c) p[n,t,c,e]*k[n,t,1,c])
        s[n,-1,d,e] = 0
        y[n,t,e] = sum(d) q[n,t,d]*s[n,t,d,e]""",
        _delta_product,
        "q: N T D, k: N T 2 D, v: N T 2 E, b: N T 2",
        {"N": 2, "T": 4, "D": 3, "E": 2},
    ),
    "titans": Paper(
        """# the memory of Titans: momentum and forgetting
        input k[N,T,D], v[N,T,E], q[N,T,D], alpha[N,T], eta[N,T], theta[N,T]
        r[n,t,e] = (sum(d) k[n,t,d]*m[n,t-1,d,e]) - v[n,t,e]
        s[n,t,d,e] = sigmoid(eta[n,t])*s[n,t-1,d,e] - sigmoid(theta[n,t])*2*k[n,t,d]*r[n,t,e]
        m[n,t,d,e] = (1 - sigmoid(alpha[n,t]))*m[n,t-1,d,e] + s[n,t,d,e]
        s[n,-1,d,e] = 0; m[n,-1,d,e] = 0
        y[n,t,e] = sum(d) q[n,t,d]*m[n,t,d,e]""",
        _titans,
        "k: N T D, v: N T E, q: N T D, alpha: N T, eta: N T, theta: N T",
        {"N": 2, "T": 4, "D": 3, "E": 2},
    ),
    "longhorn": Paper(
        """# Longhorn: the step of an implicit online learner
        input x[N,T,C], k[N,T,S], q[N,T,S], b[N,T,C]
        beta[n,t,c] = sigmoid(b[n,t,c])
        delta[n,t,c] = beta[n,t,c] / (1 + beta[n,t,c]*sum(s) k[n,t,s]^2)
        h[n,t,c,s] = (1 - delta[n,t,c]*k[n,t,s]^2)*h[n,t-1,c,s] + delta[n,t,c]*x[n,t,c]*k[n,t,s]
        h[n,-1,c,s] = 0
        y[n,t,c] = sum(s) q[n,t,s]*h[n,t,c,s]""",
        _longhorn,
        "x: N T C, k: N T S, q: N T S, b: N T C",
        {"N": 2, "T": 4, "C": 3, "S": 2},
    ),
    "causal_linear_transformer": Paper(
        """# transformers are RNNs: elu + 1, normalised
        define phi(v) = [v > 0]*(v + 1) + [v <= 0]*exp(min(v, 0))
        input q[N,T,D], k[N,T,D], v[N,T,E]
        s[n,t,d,e] = s[n,t-1,d,e] + phi(k[n,t,d])*v[n,t,e]
        z[n,t,d] = z[n,t-1,d] + phi(k[n,t,d])
        s[n,-1,d,e] = 0; z[n,-1,d] = 0
        y[n,t,e] = (sum(d) phi(q[n,t,d])*s[n,t,d,e]) / (sum(d) phi(q[n,t,d])*z[n,t,d])""",
        _causal_normalised,
        "q: N T D, k: N T D, v: N T E",
        {"N": 2, "T": 4, "D": 3, "E": 2},
    ),
    "scalar_gates": Paper(
        """# a scalar gate as differences of cumulative logarithms
        input q[N,T,D], k[N,T,D], v[N,T,E], a[N,T]
        t < T
        l[n,t] = sum(j) [j <= t] log(sigmoid(a[n,j]))
        y[n,t,e] = sum(j,d) [j <= t] q[n,t,d]*k[n,j,d]*exp(l[n,t] - l[n,j])*v[n,j,e]""",
        _ema_chunks,
        "q: N T D, k: N T D, v: N T E, a: N T",
        {"N": 2, "T": 4, "D": 3, "E": 2},
    ),
    "lightning": Paper(
        "y[n,i,e] = sum(j) [i >= j] (sum(d) q[n,i,d]*k[n,j,d]) * v[n,j,e] / D",
        _lightning,
        "q: N T D, k: N T D, v: N T E",
        {"N": 2, "T": 4, "D": 3, "E": 2},
    ),
    "forgetting_transformer": Paper(
        """# forgetting attention: forget gates as a bias of scores
        input q[N,L,D], k[N,L,D], v[N,L,E], f[N,L]
        g[n,i] = g[n,i-1] - softplus(-f[n,i])
        g[n,-1] = 0
        s[n,i,j] = sum(d) q[n,i,d]*k[n,j,d]/sqrt(D) + g[n,i] - g[n,j]
        p[n,i,j] = masked_softmax(s[n,i,j], [j <= i], j)
        y[n,i,e] = sum(j) p[n,i,j]*v[n,j,e]""",
        _forgetting,
        "q: N L D, k: N L D, v: N L E, f: N L",
        {"N": 2, "L": 4, "D": 3, "E": 2},
    ),
}
