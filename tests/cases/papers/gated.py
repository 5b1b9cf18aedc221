"""Gated recurrent nets of papers."""

import torch
from torch.nn.functional import layer_norm, logsigmoid

from tests.cases.papers.paper import Paper, Tensor, scan, zeros


def _mlstm(q: Tensor, k: Tensor, v: Tensor, a: Tensor, g: Tensor) -> Tensor:
    def step(state, q, k, v, a, g):  # type: ignore[no-untyped-def]
        c, z, m, _ = state
        log_f = logsigmoid(g)
        new = torch.maximum(log_f + m, a)
        i, f = (a - new).exp(), (log_f + m - new).exp()
        c = f[:, None, None] * c + i[:, None, None] * k[:, :, None] * v[:, None] / k.shape[1] ** 0.5
        z = f[:, None] * z + i[:, None] * k / k.shape[1] ** 0.5
        h = torch.einsum("nde,nd->ne", c, q) / torch.maximum((z * q).sum(1).abs(), (-new).exp())[:, None]
        return c, z, new, h

    n, _, d = q.shape
    start = zeros(q, n, d, v.shape[2]), zeros(q, n, d), zeros(q, n), zeros(q, n, v.shape[2])
    return scan(step, start, q, k, v, a, g)[3]


def _slstm(x: Tensor, r: Tensor, b: Tensor) -> Tensor:
    def step(state, x):  # type: ignore[no-untyped-def]
        c, z, m, h = state
        u = x + torch.einsum("nhe,ghed->nghd", h, r) + b
        i, f, g, o = u.unbind(1)
        new = torch.maximum(f + m, i)
        ei, ef = (i - new).exp(), (f + m - new).exp()
        c = ef * c + ei * g.tanh()
        z = ef * z + ei
        return c, z, new, o.sigmoid() * c / z

    start = zeros(x, x.shape[0], x.shape[3], x.shape[4])
    return scan(step, (start, start, start, start), x)[3]


def _peephole(x: Tensor, w: Tensor, u: Tensor, p: Tensor, b: Tensor) -> Tensor:
    def step(state, x):  # type: ignore[no-untyped-def]
        h, c = state
        a = torch.einsum("nd,gdk->gnk", x, w) + torch.einsum("nj,gjk->gnk", h, u) + b[:, None]
        i, f = (a[0] + p[0] * c).sigmoid(), (a[1] + p[1] * c).sigmoid()
        c = f * c + i * a[2].tanh()
        return (a[3] + p[2] * c).sigmoid() * c.tanh(), c

    start = zeros(x, x.shape[0], u.shape[1])
    return scan(step, (start, start), x)[0]


def _multiplicative(x: Tensor, wm: Tensor, um: Tensor, w: Tensor, u: Tensor) -> Tensor:
    def step(state, x):  # type: ignore[no-untyped-def]
        h, c = state
        m = (x @ wm) * (h @ um)
        a = torch.einsum("nd,gdk->gnk", x, w) + torch.einsum("nm,gmk->gnk", m, u)
        c = a[1].sigmoid() * c + a[0].sigmoid() * a[3]
        return (c * a[2].sigmoid()).tanh(), c

    start = zeros(x, x.shape[0], um.shape[0])
    return scan(step, (start, start), x)[0]


def _phased(x: Tensor, time: Tensor, tau: Tensor, shift: Tensor, w: Tensor, u: Tensor) -> Tensor:
    def step(h, x, time):  # type: ignore[no-untyped-def]
        phase = (time[:, None] - shift) / tau
        phase = phase - phase.floor()
        k = torch.where(phase < 0.05, 2 * phase / 0.1, torch.where(phase < 0.1, 2 - 2 * phase / 0.1, 0.001 * phase))
        return k * (x @ w + h @ u).tanh() + (1 - k) * h

    return scan(step, zeros(x, x.shape[0], len(tau)), x, time)


def _normalised(x: Tensor, w: Tensor, u: Tensor, g: Tensor, b: Tensor) -> Tensor:
    return scan(lambda h, a: layer_norm(a + h @ u, g.shape, g, b, 1e-5).tanh(), zeros(x, x.shape[0], u.shape[0]), x @ w)


