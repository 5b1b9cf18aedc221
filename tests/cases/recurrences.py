"""Recurrences as their users write them, and what PyTorch makes of the same."""

from collections.abc import Callable
from typing import Any

TEXTS = {
    "rnn": """
        h[n,t,k] = tanh(b[k] + sum(d) x[n,t,d]*w[d,k] + sum(j) h[n,t-1,j]*u[j,k])
        h[n,-1,k] = h0[n,k]""",
    "lstm": """
        i[n,t,k] = sigmoid(sum(d) x[n,t,d]*w_i[d,k] + sum(j) h[n,t-1,j]*u_i[j,k])
        f[n,t,k] = sigmoid(sum(d) x[n,t,d]*w_f[d,k] + sum(j) h[n,t-1,j]*u_f[j,k])
        g[n,t,k] = tanh(sum(d) x[n,t,d]*w_g[d,k] + sum(j) h[n,t-1,j]*u_g[j,k])
        c[n,t,k] = f[n,t,k]*c[n,t-1,k] + i[n,t,k]*g[n,t,k]
        h[n,t,k] = tanh(c[n,t,k])
        c[n,-1,k] = c0[n,k]
        h[n,-1,k] = 0
        output h, c""",
    "gru": """
        z[n,t,k] = sigmoid(sum(d) x[n,t,d]*w_z[d,k] + sum(j) h[n,t-1,j]*u_z[j,k])
        m[n,t,k] = tanh(sum(d) x[n,t,d]*w_m[d,k] + z[n,t,k]*sum(j) h[n,t-1,j]*u_m[j,k])
        h[n,t,k] = (1 - z[n,t,k])*m[n,t,k] + z[n,t,k]*h[n,t-1,k]
        h[n,-1,k] = h0[n,k]""",
    "crf": """
        m[n,t,k] = max(j) (a[n,t-1,j] + w[j,k])
        a[n,t,k] = x[n,t,k] + m[n,t,k] + log(sum(j) exp(a[n,t-1,j] + w[j,k] - m[n,t,k]))
        a[n,-1,k] = s[k]
        last[n] = max(k) a[n,T-1,k]
        z[n] = last[n] + log(sum(k) exp(a[n,T-1,k] - last[n]))""",
    "viterbi": """
        v[n,t,k] = x[n,t,k] + max(j) (v[n,t-1,j] + w[j,k])
        v[n,-1,k] = 0
        z[n] = max(k) v[n,T-1,k]""",
    "selective_scan": """
        s[n,t,d,k] = exp(p[n,t,d]*a[d,k])*s[n,t-1,d,k] + p[n,t,d]*b[n,t,k]*x[n,t,d]
        s[n,-1,d,k] = 0
        y[n,t,d] = sum(k) c[n,t,k]*s[n,t,d,k]""",
    "delta_rule": """
        o[n,t,v] = sum(k) s[n,t-1,v,k]*q[n,t,k]
        s[n,t,v,k] = s[n,t-1,v,k] + r[n,t]*(x[n,t,v] - o[n,t,v])*q[n,t,k]
        s[n,-1,v,k] = 0
        y[n,t,v] = sum(k) s[n,t,v,k]*w[k]""",
    "both_ways": """
        h[n,t,k] = tanh(x[n,t,k] + sum(j) h[n,t-1,j]*u[j,k])
        h[n,-1,k] = 0
        g[n,t,k] = tanh(x[n,t,k] + sum(j) g[n,t+1,j]*w[j,k])
        g[n,T,k] = g0[n,k]
        y[n,t,k] = h[n,t,k]*g[n,t,k]""",
    "two_back": """
        a = 0.5
        y[i,n] = a*y[i-1,n] + x[i,n]*y[i-2,n]
        y[-1,n] = p[n]
        y[-2,n] = q[n]""",
    "products": """
        h[n,t,k] = x[n,t,k] * prod(j) [j <= k] (1 - u[j]*h[n,t-1,j])
        h[n,-1,k] = 0.5""",
    "back_pointers": """
        v[n,t,k] = x[n,t,k] + max(j) (v[n,t-1,j] + w[j,k])
        v[n,-1,k] = 0
        p[n,t,k] = argmax(j) (v[n,t-1,j] + w[j,k])
        y[n,t,k] = v[n,t,k]*x[n,t,p[n,t,k]]
        output y, p""",
    "greedy": """
        input x[N,T,K], w[K,K]
        h[n,t,k] = x[n,t,k] + w[p[n,t-1],k]
        p[n,t] = argmax(k) h[n,t,k]
        p[n,-1] = 0
        output h, p""",
    "joined": """
        input x[N,T,C], w[C+K,K]
        c < C
        h[n,t,k] = tanh((sum(c) x[n,t,c]*w[c,k]) + sum(j) h[n,t-1,j]*w[C+j,k])
        h[n,-1,k] = 0""",
    "wave": """
        c = 0.3
        w[t,i] = 2*w[t-1,i] - w[t-2,i] + c*v[i]*(w[t-1,i+1] - 2*w[t-1,i] + w[t-1,i-1]) + x[t,i]
        w[-1,i] = p[i]
        w[-2,i] = q[i]""",
    "diagonals": """
        h[n,s,i] = x[n,s,i] + log(exp(h[n,s-1,i]) + exp(h[n,s-1,i-1]) + exp(h[n,s-2,i-1]))
        h[n,-1,i] = p[n,i]
        h[n,-2,i] = 0""",
    "ahead": """
        h[i,t] = tanh(x[i,t] + h[i+2,t+1] * u[i])
        h[i,T] = p[i]""",
    "running_sum": "y[i] = y[i-1] + x[i]; y[-1] = 0",
}
"""By name; sizes are called by the capitals of their indices."""


