"""Recurrent cells and linear sequence models that no other file has."""

from typing import Any

import pytest

from tests.cases.papers.paper import scan, zeros
from tests.cases.written.written import Written

torch = pytest.importorskip("torch")
F = torch.nn.functional


def _clockwork(x: Any, w: Any, u: Any, period: Any) -> Any:
    h, found = zeros(x, x.shape[0], u.shape[0]), []
    for t in range(x.shape[1]):
        h = torch.where(t % period == 0, (x[:, t] @ w + h @ u).tanh(), h)
        found.append(h)
    return torch.stack(found, 1)


def _ordered_neurons(x: Any, w: Any, u: Any) -> Any:
    def step(state: Any, x: Any) -> Any:
        h, c = state
        f, i, g, o, mf, mi = (torch.einsum("nd,gdk->gnk", x, w) + torch.einsum("nj,gjk->gnk", h, u)).unbind(0)
        mf, mi = mf.softmax(1).cumsum(1), 1 - mi.softmax(1).cumsum(1)
        both = mf * mi
        c = (f.sigmoid() * both + mf - both) * c + (i.sigmoid() * both + mi - both) * g.tanh()
        return o.sigmoid() * c.tanh(), c

    start = zeros(x, x.shape[0], u.shape[1])
    return scan(step, (start, start), x)[0]


def _coupled_oscillators(x: Any, w: Any, v: Any, u: Any, b: Any) -> Any:
    def step(state: Any, x: Any) -> Any:
        y, z = state
        z = z + 0.1 * ((y @ w + z @ v + x @ u + b).tanh() - 2 * y - 3 * z)
        return y + 0.1 * z, z

    start = zeros(x, x.shape[0], len(b))
    return scan(step, (start, start), x)[0]


def _missing_values(x: Any, m: Any, d: Any, mean: Any, gx: Any, gh: Any, w: Any, u: Any, v: Any) -> Any:
    state = zeros(x, x.shape[0], u.shape[1])
    last, found = mean.expand(x.shape[0], -1), []
    for t in range(x.shape[1]):
        seen = m[:, t] == 1
        fade = (-(d[:, t] * gx).relu()).exp()
        filled = torch.where(seen, x[:, t], fade * last + (1 - fade) * mean)
        last = torch.where(seen, x[:, t], last)
        h = (-(d[:, t] @ gh).relu()).exp() * state
        a = torch.einsum("nd,gdk->gnk", filled, w) + torch.einsum("nd,gdk->gnk", m[:, t].double(), v)
        r = (a[0] + h @ u[0]).sigmoid()
        z = (a[1] + h @ u[1]).sigmoid()
        state = (1 - z) * h + z * (a[2] + (r * h) @ u[2]).tanh()
        found.append(state)
    return torch.stack(found, 1)


def _mogrifier(x: Any, q: Any, r: Any, w: Any, u: Any) -> Any:
    def step(state: Any, x: Any) -> Any:
        h, c = state
        x = 2 * (h @ q[0]).sigmoid() * x
        h = 2 * (x @ r).sigmoid() * h
        x = 2 * (h @ q[1]).sigmoid() * x
        i, f, g, o = (torch.einsum("nd,gdk->gnk", x, w) + torch.einsum("nj,gjk->gnk", h, u)).unbind(0)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    start = zeros(x, x.shape[0], u.shape[1])
    return scan(step, (start, start), x)[0]


def _trained_at_test(k: Any, v: Any, q: Any, eta: Any) -> Any:
    def step(state: Any, k: Any, v: Any, q: Any, eta: Any) -> Any:
        w, _ = state
        error = torch.einsum("ndk,nd->nk", w, k) - v
        w = w - eta[:, None, None] * k[:, :, None] * error[:, None]
        return w, torch.einsum("ndk,nd->nk", w, q)

    return scan(step, (zeros(k, len(k), k.shape[2], v.shape[2]), 0), k, v, q, eta)[1]


def _gated_slots(q: Any, k: Any, v: Any, a: Any) -> Any:
    def step(state: Any, q: Any, k: Any, v: Any, a: Any) -> Any:
        keys, values, _ = state
        keys = a[:, :, None] * keys + (1 - a)[:, :, None] * k[:, None]
        values = a[:, :, None] * values + (1 - a)[:, :, None] * v[:, None]
        p = torch.einsum("nmd,nd->nm", keys, q).softmax(1)
        return keys, values, torch.einsum("nm,nmd->nd", p, values)

    start = zeros(q, len(q), a.shape[2], q.shape[2])
    return scan(step, (start, start, 0), q, k, v, a.sigmoid())[2]