def _fast_weights(x: Tensor, w: Tensor, u: Tensor) -> Tensor:
    def step(state, x):  # type: ignore[no-untyped-def]
        h, a = state
        s = x @ u + h @ w
        first = torch.relu(s)
        new = torch.relu(s + torch.einsum("nj,njk->nk", first, a))
        return new, 0.95 * a + 0.5 * new[:, :, None] * new[:, None]

    n, k = x.shape[0], w.shape[0]
    return scan(step, (zeros(x, n, k), zeros(x, n, k, k)), x)[0]


def _legendre(x: Tensor, a: Tensor, b: Tensor, e: Tensor, wx: Tensor, wh: Tensor, wm: Tensor) -> Tensor:
    def step(state, x):  # type: ignore[no-untyped-def]
        h, m = state
        u = x @ e[0] + h @ e[1] + m @ e[2]
        m = m @ a.T + u[:, None] * b
        return (x @ wx + h @ wh + m @ wm).tanh(), m

    start = zeros(x, x.shape[0], x.shape[2])
    return scan(step, (start, start), x)[0]


def _both_ways(x: Tensor, w: Tensor, u: Tensor, v: Tensor, p: Tensor, m: Tensor) -> Tensor:
    zero = zeros(x, x.shape[0], u.shape[0])
    one = scan(lambda h, a: (a + h @ u).tanh(), zero, x @ w)
    two = scan(lambda h, a: (a + h @ p).tanh(), zero, (x @ v).flip(1)).flip(1)
    g = (torch.cat([one, two], 2) @ m).sigmoid()
    return g * one + (1 - g) * two


def _clipped_projection(x: Tensor, w: Tensor, u: Tensor, r: Tensor) -> Tensor:
    def step(state, x):  # type: ignore[no-untyped-def]
        p, c = state
        a = torch.einsum("nd,gdk->gnk", x, w) + torch.einsum("np,gpk->gnk", p, u)
        c = (a[1].sigmoid() * c + a[0].sigmoid() * a[2].tanh()).clamp(-1.0, 1.0)
        return (a[3].sigmoid() * c.tanh()) @ r, c

    return scan(step, (zeros(x, x.shape[0], r.shape[1]), zeros(x, x.shape[0], r.shape[0])), x)[0]


