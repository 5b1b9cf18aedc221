"""Linear recurrences of papers: decays, outer products, state spaces, delta rules."""

import torch
from torch.nn.functional import conv1d, logsigmoid, normalize, pad, softplus

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


def _hgrn(x: Tensor, wf: Tensor, wc: Tensor, wg: Tensor, low: Tensor) -> Tensor:
    bound = low.softmax(0).cumsum(0)[1]
    f = bound + (1 - bound) * (x @ wf).sigmoid()
    c = x @ wc
    h = scan(lambda h, f, c: f * h + (1 - f) * c * c.sigmoid(), zeros(x, *f[:, 0].shape), f, c)
    return (x @ wg).sigmoid() * h


def _hgrn2(f: Tensor, v: Tensor, q: Tensor) -> Tensor:
    g = f.sigmoid()
    s = scan(
        lambda s, g, v: g[..., None] * s + (1 - g)[..., None] * v[:, None],
        zeros(f, f.shape[0], f.shape[2], v.shape[2]), g, v,
    )  # fmt: skip
    return torch.einsum("ntd,ntde->nte", q, s)


def _s4d(x: Tensor, re: Tensor, im: Tensor, step: Tensor, c: Tensor, d: Tensor) -> Tensor:
    a = torch.complex(-re.exp(), im)
    length = x.shape[1]
    scaled = a * step.exp()[:, None]
    powers = (scaled[..., None] * torch.arange(length)).exp()
    kernel = 2 * torch.einsum("cs,csl->cl", torch.view_as_complex(c) * (scaled.exp() - 1) / a, powers).real
    padded = pad(x.transpose(1, 2), (length - 1, 0))
    return conv1d(padded, kernel.flip(1)[:, None], groups=x.shape[2]).transpose(1, 2) + d * x