def _linear_oscillators(x: Any, a: Any, b: Any, c: Any) -> Any:
    def step(state: Any, u: Any) -> Any:
        y, z = state
        s = 1 / (1 + 0.01 * a.relu())
        z = s * (z - 0.1 * a.relu() * y + 0.1 * u)
        return y + 0.1 * z, z

    start = zeros(x, len(x), len(a))
    return scan(step, (start, start), x @ b)[0] @ c


def _diagonal_complex(x: Any, nu: Any, theta: Any, b: Any, c: Any, d: Any) -> Any:
    lam = torch.polar((-nu.exp()).exp(), theta)
    b, c = torch.view_as_complex(b), torch.view_as_complex(c)
    h = scan(lambda h, u: lam * h + u, torch.zeros(len(x), len(nu), dtype=torch.complex128), x.to(b.dtype) @ b)
    return (h @ c).real + d * x


def _controlled(x: Any, z0: Any, w: Any, b: Any) -> Any:
    z, found = z0, []
    for t in range(x.shape[1] - 1):
        f = (torch.einsum("nk,kjc->njc", z, w) + b).tanh()
        z = z + torch.einsum("njc,nc->nj", f, x[:, t + 1] - x[:, t])
        found.append(z)
    return torch.stack(found, 1)


def _chunked_retention(q: Any, k: Any, v: Any) -> Any:
    t = torch.arange(q.shape[1])
    d = torch.where(t[:, None] >= t, 0.9 ** (t[:, None] - t).double(), 0.0)
    return (torch.einsum("nid,njd->nij", q, k) * d) @ v


def _skip(x: Any, w: Any, u: Any, p: Any) -> Any:
    h, found = zeros(x, len(x), u.shape[0]), []
    prob = torch.ones(len(x), dtype=x.dtype)
    for t in range(x.shape[1]):
        go = prob + (prob.round() - prob).detach()
        h = go[:, None] * (x[:, t] @ w + h @ u).tanh() + (1 - go)[:, None] * h
        gain = (h @ p).sigmoid()
        prob = go * gain + (1 - go) * (prob + torch.minimum(gain, 1 - prob))
        found.append(h)
    return torch.stack(found, 1)


def _highway(x: Any, w: Any, r: Any) -> Any:
    def step(s: Any, x: Any) -> Any:
        for layer in range(len(r)):
            a = torch.einsum("nj,gjk->gnk", s, r[layer])
            if layer == 0:
                a = a + torch.einsum("nd,gdk->gnk", x, w)
            h, t = a[0].tanh(), a[1].sigmoid()
            s = h * t + s * (1 - t)
        return s

    return scan(step, zeros(x, len(x), r.shape[2]), x)