GATED = {
    "mlstm": Paper(
        """# mLSTM of xLSTM, stabilised
        input q[N,T,D], k[N,T,D], v[N,T,E], a[N,T], g[N,T]
        l[n,t] = -softplus(-g[n,t])
        m[n,t] = max(l[n,t] + m[n,t-1], a[n,t])
        i[n,t] = exp(a[n,t] - m[n,t])
        f[n,t] = exp(l[n,t] + m[n,t-1] - m[n,t])
        c[n,t,d,e] = f[n,t]*c[n,t-1,d,e] + i[n,t]*k[n,t,d]*v[n,t,e]/sqrt(D)
        z[n,t,d] = f[n,t]*z[n,t-1,d] + i[n,t]*k[n,t,d]/sqrt(D)
        h[n,t,e] = (sum(d) c[n,t,d,e]*q[n,t,d]) / max(abs(sum(d) z[n,t,d]*q[n,t,d]), exp(-m[n,t]))
        m[n,-1] = 0; c[n,-1,d,e] = 0; z[n,-1,d] = 0""",
        _mlstm,
        "q: N T D, k: N T D, v: N T E, a: N T, g: N T",
        {"N": 2, "T": 4, "D": 3, "E": 2},
    ),
    "slstm": Paper(
        """# sLSTM of xLSTM, with heads
        input x[N,T,G,H,D], r[G,H,D,D], b[G,H,D]
        u[n,t,g,h,d] = x[n,t,g,h,d] + b[g,h,d] + sum(e) y[n,t-1,h,e]*r[g,h,e,d]
        m[n,t,h,d] = max(u[n,t,1,h,d] + m[n,t-1,h,d], u[n,t,0,h,d])
        i[n,t,h,d] = exp(u[n,t,0,h,d] - m[n,t,h,d])
        f[n,t,h,d] = exp(u[n,t,1,h,d] + m[n,t-1,h,d] - m[n,t,h,d])
        c[n,t,h,d] = f[n,t,h,d]*c[n,t-1,h,d] + i[n,t,h,d]*tanh(u[n,t,2,h,d])
        z[n,t,h,d] = f[n,t,h,d]*z[n,t-1,h,d] + i[n,t,h,d]
        y[n,t,h,d] = sigmoid(u[n,t,3,h,d])*c[n,t,h,d]/z[n,t,h,d]
        y[n,-1,h,d] = 0; m[n,-1,h,d] = 0; c[n,-1,h,d] = 0; z[n,-1,h,d] = 0""",
        _slstm,
        "x: N T 4 H D, r: 4 H D D, b: 4 H D",
        {"N": 2, "T": 3, "H": 2, "D": 2},
    ),
    "peephole_lstm": Paper(
        """input x[N,T,D], w[G,D,K], u[G,K,K], p[P,K], b[G,K]
        a[n,t,g,k] = b[g,k] + sum(d) x[n,t,d]*w[g,d,k] + sum(j) h[n,t-1,j]*u[g,j,k]
        i[n,t,k] = sigmoid(a[n,t,0,k] + p[0,k]*c[n,t-1,k])
        f[n,t,k] = sigmoid(a[n,t,1,k] + p[1,k]*c[n,t-1,k])
        c[n,t,k] = f[n,t,k]*c[n,t-1,k] + i[n,t,k]*tanh(a[n,t,2,k])
        o[n,t,k] = sigmoid(a[n,t,3,k] + p[2,k]*c[n,t,k])
        h[n,t,k] = o[n,t,k]*tanh(c[n,t,k])
        c[n,-1,k] = 0; h[n,-1,k] = 0""",
        _peephole,
        "x: N T D, w: 4 D K, u: 4 K K, p: 3 K, b: 4 K",
        {"N": 2, "T": 4, "D": 3, "K": 2},
    ),
    "multiplicative_lstm": Paper(
        """input x, wm, um, w, u
        m[n,t,l] = (sum(d) x[n,t,d]*wm[d,l]) * (sum(j) h[n,t-1,j]*um[j,l])
        a[n,t,g,k] = sum(d) x[n,t,d]*w[g,d,k] + sum(l) m[n,t,l]*u[g,l,k]
        c[n,t,k] = sigmoid(a[n,t,1,k])*c[n,t-1,k] + sigmoid(a[n,t,0,k])*a[n,t,3,k]
        h[n,t,k] = tanh(c[n,t,k]*sigmoid(a[n,t,2,k]))
        c[n,-1,k] = 0; h[n,-1,k] = 0""",
        _multiplicative,
        "x: N T D, wm: D L, um: K L, w: 4 D K, u: 4 L K",
        {"N": 2, "T": 4, "D": 3, "K": 2, "L": 3},
    ),
    "phased": Paper(
        """# phased cell: a gate that opens with a rhythm
        r = 0.1; leak = 0.001
        input x[N,T,C], time[N,T], tau[K], shift[K], w[C,K], u[K,K]
        p[n,t,k] = (time[n,t] - shift[k])/tau[k] - floor((time[n,t] - shift[k])/tau[k])
        g[n,t,k] = [p[n,t,k] < r/2]*2*p[n,t,k]/r + [r/2 <= p[n,t,k] < r]*(2 - 2*p[n,t,k]/r) \\
            + [p[n,t,k] >= r]*leak*p[n,t,k]
        h[n,t,k] = g[n,t,k]*tanh(sum(c) x[n,t,c]*w[c,k] + sum(j) h[n,t-1,j]*u[j,k]) + (1 - g[n,t,k])*h[n,t-1,k]
        h[n,-1,k] = 0""",
        _phased,
        "x: N T C, time: N T, tau: K +, shift: K, w: C K, u: K K",
        {"N": 2, "T": 12, "C": 2, "K": 3},
    ),
    "layer_norm_rnn": Paper(
        """# layer normalisation within a recurrence
        input x[N,T,C], w[C,K], u[K,K], g[K], b[K]
        a[n,t,k] = sum(c) x[n,t,c]*w[c,k] + sum(j) h[n,t-1,j]*u[j,k]
        h[n,t,k] = tanh(g[k]*norm(a[n,t,k], k) + b[k])
        h[n,-1,k] = 0""",
        _normalised,
        "x: N T C, w: C K, u: K K, g: K, b: K",
        {"N": 2, "T": 4, "C": 3, "K": 4},
    ),
    "fast_weights": Paper(
        """# fast weights attend to the recent past, one inner step
        lambda_ = 0.95; eta = 0.5
        input x, w, u
        s[n,t,k] = sum(c) x[n,t,c]*u[c,k] + sum(j) h[n,t-1,j]*w[j,k]
        f[n,t,k] = relu(s[n,t,k])
        h[n,t,k] = relu(s[n,t,k] + sum(j) f[n,t,j]*a[n,t-1,j,k])
        a[n,t,j,k] = lambda_*a[n,t-1,j,k] + eta*h[n,t,j]*h[n,t,k]
        h[n,-1,k] = 0
        a[n,-1,j,k] = 0
        output h""",
        _fast_weights,
        "x: N T C, w: K K, u: C K",
        {"N": 2, "T": 4, "C": 3, "K": 3},
    ),
    "legendre_memory": Paper(
        """# Legendre memory unit
        input x[N,T,C], a[C,C], b[C], e[E,C], wx[C,C], wh[C,C], wm[C,C]
        u[n,t] = sum(c) x[n,t,c]*e[0,c] + sum(k) h[n,t-1,k]*e[1,k] + sum(d) m[n,t-1,d]*e[2,d]
        m[n,t,d] = (sum(q) a[d,q]*m[n,t-1,q]) + b[d]*u[n,t]
        h[n,t,k] = tanh(sum(c) x[n,t,c]*wx[c,k] + sum(j) h[n,t-1,j]*wh[j,k] + sum(d) m[n,t,d]*wm[d,k])
        h[n,-1,k] = 0
        m[n,-1,d] = 0""",
        _legendre,
        "x: N T C, a: C C, b: C, e: 3 C, wx: C C, wh: C C, wm: C C",
        {"N": 2, "T": 4, "C": 3},
    ),
    "gated_both_ways": Paper(
        """# two directions, mixed by a gate
        input x[N,T,C], w[C,K], u[K,K], v[C,K], p[K,K], m[2*K,K]
        f[n,t,k] = tanh(sum(c) x[n,t,c]*w[c,k] + sum(j) f[n,t-1,j]*u[j,k])
        b[n,t,k] = tanh(sum(c) x[n,t,c]*v[c,k] + sum(j) b[n,t+1,j]*p[j,k])
        f[n,-1,k] = 0
        b[n,T,k] = 0
        j < K
        g[n,t,k] = sigmoid(sum(j) (f[n,t,j]*m[j,k] + b[n,t,j]*m[K + j,k]))
        y[n,t,k] = g[n,t,k]*f[n,t,k] + (1 - g[n,t,k])*b[n,t,k]""",
        _both_ways,
        "x: N T C, w: C K, u: K K, v: C K, p: K K, m: M K",
        {"N": 2, "T": 4, "C": 3, "K": 2, "M": 4},
    ),
    "projected_lstm": Paper(
        """# LSTM with a projection and clipped cells
        clip = 1.0
        input x[N,T,D], w[G,D,K], u[G,P,K], r[K,P]
        a[n,t,g,k] = (sum(d) x[n,t,d]*w[g,d,k]) + sum(p) h[n,t-1,p]*u[g,p,k]
        c[n,t,k] = min(clip, max(-clip, sigmoid(a[n,t,1,k])*c[n,t-1,k] + sigmoid(a[n,t,0,k])*tanh(a[n,t,2,k])))
        h[n,t,p] = sum(k) sigmoid(a[n,t,3,k])*tanh(c[n,t,k])*r[k,p]
        c[n,-1,k] = 0
        h[n,-1,p] = 0""",
        _clipped_projection,
        "x: N T D, w: 4 D K, u: 4 P K, r: K P",
        {"N": 2, "T": 4, "D": 3, "K": 4, "P": 2},
    ),
}