def _lru(x: Tensor, nu: Tensor, theta: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    size = (-nu.exp()).exp()
    lam = torch.polar(size, theta.exp())
    u = (1 - size**2).sqrt() * torch.einsum("ntc,cs->nts", x.to(torch.complex128), torch.view_as_complex(b))
    h = scan(lambda h, u: lam * h + u, torch.zeros(u[:, 0].shape, dtype=torch.complex128), u)
    return torch.einsum("nts,sk->ntk", h, torch.view_as_complex(c)).real + x @ d


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


def _griffin(x: Tensor, wr: Tensor, wi: Tensor, lam: Tensor) -> Tensor:
    r, i = (x @ wr).sigmoid(), (x @ wi).sigmoid()
    log_a = -8.0 * softplus(lam) * r
    return scan(lambda h, la, u: la.exp() * h + (1 - (2 * la).exp()).sqrt() * u, zeros(x, *x[:, 0].shape), log_a, i * x)


def _hawk_conv(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return conv1d(pad(x.transpose(1, 2), (3, 0)), w.T[:, None], b, groups=x.shape[2]).transpose(1, 2)


def _mamba2(x: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, bias: Tensor, d: Tensor) -> Tensor:
    dt = softplus(dt + bias)
    state = zeros(x, x.shape[0], x.shape[2], x.shape[3], b.shape[2])
    s = scan(
        lambda s, x, dt, b: (-a.exp() * dt).exp()[..., None, None] * s
        + dt[..., None, None] * x[..., None] * b[:, None, None],
        state, x, dt, b,
    )  # fmt: skip
    return torch.einsum("nts,nthps->nthp", c, s) + d[:, None] * x


def _mega(x: Tensor, alpha: Tensor, delta: Tensor, beta: Tensor, eta: Tensor) -> Tensor:
    a, d = alpha.sigmoid(), delta.sigmoid()
    h = scan(lambda h, x: a * beta * x[..., None] + (1 - a * d) * h, zeros(x, x.shape[0], *alpha.shape), x)
    return (h * eta).sum(-1)


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


def _hyena(x: Tensor, v: Tensor, u: Tensor, h: Tensor, d: Tensor, alpha: Tensor) -> Tensor:
    length = x.shape[1]
    window = (-torch.arange(length, dtype=x.dtype)[:, None] * softplus(alpha)).exp()
    z = u * v
    kernel = (h * window).flip(0).T[:, None]
    y = conv1d(pad(z.transpose(1, 2), (length - 1, 0)), kernel, groups=x.shape[2]).transpose(1, 2)
    return x * (y + d * z)


def _wavenet(x: Tensor, wf: Tensor, wg: Tensor, wr: Tensor, ws: Tensor) -> tuple[Tensor, Tensor]:
    past = pad(x, (0, 0, 4, 0))[:, :-4]
    f, g = (past @ w[0] + x @ w[1] for w in (wf, wg))
    z = f.tanh() * g.sigmoid()
    return x + z @ wr, z @ ws


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


def _forward_backward_mamba(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    one = scan(lambda h, x: a.sigmoid() * h + x, zeros(x, *x[:, 0].shape), x)
    two = scan(lambda h, x: b.sigmoid() * h + x, zeros(x, *x[:, 0].shape), x.flip(1)).flip(1)
    return one + two - x


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
    "hgrn": Paper(
        """# HGRN: forget gates above a bound that grows with the layer l
        l = 1
        input x[N,T,C], wf[C,K], wc[C,K], wg[C,K], low[A,K]
        b[k] = sum(a) [a <= l] softmax(low[a,k], a)
        f[n,t,k] = b[k] + (1 - b[k])*sigmoid(sum(c) x[n,t,c]*wf[c,k])
        i[n,t,k] = silu(sum(c) x[n,t,c]*wc[c,k])
        h[n,t,k] = f[n,t,k]*h[n,t-1,k] + (1 - f[n,t,k])*i[n,t,k]
        h[n,-1,k] = 0
        y[n,t,k] = sigmoid(sum(c) x[n,t,c]*wg[c,k])*h[n,t,k]""",
        _hgrn,
        "x: N T C, wf: C K, wc: C K, wg: C K, low: 3 K",
        {"N": 2, "T": 4, "C": 3, "K": 2},
    ),
    "hgrn2": Paper(
        """# HGRN2: states by outer products, gates tied to keys
        g[n,t,d] = sigmoid(f[n,t,d])
        s[n,t,d,e] = g[n,t,d]*s[n,t-1,d,e] + (1 - g[n,t,d])*v[n,t,e]
        s[n,-1,d,e] = 0
        y[n,t,e] = sum(d) q[n,t,d]*s[n,t,d,e]
        input f, v, q""",
        _hgrn2,
        "f: N T D, v: N T E, q: N T D",
        {"N": 2, "T": 4, "D": 3, "E": 2},
    ),
    "s4d": Paper(
        """# S4D as a convolution, diagonal complex states
        complex c
        input x[N,T,H], re_a[H,S], im_a[H,S], step[H], c[H,S], d[H]
        a[h,s] = complex(-exp(re_a[h,s]), im_a[h,s])
        z[h,s] = exp(step[h])*a[h,s]
        k[l,h] = 2*re(sum(s) c[h,s]*(exp(z[h,s]) - 1)/a[h,s]*exp(z[h,s]*l))
        l < T
        y[n,t,h] = d[h]*x[n,t,h] + sum(j) [j <= t] k[t - j,h]*x[n,j,h]""",
        _s4d,
        "x: N T H, re_a: H S, im_a: H S, step: H, c: H S 2, d: H",
        {"N": 2, "T": 5, "H": 2, "S": 3},
    ),
    "lru": Paper(
        """# linear recurrent unit, complex states
        complex b, c
        input x[N,T,C], nu[S], theta[S], b[C,S], c[S,K], d[C,K]
        r[s] = exp(-exp(nu[s]))
        l[s] = r[s]*exp(complex(0, exp(theta[s])))
        u[n,t,s] = sqrt(1 - r[s]^2) * sum(c_) x[n,t,c_]*b[c_,s]
        h[n,t,s] = l[s]*h[n,t-1,s] + u[n,t,s]
        h[n,-1,s] = 0
        y[n,t,k] = re(sum(s) h[n,t,s]*c[s,k]) + sum(c_) x[n,t,c_]*d[c_,k]""",
        _lru,
        "x: N T C, nu: S, theta: S, b: C S 2, c: S K 2, d: C K",
        {"N": 2, "T": 4, "C": 3, "S": 2, "K": 2},
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
    "griffin": Paper(
        """# RG-LRU of Griffin
        c = 8
        input x[N,T,K], wr[K,K], wi[K,K], lam[K]
        r[n,t,k] = sigmoid(sum(j) x[n,t,j]*wr[j,k])
        i[n,t,k] = sigmoid(sum(j) x[n,t,j]*wi[j,k])
        l[n,t,k] = -c*softplus(lam[k])*r[n,t,k]
        h[n,t,k] = exp(l[n,t,k])*h[n,t-1,k] + sqrt(1 - exp(2*l[n,t,k]))*i[n,t,k]*x[n,t,k]
        h[n,-1,k] = 0""",
        _griffin,
        "x: N T K, wr: K K, wi: K K, lam: K",
        {"N": 2, "T": 4, "K": 3},
    ),
    "short_convolution": Paper(
        """# the causal convolution before a recurrence
        input x[N,T,C], w[R,C], b[C]
        t < T
        y[n,t,c] = b[c] + sum(r) x[n, t + r - R + 1, c]*w[r,c]""",
        _hawk_conv,
        "x: N T C, w: 4 C, b: C",
        {"N": 2, "T": 5, "C": 3},
    ),
    "mamba2": Paper(
        """# SSD of Mamba-2: one decay for each head
        input x[N,T,H,P], dt[N,T,H], a[H], b[N,T,S], c[N,T,S], dt_bias[H], d[H]
        g[n,t,h] = softplus(dt[n,t,h] + dt_bias[h])
        s[n,t,h,p,s_] = exp(-exp(a[h])*g[n,t,h])*s[n,t-1,h,p,s_] + g[n,t,h]*x[n,t,h,p]*b[n,t,s_]
        s[n,-1,h,p,s_] = 0
        y[n,t,h,p] = d[h]*x[n,t,h,p] + sum(s_) c[n,t,s_]*s[n,t,h,p,s_]""",
        _mamba2,
        "x: N T H P, dt: N T H, a: H, b: N T S, c: N T S, dt_bias: H, d: H",
        {"N": 2, "T": 4, "H": 2, "P": 3, "S": 2},
    ),
    "mega_ema": Paper(
        """# damped moving averages of Mega
        input x[N,T,C], alpha[C,S], delta[C,S], beta[C,S], eta[C,S]
        a[c,s] = sigmoid(alpha[c,s])
        h[n,t,c,s] = a[c,s]*beta[c,s]*x[n,t,c] + (1 - a[c,s]*sigmoid(delta[c,s]))*h[n,t-1,c,s]
        h[n,-1,c,s] = 0
        y[n,t,c] = sum(s) eta[c,s]*h[n,t,c,s]""",
        _mega,
        "x: N T C, alpha: C S, delta: C S, beta: C S, eta: C S",
        {"N": 2, "T": 4, "C": 3, "S": 2},
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
    "hyena": Paper(
        """# an operator of Hyena: gates around a long convolution whose filter decays
        input x[N,T,C], v[N,T,C], u[N,T,C], h[T,C], d[C], alpha[C]
        z[n,t,c] = u[n,t,c]*v[n,t,c]
        f[t,c] = h[t,c]*exp(-t*softplus(alpha[c]))
        y[n,t,c] = x[n,t,c]*(d[c]*z[n,t,c] + sum(s) [s <= t] f[t-s,c]*z[n,s,c])""",
        _hyena,
        "x: N T C, v: N T C, u: N T C, h: T C, d: C, alpha: C",
        {"N": 2, "T": 4, "C": 3},
    ),
    "wavenet": Paper(
        """# a gated block of WaveNet, dilation 4
        d = 4
        input x[N,T,C], wf[R,C,K], wg[R,C,K], wr[K,C], ws[K,S]
        f[n,t,k] = sum(r,c) x[n, t - d*(1 - r), c]*wf[r,c,k]
        g[n,t,k] = sum(r,c) x[n, t - d*(1 - r), c]*wg[r,c,k]
        z[n,t,k] = tanh(f[n,t,k])*sigmoid(g[n,t,k])
        y[n,t,c] = x[n,t,c] + sum(k) z[n,t,k]*wr[k,c]
        skip[n,t,s] = sum(k) z[n,t,k]*ws[k,s]
        output y, skip""",
        _wavenet,
        "x: N T C, wf: 2 C K, wg: 2 C K, wr: K C, ws: K S",
        {"N": 2, "T": 7, "C": 3, "K": 2, "S": 2},
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
    "two_scans": Paper(
        """# scans both ways, added
        input x[N,T,C], a[C], b[C]
        f[n,t,c] = sigmoid(a[c])*f[n,t-1,c] + x[n,t,c]
        g[n,t,c] = sigmoid(b[c])*g[n,t+1,c] + x[n,t,c]
        f[n,-1,c] = 0
        g[n,T,c] = 0
        y[n,t,c] = f[n,t,c] + g[n,t,c] - x[n,t,c]""",
        _forward_backward_mamba,
        "x: N T C, a: C, b: C",
        {"N": 2, "T": 4, "C": 3},
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
"""By name."""
