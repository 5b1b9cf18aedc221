"""Recurrent cells with fewer gates, or none, as their papers have them."""

import torch

from tests.cases.papers.paper import Paper, Tensor, scan, zeros


def _min_gru(x: Tensor, w: Tensor, u: Tensor, h0: Tensor) -> Tensor:
    z, g = (x @ w).sigmoid(), x @ u
    g = torch.where(g >= 0, g + 0.5, g.sigmoid())
    return scan(lambda h, z, g: (1 - z) * h + z * g, h0, z, g)


def _min_lstm(x: Tensor, w: Tensor, v: Tensor, u: Tensor) -> Tensor:
    f, i = (x @ w).sigmoid(), (x @ v).sigmoid()
    return scan(lambda h, f, i, g: f / (f + i) * h + i / (f + i) * g, zeros(x, *(x @ w)[:, 0].shape), f, i, x @ u)


def _qrnn(x: Tensor, w: Tensor, v: Tensor, o: Tensor) -> Tensor:
    past = torch.cat([zeros(x, x.shape[0], 1, x.shape[2]), x[:, :-1]], 1)
    both = torch.stack([past, x], 2)
    z, f, g = (torch.einsum("ntrc,rck->ntk", both, m) for m in (w, v, o))
    z, f, g = z.tanh(), f.sigmoid(), g.sigmoid()
    return g * scan(lambda c, f, z: f * c + (1 - f) * z, zeros(x, *z[:, 0].shape), f, z)


def _sru(x: Tensor, w: Tensor, wf: Tensor, wr: Tensor, vf: Tensor, vr: Tensor, bf: Tensor, br: Tensor) -> Tensor:
    def step(state, x, z, a, b):  # type: ignore[no-untyped-def]
        c, _ = state
        f = (a + vf * c + bf).sigmoid()
        r = (b + vr * c + br).sigmoid()
        c = f * c + (1 - f) * z
        return c, r * c + (1 - r) * x

    return scan(step, (zeros(x, *x[:, 0].shape), 0), x, x @ w, x @ wf, x @ wr)[1]


def _ind_rnn(x: Tensor, w: Tensor, u: Tensor, b: Tensor) -> Tensor:
    return scan(lambda h, a: torch.relu(a + u * h), zeros(x, x.shape[0], len(u)), x @ w + b)


def _dilated(x: Tensor, w: Tensor, u: Tensor, h0: Tensor) -> Tensor:
    states = [h0[:, 0], h0[:, 1], h0[:, 2]]
    for t in range(x.shape[1]):
        states.append((x[:, t] @ w + states[-3] @ u).tanh())
    return torch.stack(states[3:], 1)


def _janet(x: Tensor, wf: Tensor, uf: Tensor, wc: Tensor, uc: Tensor) -> Tensor:
    def step(c, x):  # type: ignore[no-untyped-def]
        s = x @ wf + c @ uf
        return s.sigmoid() * c + (1 - (s - 1).sigmoid()) * (x @ wc + c @ uc).tanh()

    return scan(step, zeros(x, x.shape[0], uf.shape[0]), x)


def _zoneout(x: Tensor, d: Tensor, w: Tensor, u: Tensor) -> Tensor:
    return scan(lambda h, x, d: torch.where(d == 1, h, (x @ w + h @ u).tanh()), zeros(x, x.shape[0], u.shape[0]), x, d)


def _cortex(x: Tensor, w: Tensor, u: Tensor, leak: Tensor) -> Tensor:
    return scan(
        lambda h, x: (1 - leak.sigmoid()) * h + leak.sigmoid() * (x @ w + h @ u).tanh(),
        zeros(x, x.shape[0], len(leak)),
        x,
    )


def _residual_gru(x: Tensor, wz: Tensor, uz: Tensor, wh: Tensor, uh: Tensor) -> Tensor:
    def step(h, x):  # type: ignore[no-untyped-def]
        z = (x @ wz + h @ uz).sigmoid()
        return z * h + (1 - z) * torch.relu(x @ wh + h @ uh)

    return scan(step, zeros(x, x.shape[0], uz.shape[0]), x)