def twin(name: str) -> Callable[..., Any]:
    """A function of PyTorch's tensors, by the names of the text's inputs."""
    twins: dict[str, Callable[..., Any]] = {
        "rnn": _rnn, "lstm": _lstm, "gru": _gru, "crf": _crf, "viterbi": _viterbi, "selective_scan": _selective_scan,
        "delta_rule": _delta_rule, "both_ways": _both_ways, "two_back": _two_back, "running_sum": _running_sum,
        "products": _products, "back_pointers": _back_pointers, "greedy": _greedy,
        "joined": _joined, "wave": _wave, "diagonals": _diagonals, "ahead": _ahead,
    }  # fmt: skip
    return twins[name]


def _stacked(states: list[Any], axis: int = 1) -> Any:
    import torch

    return torch.stack(states, axis)


def _rnn(x: Any, w: Any, b: Any, u: Any, h0: Any) -> Any:
    h, found = h0, []
    for t in range(x.shape[1]):
        h = (b + x[:, t] @ w + h @ u).tanh()
        found.append(h)
    return _stacked(found)


def _lstm(x: Any, w_i: Any, u_i: Any, w_f: Any, u_f: Any, w_g: Any, u_g: Any, c0: Any) -> Any:
    c, h, found = c0, c0 * 0, []
    for t in range(x.shape[1]):
        at = x[:, t]
        i, f, g = (at @ w_i + h @ u_i).sigmoid(), (at @ w_f + h @ u_f).sigmoid(), (at @ w_g + h @ u_g).tanh()
        c = f * c + i * g
        h = c.tanh()
        found.append((h, c))
    return tuple(_stacked([pair[k] for pair in found]) for k in range(2))


def _gru(x: Any, w_z: Any, u_z: Any, w_m: Any, u_m: Any, h0: Any) -> Any:
    h, found = h0, []
    for t in range(x.shape[1]):
        z = (x[:, t] @ w_z + h @ u_z).sigmoid()
        h = (1 - z) * (x[:, t] @ w_m + z * (h @ u_m)).tanh() + z * h
        found.append(h)
    return _stacked(found)


def _crf(x: Any, w: Any, s: Any) -> Any:
    a = s.expand(x.shape[0], -1)
    for t in range(x.shape[1]):
        a = x[:, t] + (a[:, :, None] + w).logsumexp(1)
    return a.logsumexp(1)


