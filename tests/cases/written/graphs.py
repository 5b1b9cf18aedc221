"""Layers on graphs, sets and points: edges are pairs of labels, neighbourhoods are masks or given orders."""

from typing import Any

import pytest

from tests.cases.written.written import Written

torch = pytest.importorskip("torch")
F = torch.nn.functional


def _sent(values: Any, target: Any, size: int) -> Any:
    """Messages added up at their targets."""
    return torch.zeros(size, *values.shape[1:], dtype=values.dtype).index_add(0, target, values)


def _softmax_at(scores: Any, target: Any, size: int) -> Any:
    """A softmax over the edges that have one target."""
    e = (scores - scores.max().detach()).exp()
    return e / _sent(e, target, size)[target]


def _gatv2(s: Any, t: Any, x: Any, w: Any, v: Any, a: Any) -> Any:
    score = F.leaky_relu((x @ w)[s] + (x @ v)[t], 0.2) @ a
    return _sent(_softmax_at(score, t, len(x))[:, None] * (x @ w)[s], t, len(x))


def _chebyshev(ell: Any, x: Any, w: Any) -> Any:
    terms = [x, ell @ x]
    for _ in range(2):
        terms.append(2 * ell @ terms[-1] - terms[-2])
    return torch.einsum("knc,kcf->nf", torch.stack(terms), w)


def _relational(s: Any, t: Any, r: Any, x: Any, w: Any, v: Any) -> Any:
    count = torch.zeros(5, 3, dtype=x.dtype).index_put((t, r), torch.ones(len(s), dtype=x.dtype), accumulate=True)
    messages = torch.einsum("ec,eck->ek", x[s], w[r]) / count[t, r][:, None]
    return (x @ v + _sent(messages, t, 5)).relu()


def _equivariant(x: Any, h: Any, w: Any, v: Any, u: Any) -> Any:
    d = x[:, None] - x[None]
    m = torch.tanh((h @ w)[:, None] + (h @ v)[None] + (d * d).sum(-1, keepdim=True))
    off = 1 - torch.eye(len(x), dtype=x.dtype)
    return x + torch.einsum("ijd,ij->id", d, (m @ u) * off) / (len(x) - 1), torch.einsum("ijk,ij->ik", m, off)


def _aggregates(a: Any, x: Any) -> Any:
    d = a.double().sum(1, keepdim=True)
    mean = a.double() @ x / d
    inf = torch.where(a[:, :, None] == 1, x[None], -torch.inf)
    spread = (((a.double() @ (x * x)) / d - mean**2).relu() + 1e-5).sqrt()
    low = torch.where(a[:, :, None] == 1, x[None], torch.inf).amin(1)
    return torch.cat([mean, inf.amax(1), low, spread], 1) * (d + 1).log()


def _propagated(a: Any, z: Any) -> Any:
    h = z
    for _ in range(4):
        h = 0.9 * a @ h + 0.1 * z
    return h


def _lorentz(x: Any, y: Any) -> Any:
    inner = -x[:, :1] * y[None, :, 0] + x[:, 1:] @ y[:, 1:].T
    return torch.acosh((-inner).clamp(min=1 + 1e-6))


A_MASK = "a 4,4 <2"