CELLS = {
    "clockwork": Written(
        """integer period
        p[k] = period[k] + 1
        h[n,t,k] = [t - p[k]*floor(t/p[k]) == 0]*tanh(sum(d) x[n,t,d]*w[d,k] + sum(j) h[n,t-1,j]*u[j,k]) \\
            + [t - p[k]*floor(t/p[k]) != 0]*h[n,t-1,k]
        h[n,-1,k] = 0
        input x, w, u, period""",
        lambda x, w, u, period: _clockwork(x, w, u, period + 1),
        "x 2,5,3; w 3,4; u 4,4; period 4 <3",
    ),
    "ordered_neurons": Written(
        """# ON-LSTM: gates are cumulative softmaxes
        a[n,t,g,k] = sum(d) x[n,t,d]*w[g,d,k] + sum(j) h[n,t-1,j]*u[g,j,k]
        p[n,t,k] = softmax(a[n,t,4,k], k)
        q[n,t,k] = softmax(a[n,t,5,k], k)
        f[n,t,k] = sum(l) [l <= k] p[n,t,l]
        i[n,t,k] = 1 - sum(l) [l <= k] q[n,t,l]
        o[n,t,k] = f[n,t,k]*i[n,t,k]
        c[n,t,k] = (sigmoid(a[n,t,0,k])*o[n,t,k] + f[n,t,k] - o[n,t,k])*c[n,t-1,k] \\
            + (sigmoid(a[n,t,1,k])*o[n,t,k] + i[n,t,k] - o[n,t,k])*tanh(a[n,t,2,k])
        h[n,t,k] = sigmoid(a[n,t,3,k])*tanh(c[n,t,k])
        h[n,-1,k] = 0; c[n,-1,k] = 0
        input x, w[6,D,K], u""",
        _ordered_neurons,
        "x 2,4,3; w 6,3,4; u 6,4,4",
    ),
    "coupled_oscillators": Written(
        """dt = 0.1; gamma = 2.0; epsilon = 3.0
        z[n,t,k] = z[n,t-1,k] + dt*(tanh(sum(j) y[n,t-1,j]*w[j,k] + sum(j) z[n,t-1,j]*v[j,k] \\
            + sum(d) x[n,t,d]*u[d,k] + b[k]) \\
            - gamma*y[n,t-1,k] - epsilon*z[n,t-1,k])
        y[n,t,k] = y[n,t-1,k] + dt*z[n,t,k]
        z[n,-1,k] = 0; y[n,-1,k] = 0
        input x, w, v, u, b""",
        _coupled_oscillators,
        "x 2,4,3; w 4,4; v 4,4; u 3,4; b 4",
    ),
    "missing_values": Written(
        """# GRU-D: what is missing fades from the last value to the mean
        integer m
        g[n,t,d] = exp(-relu(s[n,t,d]*gx[d]))
        l[n,t,d] = [m[n,t,d] == 1]*x[n,t,d] + [m[n,t,d] == 0]*l[n,t-1,d]
        l[n,-1,d] = mu[d]
        f[n,t,d] = [m[n,t,d] == 1]*x[n,t,d] + [m[n,t,d] == 0]*(g[n,t,d]*l[n,t-1,d] + (1 - g[n,t,d])*mu[d])
        p[n,t,k] = exp(-relu(sum(d) s[n,t,d]*gh[d,k])) * h[n,t-1,k]
        a[n,t,i,k] = sum(d) f[n,t,d]*w[i,d,k] + sum(d) m[n,t,d]*v[i,d,k]
        r[n,t,k] = sigmoid(a[n,t,0,k] + sum(j) p[n,t,j]*u[0,j,k])
        z[n,t,k] = sigmoid(a[n,t,1,k] + sum(j) p[n,t,j]*u[1,j,k])
        h[n,t,k] = (1 - z[n,t,k])*p[n,t,k] + z[n,t,k]*tanh(a[n,t,2,k] + sum(j) r[n,t,j]*p[n,t,j]*u[2,j,k])
        h[n,-1,k] = 0
        input x, m, s, mu, gx, gh, w, u, v
        output h""",
        _missing_values,
        "x 2,4,3; m 2,4,3 <2; s 2,4,3 +; mu 3; gx 3; gh 3,4; w 3,3,4; u 3,4,4; v 3,3,4",
    ),
    "mogrifier": Written(
        """a[n,t,d] = 2*sigmoid(sum(k) h[n,t-1,k]*q[0,k,d])*x[n,t,d]
        p[n,t,k] = 2*sigmoid(sum(d) a[n,t,d]*r[d,k])*h[n,t-1,k]
        b[n,t,d] = 2*sigmoid(sum(k) p[n,t,k]*q[1,k,d])*a[n,t,d]
        z[n,t,g,k] = sum(d) b[n,t,d]*w[g,d,k] + sum(j) p[n,t,j]*u[g,j,k]
        c[n,t,k] = sigmoid(z[n,t,1,k])*c[n,t-1,k] + sigmoid(z[n,t,0,k])*tanh(z[n,t,2,k])
        h[n,t,k] = sigmoid(z[n,t,3,k])*tanh(c[n,t,k])
        h[n,-1,k] = 0; c[n,-1,k] = 0
        input x, q, r, w, u
        output h""",
        _mogrifier,
        "x 2,4,3; q 2,4,3; r 3,4; w 4,3,4; u 4,4,4",
    ),
    "trained_at_test_time": Written(
        """# TTT-linear: a gradient step on |k W - v|^2 / 2 at every position
        e[n,t,j] = sum(d) k[n,t,d]*W[n,t-1,d,j] - v[n,t,j]
        W[n,t,d,j] = W[n,t-1,d,j] - eta[n,t]*k[n,t,d]*e[n,t,j]
        W[n,-1,d,j] = 0
        y[n,t,j] = sum(d) q[n,t,d]*W[n,t,d,j]
        input k, v, q, eta""",
        _trained_at_test,
        "k 2,4,3; v 2,4,2; q 2,4,3; eta 2,4 %",
    ),
    "gated_slots": Written(
        """g[n,t,m] = sigmoid(a[n,t,m])
        K[n,t,m,d] = g[n,t,m]*K[n,t-1,m,d] + (1 - g[n,t,m])*k[n,t,d]
        V[n,t,m,d] = g[n,t,m]*V[n,t-1,m,d] + (1 - g[n,t,m])*v[n,t,d]
        K[n,-1,m,d] = 0
        V[n,-1,m,d] = 0
        y[n,t,d] = sum(m) softmax(sum(c) K[n,t,m,c]*q[n,t,c], m)*V[n,t,m,d]
        input q, k, v, a""",
        _gated_slots,
        "q 2,4,3; k 2,4,3; v 2,4,3; a 2,4,2",
    ),
    "linear_oscillators": Written(
        """# LinOSS, implicit in time
        dt = 0.1
        f[n,t,k] = sum(d) x[n,t,d]*b[d,k]
        z[n,t,k] = (z[n,t-1,k] - dt*relu(a[k])*y[n,t-1,k] + dt*f[n,t,k]) / (1 + dt^2*relu(a[k]))
        y[n,t,k] = y[n,t-1,k] + dt*z[n,t,k]
        z[n,-1,k] = 0; y[n,-1,k] = 0
        o[n,t,d] = sum(k) y[n,t,k]*c[k,d]
        input x, a, b, c""",
        _linear_oscillators,
        "x 2,4,3; a 4; b 3,4; c 4,3",
    ),
    "diagonal_complex": Written(
        """# LRU/S5: complex states that turn and shrink
        complex b, c, h
        h[n,t,k] = exp(complex(-exp(nu[k]), theta[k]))*h[n,t-1,k] + sum(d) x[n,t,d]*b[d,k]
        h[n,-1,k] = 0
        y[n,t,d] = re(sum(k) h[n,t,k]*c[k,d]) + e[d]*x[n,t,d]
        input x, nu, theta, b, c, e""",
        _diagonal_complex,
        "x 2,4,3; nu 4; theta 4; b 3,4,2; c 4,3,2; e 3",
    ),
    "controlled_equation": Written(
        """# a neural controlled differential equation by Euler's steps
        z[n,t,j] = z[n,t-1,j] + sum(c) tanh(sum(k) z[n,t-1,k]*w[k,j,c] + b[j,c])*(x[n,t+1,c] - x[n,t,c])
        z[n,-1,j] = z0[n,j]
        input x[N,L,C], z0, w, b
        t < L - 1""",
        _controlled,
        "x 2,5,3; z0 2,4; w 4,4,3; b 4,3",
    ),
    "chunked_retention": Written(
        """gamma = 0.9; B = 2
        input q[N,T,D], k[N,T,D], v[N,T,E]
        c < T//B; i < B; j < B
        S[n,c,d,e] = gamma^B*S[n,c-1,d,e] + sum(j) gamma^(B - 1 - j)*k[n,c*B + j,d]*v[n,c*B + j,e]
        S[n,-1,d,e] = 0
        y[n,c*B + i,e] = sum(j,d) [j <= i] gamma^(i - j)*q[n,c*B + i,d]*k[n,c*B + j,d]*v[n,c*B + j,e] \\
            + sum(d) gamma^(i + 1)*q[n,c*B + i,d]*S[n,c-1,d,e]""",
        _chunked_retention,
        "q 2,6,3; k 2,6,3; v 2,6,2",
    ),
    "skip_rnn": Written(
        """p[n,t] = constant(round(u[n,t]) - u[n,t]) + u[n,t]
        s[n,t,k] = p[n,t]*tanh(sum(d) x[n,t,d]*w[d,k] + sum(j) s[n,t-1,j]*v[j,k]) + (1 - p[n,t])*s[n,t-1,k]
        g[n,t] = sigmoid(sum(k) s[n,t,k]*a[k])
        u[n,t] = p[n,t-1]*g[n,t-1] + (1 - p[n,t-1])*(u[n,t-1] + min(g[n,t-1], 1 - u[n,t-1]))
        u[n,-1] = 1; p[n,-1] = 0; g[n,-1] = 0; s[n,-1,k] = 0
        input x, w, v, a
        output s""",
        _skip,
        "x 2,4,3; w 3,4; v 4,4; a 4",
    ),
    "recurrent_highway": Written(
        """# depth 2
        h[n,t,k] = tanh(sum(d) x[n,t,d]*w[0,d,k] + sum(j) s[n,t-1,j]*r[0,0,j,k])
        g[n,t,k] = sigmoid(sum(d) x[n,t,d]*w[1,d,k] + sum(j) s[n,t-1,j]*r[0,1,j,k])
        m[n,t,k] = h[n,t,k]*g[n,t,k] + s[n,t-1,k]*(1 - g[n,t,k])
        a[n,t,k] = tanh(sum(j) m[n,t,j]*r[1,0,j,k])
        b[n,t,k] = sigmoid(sum(j) m[n,t,j]*r[1,1,j,k])
        s[n,t,k] = a[n,t,k]*b[n,t,k] + m[n,t,k]*(1 - b[n,t,k])
        s[n,-1,k] = 0
        input x, w[2,D,K], r[2,2,K,K]
        output s""",
        _highway,
        "x 2,4,3; w 2,3,4; r 2,2,4,4",
    ),
}