def _viterbi(x: Any, w: Any) -> Any:
    v = x[:, 0] * 0
    for t in range(x.shape[1]):
        v = x[:, t] + (v[:, :, None] + w).max(1).values
    return v.max(1).values


def _selective_scan(x: Any, p: Any, a: Any, b: Any, c: Any) -> Any:
    s, found = 0, []
    for t in range(x.shape[1]):
        s = (p[:, t, :, None] * a).exp() * s + p[:, t, :, None] * b[:, t, None] * x[:, t, :, None]
        found.append((s * c[:, t, None]).sum(-1))
    return _stacked(found)


def _delta_rule(x: Any, q: Any, r: Any, w: Any) -> Any:
    s, found = x[:, 0, :, None] * q[:, 0, None] * 0, []
    for t in range(x.shape[1]):
        o = (s * q[:, t, None]).sum(-1)
        s = s + r[:, t, None, None] * (x[:, t] - o)[:, :, None] * q[:, t, None]
        found.append(s @ w)
    return _stacked(found)


def _moved(a: Any, by: int) -> Any:
    """The elements `by` further along the last axis, 0 where there is none."""
    import torch

    k = abs(by)
    padded = torch.nn.functional.pad(a, (k, k))
    return padded[..., k + by : k + by + a.shape[-1]]


def _wave(x: Any, v: Any, p: Any, q: Any) -> Any:
    found = [q, p]
    for at in x:
        last, now = found[-2:]
        found.append(2 * now - last + 0.3 * v * (_moved(now, 1) - 2 * now + _moved(now, -1)) + at)
    return _stacked(found[2:], 0)


def _diagonals(x: Any, p: Any) -> Any:
    last, now, found = p * 0, p, []
    for s in range(x.shape[1]):
        last, now = now, x[:, s] + (now.exp() + _moved(now, -1).exp() + _moved(last, -1).exp()).log()
        found.append(now)
    return _stacked(found)


def _ahead(x: Any, u: Any, p: Any) -> Any:
    h, found = p, []
    for at in reversed(x.unbind(1)):
        h = (at + _moved(h, 2) * u).tanh()
        found.append(h)
    return _stacked(found[::-1])


def _both_ways(x: Any, u: Any, w: Any, g0: Any) -> Any:
    h, g, found, back = g0 * 0, g0, [], []
    for t in range(x.shape[1]):
        h, g = (x[:, t] + h @ u).tanh(), (x[:, x.shape[1] - 1 - t] + g @ w).tanh()
        found.append(h)
        back.append(g)
    return _stacked(found) * _stacked(back[::-1])


def _two_back(x: Any, p: Any, q: Any) -> Any:
    found = [q, p]
    for k in range(x.shape[0]):
        found.append(0.5 * found[-1] + x[k] * found[-2])
    return _stacked(found[2:], 0)


def _products(x: Any, u: Any) -> Any:
    h, found = x[:, 0] * 0 + 0.5, []
    for t in range(x.shape[1]):
        h = x[:, t] * (1 - u * h).cumprod(-1)
        found.append(h)
    return _stacked(found)


def _back_pointers(x: Any, w: Any) -> Any:
    v, found = x[:, 0] * 0, []
    for t in range(x.shape[1]):
        best = (v[:, :, None] + w).max(1)
        v = x[:, t] + best.values
        found.append(v * x[:, t].gather(1, best.indices))
    return _stacked(found)


def _greedy(x: Any, w: Any) -> Any:
    last, found = x[:, 0].argmax(-1) * 0, []
    for t in range(x.shape[1]):
        h = x[:, t] + w[last]
        last = h.argmax(-1)
        found.append(h)
    return _stacked(found)


def _joined(x: Any, w: Any) -> Any:
    import torch

    h, found = x.new_zeros(x.shape[0], w.shape[1]), []
    for t in range(x.shape[1]):
        h = (torch.cat([x[:, t], h], 1) @ w).tanh()
        found.append(h)
    return _stacked(found)


def _running_sum(x: Any) -> Any:
    return x.cumsum(0)