GRAPHS = {
    "gin": Written(
        """eps = 0.1; integer s, t
        m[v,c] = (1 + eps)*x[v,c] + sum(e) [t[e] == v] x[s[e],c]
        h[v,k] = relu(b[k] + sum(c) m[v,c]*w[c,k])
        y[v,o] = sum(k) h[v,k]*u[k,o]""",
        lambda s, t, x, b, w, u: (b + (1.1 * x + _sent(x[s], t, 5)) @ w).relu() @ u,
        "s 7 <5; t 7 <5; x 5,3; b 4; w 3,4; u 4,2",
    ),
    "sage_mean": Written(
        """integer s, t
        d[v] = max(sum(e) [t[e] == v], 1)
        m[v,c] = sum(e) [t[e] == v] x[s[e],c] / d[v]
        h[v,k] = sum(c) x[v,c]*w[c,k] + sum(c) m[v,c]*u[c,k]
        y[v,k] = h[v,k] / sqrt(sum(j) h[v,j]^2 + 1e-12)
        input s[E], t[E], x[V,C], w[C,K], u[C,K]""",
        lambda s, t, x, w, u: F.normalize(
            (h := x @ w + _sent(x[s], t, 5) / torch.bincount(t, minlength=5).clamp(min=1)[:, None] @ u) + 0 * h, dim=1
        ),
        "s 7 <5; t 7 <5; x 5,3; w 3,4; u 3,4",
    ),
    "sage_pool": Written(
        """input s[E], t[E], x[V,C], w[C,K]; integer s, t
        p[v,k] = relu(sum(c) x[v,c]*w[c,k])
        m[v,k] = max(e) [t[e] == v] p[s[e],k]
        y[v,k] = max(m[v,k], 0) + p[v,k]""",
        lambda s, t, x, w: (
            (p := (x @ w).relu())
            + torch.stack([p[s[t == v]].amax(0) if (t == v).any() else p[0] * 0 for v in range(5)])
        ),
        "s 7 <5; t 7 <5; x 5,3; w 3,4",
    ),
    "gatv2": Written(
        """integer s, t; slope = 0.2
        input s[E], t[E], x[V,C], w[C,K], v[C,K], a[K]
        l[n,k] = sum(c) x[n,c]*w[c,k]; r[n,k] = sum(c) x[n,c]*v[c,k]
        z[e,k] = l[s[e],k] + r[t[e],k]
        g[e] = sum(k) a[k]*([z[e,k] > 0]*z[e,k] + [z[e,k] <= 0]*slope*z[e,k])
        m[n] = max(e) [t[e] == n] g[e]
        h[e] = exp(g[e] - m[t[e]]); d[n] = sum(e) [t[e] == n] h[e]
        y[n,k] = sum(e) [t[e] == n] h[e]/d[t[e]]*l[s[e],k]""",
        _gatv2,
        "s 9 <5; t 9 <5; x 5,3; w 3,4; v 3,4; a 4",
    ),
    "edge_conv": Written(
        """y[i,k] = max(j) [a[i,j] == 1] relu(sum(c) x[i,c]*w[c,k] + sum(c) (x[j,c] - x[i,c])*u[c,k]); integer a""",
        lambda a, x, w, u: torch.where(
            (a == 1)[:, :, None], ((x @ w)[:, None] + (x[None] - x[:, None]) @ u).relu(), -torch.inf
        ).amax(1),
        "a 4,4 <2; x 4,3; w 3,2; u 3,2",
    ),
    "schnet": Written(
        """gamma = 10.0; cutoff = 3.0; G = 5; g < G
        r[i,j] = sqrt(sum(d) (p[i,d] - p[j,d])^2 + 1e-12)
        f[i,j,g] = exp(-gamma*(r[i,j] - cutoff*g/(G - 1))^2)
        k[i,j,c] = sum(g) f[i,j,g]*w[g,c]
        y[i,c] = sum(j) [i != j] x[j,c]*softplus(k[i,j,c])*(cos(pi*r[i,j]/cutoff) + 1)/2*[r[i,j] < cutoff]""",
        lambda p, w, x: torch.einsum(
            "jc,ijc,ij->ic",
            x,
            F.softplus(
                torch.exp(
                    -10
                    * (
                        (r := (((p[:, None] - p[None]) ** 2).sum(-1) + 1e-12).sqrt())[:, :, None]
                        - 3 * torch.arange(5) / 4
                    )
                    ** 2
                )
                @ w
            ),
            ((torch.pi * r / 3).cos() + 1) / 2 * (r < 3) * (1 - torch.eye(4)),
        ),
        "p 4,3; w 5,2; x 4,2",
    ),
    "egnn": Written(
        """d2[i,j] = sum(d) (x[i,d] - x[j,d])^2
        m[i,j,k] = tanh(sum(c) h[i,c]*w[c,k] + sum(c) h[j,c]*v[c,k] + d2[i,j])
        p[i,d] = x[i,d] + sum(j) [j != i] (x[i,d] - x[j,d])*sum(k) m[i,j,k]*u[k] / (I - 1)
        q[i,k] = sum(j) [j != i] m[i,j,k]
        output p, q""",
        _equivariant,
        "x 4,3; h 4,2; w 2,3; v 2,3; u 3",
    ),
    "pna": Written(
        """integer a
        d[i] = sum(j) a[i,j]
        mean_[i,c] = sum(j) a[i,j]*x[j,c]/d[i]
        hi[i,c] = max(j) [a[i,j] == 1] x[j,c]
        lo[i,c] = min(j) [a[i,j] == 1] x[j,c]
        sd[i,c] = sqrt(relu(sum(j) a[i,j]*x[j,c]^2/d[i] - mean_[i,c]^2) + 1e-5)
        z[i,c] = mean_[i,c]; z[i,C+e] += hi[i,e]; z[i,2*C+f] += lo[i,f]; z[i,3*C+g] += sd[i,g]
        y[i,k] = log(d[i] + 1)*z[i,k]
        input a[I,I], x[I,C]; e < C; f < C; g < C""",
        _aggregates,
        "a 4,4 <2; x 4,3",
    ),
    "graph_transformer": Written(
        """integer a
        q[n,i,h,d] = sum(c) x[n,i,c]*wq[c,h,d]
        k[n,i,h,d] = sum(c) x[n,i,c]*wk[c,h,d]
        v[n,i,h,d] = sum(c) x[n,i,c]*wv[c,h,d]
        s[n,h,i,j] = sum(d) q[n,i,h,d]*k[n,j,h,d]/sqrt(D) + b[a[n,i,j],h]
        p[n,h,i,j] = softmax(s[n,h,i,j], j)
        y[n,i,o] = sum(h,d) (sum(j) p[n,h,i,j]*v[n,j,h,d])*wo[h,d,o]""",
        lambda x, wq, wk, wv, a, b, wo: torch.einsum(
            "nhij,njhd,hdo->nio",
            (torch.einsum("nic,chd,njb,bhd->nhij", x, wq, x, wk) / 3**0.5 + b[a].permute(0, 3, 1, 2)).softmax(-1),
            torch.einsum("njc,chd->njhd", x, wv),
            wo,
        ),
        "x 2,4,3; wq 3,2,3; wk 3,2,3; wv 3,2,3; a 2,4,4 <5; b 5,2; wo 2,3,3",
    ),
    "edge_network": Written(
        """integer s, t; input s[E], t[E], x[V,C], f[E,D], w[D,C,K], u[C,K]
        y[v,k] = sum(c) x[v,c]*u[c,k] + sum(e,c,d) [t[e] == v] x[s[e],c]*f[e,d]*w[d,c,k]""",
        lambda s, t, x, f, w, u: x @ u + _sent(torch.einsum("ec,ed,dck->ek", x[s], f, w), t, 5),
        "s 7 <5; t 7 <5; x 5,3; f 7,2; w 2,3,4; u 3,4",
    ),
    "appnp": Written(
        """alpha = 0.1; t < 4
        h[t,i,c] = (1 - alpha)*(sum(j) a[i,j]*h[t-1,j,c]) + alpha*z[i,c]
        h[-1,i,c] = z[i,c]
        y[i,c] = h[3,i,c]""",
        _propagated,
        "a 4,4; z 4,3",
    ),
    "chebyshev": Written(
        """input L[V,V], x[V,C], w[K,C,F]
        z[k,v,c] = [k == 0]*x[v,c] + [k == 1]*(sum(j) L[v,j]*x[j,c]) + [k > 1]*(2*(sum(j) L[v,j]*z[k-1,j,c]) \\
            - z[k-2,v,c])
        z[-1,v,c] = 0; z[-2,v,c] = 0
        y[v,f] = sum(k,c) z[k,v,c]*w[k,c,f]""",
        _chebyshev,
        "L 4,4; x 4,2; w 4,2,3",
    ),
    "relational": Written(
        """integer s, t, r; input s[E], t[E], r[E], x[V,C], w[R,C,K], u[C,K]
        n[v,q] = sum(e) [t[e] == v, r[e] == q]; q < R
        m[e,k] = sum(c) x[s[e],c]*w[r[e],c,k] / n[t[e],r[e]]
        y[v,k] = relu(sum(c) x[v,c]*u[c,k] + sum(e) [t[e] == v] m[e,k])""",
        _relational,
        "s 8 <5; t 8 <5; r 8 <3; x 5,2; w 3,2,4; u 2,4",
    ),
    "lorentz_distance": Written(
        """x0[i] = sqrt(1 + sum(d) x[i,d]^2); z0[j] = sqrt(1 + sum(d) z[j,d]^2)
        y[i,j] = acosh(max(x0[i]*z0[j] - sum(d) x[i,d]*z[j,d], 1 + 1e-6))""",
        lambda x, z: _lorentz(
            torch.cat([(1 + (x * x).sum(1, keepdim=True)).sqrt(), x], 1),
            torch.cat([(1 + (z * z).sum(1, keepdim=True)).sqrt(), z], 1),
        ),
        "x 3,2; z 4,2",
    ),
    "poincare_distance": Written(
        """n[i] = 1 - sum(d) x[i,d]^2/9; m[j] = 1 - sum(d) z[j,d]^2/9
        y[i,j] = acosh(1 + 2*(sum(d) (x[i,d] - z[j,d])^2/9)/(n[i]*m[j]))""",
        lambda x, z: torch.acosh(
            1
            + 2
            * ((x[:, None] - z[None]) ** 2).sum(-1)
            / 9
            / ((1 - (x * x).sum(1) / 9)[:, None] * (1 - (z * z).sum(1) / 9))
        ),
        "x 3,2 %; z 4,2 %",
    ),
    "exponential_map": Written(
        """n[i] = sqrt(sum(d) v[i,d]^2 + 1e-9)
        y[i,0] = cosh(n[i]); y[i,1+d] += sinh(n[i])*v[i,d]/n[i]""",
        lambda v: torch.cat([(n := ((v * v).sum(1, keepdim=True) + 1e-9).sqrt()).cosh(), n.sinh() * v / n], 1),
        "v 4,3",
    ),
    "point_set_abstraction": Written(
        """integer c, g; input c[S], g[S,M], p[N,D], x[N,C], w[D,K], u[C,K], b[K]
        h[s,m,k] = b[k] + sum(d) (p[g[s,m],d] - p[c[s],d])*w[d,k] + sum(q) x[g[s,m],q]*u[q,k]
        y[s,k] = max(m) relu(h[s,m,k])""",
        lambda c, g, p, x, w, u, b: (b + (p[g] - p[c][:, None]) @ w + x[g] @ u).relu().amax(1),
        "c 3 <7; g 3,4 <7; p 7,3; x 7,2; w 3,5; u 2,5; b 5",
    ),
    "three_nearest_interpolation": Written(
        """integer o; input o[N,K], p[N,D], q[M,D], f[M,C]
        g[n,k] = sum(d) (p[n,d] - q[o[n,k],d])^2
        r[n,k] = 1/(g[n,k] + 1e-8)
        y[n,c] = sum(k) r[n,k]/(sum(j) r[n,j])*f[o[n,k],c]""",
        lambda o, p, q, f: torch.einsum(
            "nk,nkc->nc",
            (r := 1 / (((p[:, None] - q[o]) ** 2).sum(-1) + 1e-8)) / r.sum(1, keepdim=True),
            f[o],
        ),
        "o 4,3 <5; p 4,3; q 5,3; f 5,2",
    ),
    "dynamic_graph": Written(
        """integer order; k < 3
        y[n,i,f] = max(k) relu(b[f] + sum(c) (x[n, order[n,i,k], c] - x[n,i,c])*w[c,f] + sum(c) x[n,i,c]*v[c,f])""",
        lambda order, b, x, w, v: (
            (b + (torch.stack([x[n][order[n]] for n in range(2)]) - x[:, :, None]) @ w + (x @ v)[:, :, None])
            .relu()
            .amax(2)
        ),
        "order 2,5,3 <5; b 4; x 2,5,3; w 3,4; v 3,4",
    ),
    "symmetric_gcn": Written(
        """d[i] = 1 + sum(j) a[i,j]
        y[i,k] = sum(j,c) (a[i,j] + [i == j])/sqrt(d[i]*d[j])*x[j,c]*w[c,k]""",
        lambda a, x, w: (s := (1 + a.sum(1)) ** -0.5)[:, None] * (a + torch.eye(4)) * s @ x @ w,
        "a 4,4 +; x 4,3; w 3,2",
    ),
    "translated_triples": Written(
        """integer h, r, t; margin = 1.0
        d[n] = sum(c) abs(e[h[n,0],c] + q[r[n],c] - e[t[n,0],c])
        f[n] = sum(c) abs(e[h[n,1],c] + q[r[n],c] - e[t[n,1],c])
        y = sum(n) max(0, margin + d[n] - f[n])""",
        lambda h, r, t, e, q: (
            (1 + (e[h[:, 0]] + q[r] - e[t[:, 0]]).abs().sum(1) - (e[h[:, 1]] + q[r] - e[t[:, 1]]).abs().sum(1))
            .relu()
            .sum()
        ),
        "h 5,2 <6; r 5 <3; t 5,2 <6; e 6,4; q 3,4",
    ),
    "complex_bilinear": Written(
        """complex e, q; integer h, r, t
        y[n] = re(sum(c) e[h[n],c]*q[r[n],c]*conj(e[t[n],c]))""",
        lambda h, r, t, e, q: (
            ((z := torch.view_as_complex(e))[h] * torch.view_as_complex(q)[r] * z[t].conj()).sum(1).real
        ),
        "h 5 <6; r 5 <3; t 5 <6; e 6,4,2; q 3,4,2",
    ),
    "rotated": Written(
        """complex e; integer h, r, t
        y[n] = -sum(c) abs(e[h[n],c]*exp(complex(0, p[r[n],c])) - e[t[n],c])""",
        lambda h, r, t, e, p: (
            -((z := torch.view_as_complex(e))[h] * torch.polar(torch.ones_like(p), p)[r] - z[t]).abs().sum(1)
        ),
        "h 5 <3; r 5 <3; t 5 <3; e 6,4,2; p 3,4",
    ),
    "deep_sets": Written(
        "h[n,k] = sum(i) [i < l[n]] tanh(sum(c) x[n,i,c]*w[c,k]); y[n,o] = sum(k) h[n,k]*u[k,o]; integer l",
        lambda ell, x, w, u: ((x @ w).tanh() * (torch.arange(4) < ell[:, None])[:, :, None]).sum(1) @ u,
        "l 3 <5; x 3,4,2; w 2,5; u 5,2",
    ),
    "slot_attention": Written(
        """a[n,i,k] = softmax(sum(d) x[n,i,d]*s[n,k,d]/sqrt(D), k) + 1e-8
        w[n,i,k] = a[n,i,k] / sum(j) a[n,j,k]
        y[n,k,d] = sum(i) w[n,i,k]*v[n,i,d]""",
        lambda x, s, v: ((a := (x @ s.mT / 3**0.5).softmax(-1) + 1e-8) / a.sum(1, keepdim=True)).mT @ v,
        "x 2,5,3; s 2,4,3; v 2,5,3",
    ),
    "laplacian_energy": Written(
        "e = sum(i,j,c) a[i,j]*(x[i,c] - x[j,c])^2 / 2",
        lambda a, x: (a * ((x[:, None] - x[None]) ** 2).sum(-1)).sum() / 2,
        "a 4,4; x 4,3",
    ),
    "line_and_second_order": Written(
        "y[i] = log(sum(j) exp(sum(c) x[i,c]*x[j,c])) - sum(j) a[i,j]*sum(c) x[i,c]*x[j,c]",
        lambda x, a: (x @ x.T).logsumexp(1) - (a * (x @ x.T)).sum(1),
        "x 4,3; a 4,4",
    ),
}