LIGHT_CELLS = {
    "min_gru": Paper(
        """define g(v) = [v >= 0] * (v + 0.5) + [v < 0] * sigmoid(v)
        z[n,t,k] = sigmoid(sum(c) x[n,t,c]*w[c,k])
        h[n,t,k] = (1 - z[n,t,k])*h[n,t-1,k] + z[n,t,k]*g(sum(c) x[n,t,c]*u[c,k])
        h[n,-1,k] = h0[n,k]""",
        _min_gru,
        "x: N T C, w: C K, u: C K, h0: N K",
        {"N": 2, "T": 5, "C": 3, "K": 4},
    ),
    "min_lstm": Paper(
        """f[n,t,k] = sigmoid(sum(c) x[n,t,c]*w[c,k])
        i[n,t,k] = sigmoid(sum(c) x[n,t,c]*v[c,k])
        g[n,t,k] = sum(c) x[n,t,c]*u[c,k]
        h[n,t,k] = (f[n,t,k]*h[n,t-1,k] + i[n,t,k]*g[n,t,k]) / (f[n,t,k] + i[n,t,k])
        h[n,-1,k] = 0""",
        _min_lstm,
        "x: N T C, w: C K, v: C K, u: C K",
        {"N": 2, "T": 5, "C": 3, "K": 4},
    ),
    "qrnn": Paper(
        """# QRNN, windows of 2, fo-pooling
        z[n,t,k] = tanh(sum(r,c) x[n,t+r-1,c]*w[r,c,k])
        f[n,t,k] = sigmoid(sum(r,c) x[n,t+r-1,c]*v[r,c,k])
        g[n,t,k] = sigmoid(sum(r,c) x[n,t+r-1,c]*o[r,c,k])
        c_t[n,t,k] = f[n,t,k]*c_t[n,t-1,k] + (1 - f[n,t,k])*z[n,t,k]
        c_t[n,-1,k] = 0
        h[n,t,k] = g[n,t,k]*c_t[n,t,k]
        input x[N,T,C]; t < T""",
        _qrnn,
        "x: N T C, w: 2 C K, v: 2 C K, o: 2 C K",
        {"N": 2, "T": 5, "C": 3, "K": 4},
    ),
    "sru": Paper(
        """# SRU
        input x[N,T,K], w[K,K], wf[K,K], wr[K,K], vf[K], vr[K], bf[K], br[K]
        f[n,t,k] = sigmoid((sum(j) x[n,t,j]*wf[j,k]) + vf[k]*c[n,t-1,k] + bf[k])
        r[n,t,k] = sigmoid((sum(j) x[n,t,j]*wr[j,k]) + vr[k]*c[n,t-1,k] + br[k])
        c[n,t,k] = f[n,t,k]*c[n,t-1,k] + (1 - f[n,t,k])*sum(j) x[n,t,j]*w[j,k]
        h[n,t,k] = r[n,t,k]*c[n,t,k] + (1 - r[n,t,k])*x[n,t,k]
        c[n,-1,k] = 0""",
        _sru,
        "x: N T K, w: K K, wf: K K, wr: K K, vf: K, vr: K, bf: K, br: K",
        {"N": 2, "T": 5, "K": 3},
    ),
    "ind_rnn": Paper(
        """h[n,t,k] = relu(b[k] + u[k]*h[n,t-1,k] + sum(c) x[n,t,c]*w[c,k])
        h[n,-1,k] = 0
        input x, w, u, b""",
        _ind_rnn,
        "x: N T C, w: C K, u: K, b: K",
        {"N": 2, "T": 5, "C": 3, "K": 4},
    ),
    "dilated_rnn": Paper(
        """# dilated RNN: states three steps ago
        h[n,t,k] = tanh((sum(c) x[n,t,c]*w[c,k]) + sum(j) h[n,t-3,j]*u[j,k])
        h[n,-3,k] = h0[n,0,k]
        h[n,-2,k] = h0[n,1,k]
        h[n,-1,k] = h0[n,2,k]""",
        _dilated,
        "x: N T C, w: C K, u: K K, h0: N 3 K",
        {"N": 2, "T": 7, "C": 3, "K": 4},
    ),
    "janet": Paper(
        """# JANET: a forget gate is enough
        beta = 1
        s[n,t,k] = sum(d) x[n,t,d]*wf[d,k] + sum(j) c[n,t-1,j]*uf[j,k]
        g[n,t,k] = tanh(sum(d) x[n,t,d]*wc[d,k] + sum(j) c[n,t-1,j]*uc[j,k])
        c[n,t,k] = sigmoid(s[n,t,k])*c[n,t-1,k] + (1 - sigmoid(s[n,t,k] - beta))*g[n,t,k]
        c[n,-1,k] = 0
        input x, wf, uf, wc, uc""",
        _janet,
        "x: N T D, wf: D K, uf: K K, wc: D K, uc: K K",
        {"N": 2, "T": 4, "D": 3, "K": 4},
    ),
    "zoneout": Paper(
        """# zoneout: some units keep their state
        integer d
        g[n,t,k] = tanh(sum(c) x[n,t,c]*w[c,k] + sum(j) h[n,t-1,j]*u[j,k])
        h[n,t,k] = [d[n,t,k] == 1]*h[n,t-1,k] + [d[n,t,k] != 1]*g[n,t,k]
        h[n,-1,k] = 0
        input x, d, w, u""",
        _zoneout,
        "x: N T C, d: N T K <2, w: C K, u: K K",
        {"N": 2, "T": 5, "C": 3, "K": 4},
    ),
    "leaky_reservoir": Paper(
        """h[n,t,k] = (1 - a[k])*h[n,t-1,k] + a[k]*tanh(sum(c) x[n,t,c]*w[c,k] + sum(j) h[n,t-1,j]*u[j,k])
        a[k] = sigmoid(leak[k])
        h[n,-1,k] = 0
        input x, w, u, leak; output h""",
        _cortex,
        "x: N T C, w: C K, u: K K, leak: K",
        {"N": 2, "T": 5, "C": 3, "K": 4},
    ),
    "light_gru": Paper(
        """z[n,t,k] = sigmoid(sum(c) x[n,t,c]*wz[c,k] + sum(j) h[n,t-1,j]*uz[j,k])
        g[n,t,k] = relu(sum(c) x[n,t,c]*wh[c,k] + sum(j) h[n,t-1,j]*uh[j,k])
        h[n,t,k] = z[n,t,k]*h[n,t-1,k] + (1 - z[n,t,k])*g[n,t,k]
        h[n,-1,k] = 0""",
        _residual_gru,
        "x: N T C, wz: C K, uz: K K, wh: C K, uh: K K",
        {"N": 2, "T": 5, "C": 3, "K": 4},
    ),
}
