"""Graphs, sets, molecules, recommendations, memories of text."""

from typing import Any

import pytest

from tests.cases.written.written import Written

torch = pytest.importorskip("torch")
F = torch.nn.functional


def _sent(values: Any, target: Any, size: int) -> Any:
    return torch.zeros(size, *values.shape[1:], dtype=values.dtype).index_add(0, target, values)


def _directional(x: Any, i: Any, j: Any, kj: Any, ji: Any, m: Any, w: Any) -> Any:
    d = x[j] - x[i]
    r = ((d**2).sum(1) + 0.01).sqrt()
    rbf = (2 / 5) ** 0.5 * torch.sin(torch.arange(1, 4).double() * torch.pi * r[:, None] / 5) / r[:, None]
    angle = torch.acos(-(d[ji] * d[kj]).sum(1) / (r[ji] * r[kj]))
    sbf = rbf[kj][:, :, None] * torch.cos(torch.arange(2).double() * angle[:, None])[:, None]
    return _sent(torch.einsum("tls,tc,lsck->tk", sbf, m[kj], w), ji, len(m)).tanh()


def _painn(s: Any, v: Any, i: Any, j: Any, d: Any, w: Any, u: Any) -> Any:
    r = (d**2).sum(1).sqrt() + 0.1
    rbf = torch.sin(torch.arange(1, 4).double() * torch.pi * r[:, None] / 5) / r[:, None]
    cut = 0.5 * (torch.cos(torch.pi * r / 5) + 1) * (r < 5)
    phi = torch.einsum("ec,cgk->egk", F.silu(s)[j], w) * torch.einsum("er,rgk->egk", rbf, u) * cut[:, None, None]
    unit = d / r[:, None]
    dv = v[j] * phi[:, 0, :, None] + phi[:, 1, :, None] * unit[:, None]
    return s + _sent(phi[:, 2], i, len(s)), v + _sent(dv, i, len(s))


def _gated_graph(x: Any, h: Any, a: Any, b: Any, u: Any, v: Any, s: Any, t: Any) -> Any:
    gate = (h + (x @ a)[s] + (x @ b)[t]).sigmoid()
    total = _sent(gate, t, len(x)) + 1e-6
    return x + (x @ u + _sent(gate * (x @ v)[s], t, len(x)) / total).relu()


def _pooled_graph(a: Any, x: Any, w: Any) -> Any:
    s = torch.einsum("ij,jc,ck->ik", a, x, w).softmax(1)
    link = ((a - s @ s.T) ** 2).sum().sqrt()
    return s.T @ x, s.T @ a @ s, link, -(s * s.log()).sum(1).mean()


def _least_cut(a: Any, s: Any) -> Any:
    p = s.softmax(1)
    d = a.sum(1)
    cut = -(p * (a @ p)).sum() / (p * d[:, None] * p).sum()
    ss = p.T @ p
    n = torch.eye(len(ss), dtype=a.dtype) / len(ss) ** 0.5
    return cut + ((ss / (ss**2).sum().sqrt() - n) ** 2).sum().sqrt()


def _hypergraph(h: Any, x: Any, w: Any, theta: Any) -> Any:
    d, b = (h * w).sum(1), h.sum(0)
    z = h / d.sqrt()[:, None]
    return ((z * (w / b)) @ (z.T @ (x @ theta))).relu()


def _graphormer(x: Any, wq: Any, wk: Any, wv: Any, spd: Any, b: Any, deg: Any, z: Any) -> Any:
    h = x + z[deg]
    s = (h @ wq) @ (h @ wk).T / wq.shape[1] ** 0.5 + b[spd]
    return s.softmax(1) @ (h @ wv)


def _invariant_points(q: Any, k: Any, v: Any, b: Any, r: Any, t: Any, qp: Any, kp: Any, gamma: Any) -> Any:
    gq = torch.einsum("iab,ihpb->ihpa", r, qp) + t[:, None, None]
    gk = torch.einsum("iab,ihpb->ihpa", r, kp) + t[:, None, None]
    far = ((gq[:, None] - gk[None]) ** 2).sum((3, 4))
    s = torch.einsum("ihd,jhd->ijh", q, k) / q.shape[2] ** 0.5 + b - F.softplus(gamma) * (2 / 9) ** 0.5 / 2 * far
    a = (s / 3**0.5).softmax(1)
    o = torch.einsum("ijh,jhpa->ihpa", a, gk)
    return torch.einsum("ijh,jhd->ihd", a, v), torch.einsum("iba,ihpb->ihpa", r, o - t[:, None, None])


def _initial_residual(p: Any, h: Any, h0: Any, w: Any) -> Any:
    z = 0.9 * p @ h + 0.1 * h0
    return (0.5 * z + 0.5 * z @ w).relu()


def _factorised(x: Any, b: Any, w: Any, v: Any) -> Any:
    return b + x @ w + 0.5 * ((x @ v) ** 2 - x**2 @ v**2).sum(1)


def _crossed(x: Any, w: Any, b: Any) -> Any:
    y = x
    for k in range(len(w)):
        y = x * (y @ w[k])[:, None] + b[k] + y
    return y


def _ranked_pairs(e: Any, a: Any, u: Any, i: Any, j: Any) -> Any:
    d = a.sum(1).rsqrt()
    p = d[:, None] * a * d
    layers = [e]
    for _ in range(2):
        layers.append(p @ layers[-1])
    z = torch.stack(layers).mean(0)
    return -F.logsigmoid((z[u] * z[i]).sum(1) - (z[u] * z[j]).sum(1)).sum() + 1e-4 * (e**2).sum()


def _interest(q: Any, k: Any, n: Any, w: Any, v: Any) -> Any:
    both = torch.cat([q[:, None].expand_as(k), k, q[:, None] - k, q[:, None] * k], 2)
    s = F.prelu(both @ w, torch.tensor([0.25]).double()) @ v
    s = s * (torch.arange(k.shape[1]) < n[:, None])
    return torch.einsum("nt,ntd->nd", s, k)


def _negative_samples(u: Any, v: Any, c: Any, o: Any, neg: Any) -> Any:
    good = F.logsigmoid((u[c] * v[o]).sum(1))
    return -(good + F.logsigmoid(-torch.einsum("nd,nkd->nk", u[c], v[neg])).sum(1)).mean()


def _nearest_words(p: Any, q: Any, keys: Any, near: Any, word: Any, y: Any) -> Any:
    d = ((q[:, None] - keys[near]) ** 2).sum(2)
    w = (-d / 10).softmax(1)
    mixed = 0.75 * p.softmax(1) + 0.25 * torch.zeros_like(p).scatter_add(1, word[near], w)
    return -mixed.gather(1, y[:, None]).log().sum()


MOLECULES = {
    "directional_messages": Written(
        """# DimeNet: an edge reads the edges that end where it begins, by distance and angle
        integer i, j, kj, ji
        cutoff = 5.0
        input x[V,3], i[E], j[E], kj, ji, m[E,C], w[L,S,C,K]
        d[e,a] = x[j[e],a] - x[i[e],a]
        r[e] = sqrt(sum(a) d[e,a]^2 + 0.01)
        b[e,l] = sqrt(2/cutoff)*sin((l + 1)*pi*r[e]/cutoff)/r[e]
        angle[t] = acos(-(sum(a) d[ji[t],a]*d[kj[t],a])/(r[ji[t]]*r[kj[t]]))
        y[e,k] = tanh(sum(t,l,s,c) [ji[t] == e] b[kj[t],l]*cos(s*angle[t])*m[kj[t],c]*w[l,s,c,k])
        e < E""",
        _directional,
        "x 5,3; i 4 <5; j 4 <5; kj 6 <4; ji 6 <4; m 4,3; w 3,2,3,2",
    ),
    "painn": Written(
        """integer i, j; rc = 5.0
        input s[V,C], v[V,C,3], i[E], j[E], d[E,3], w[C,3,C], u[R,3,C]
        l[e] = sqrt(sum(a) d[e,a]^2) + 0.1
        b[e,r] = sin((r + 1)*pi*l[e]/rc)/l[e]
        f[e] = [l[e] < rc]*(cos(pi*l[e]/rc) + 1)/2
        p[e,g,k] = f[e]*(sum(c) silu(s[j[e],c])*w[c,g,k])*(sum(r) b[e,r]*u[r,g,k])
        ds[n,k] = s[n,k] + sum(e) [i[e] == n] p[e,2,k]
        dv[n,k,a] = v[n,k,a] + sum(e) [i[e] == n] (v[j[e],k,a]*p[e,0,k] + p[e,1,k]*d[e,a]/l[e])
        output ds, dv""",
        _painn,
        "s 4,2; v 4,2,3; i 5 <4; j 5 <4; d 5,3; w 2,3,2; u 3,3,2",
    ),
    "gated_graph_convolution": Written(
        """integer s, t
        g[e,k] = sigmoid(h[e,k] + sum(c) x[s[e],c]*a[c,k] + sum(c) x[t[e],c]*b[c,k])
        z[n,k] = sum(e) [t[e] == n] g[e,k]
        y[n,k] = x[n,k] + relu(sum(c) x[n,c]*u[c,k] \\
            + (sum(e) [t[e] == n] g[e,k]*(sum(c) x[s[e],c]*v[c,k]))/(z[n,k] + 1e-6))
        input x, h, a, b, u, v, s, t""",
        _gated_graph,
        "x 4,3; h 5,3; a 3,3; b 3,3; u 3,3; v 3,3; s 5 <4; t 5 <4",
    ),
    "differentiable_pooling": Written(
        """s[i,k] = softmax(sum(j,c) a[i,j]*x[j,c]*w[c,k], k)
        z[k,c] = sum(i) s[i,k]*x[i,c]
        b[k,l] = sum(i,j) s[i,k]*a[i,j]*s[j,l]
        link = sqrt(sum(i,j) (a[i,j] - sum(k) s[i,k]*s[j,k])^2)
        h = -sum(i,k) s[i,k]*log(s[i,k]) / I
        output z, b, link, h""",
        _pooled_graph,
        "a 4,4; x 4,3; w 3,2",
    ),
    "least_cut": Written(
        """p[i,k] = softmax(s[i,k], k)
        d[i] = sum(j) a[i,j]
        cut = -(sum(i,j,k) a[i,j]*p[i,k]*p[j,k]) / (sum(i,k) d[i]*p[i,k]^2)
        q[k,l] = sum(i) p[i,k]*p[i,l]
        e = cut + sqrt(sum(k,l) (q[k,l]/sqrt(sum(m,r) q[m,r]^2) - [k == l]/sqrt(K))^2)
        input a, s""",
        _least_cut,
        "a 4,4 +; s 4,3",
    ),
    "hypergraph": Written(
        """d[v] = sum(e) h[v,e]*w[e]
        b[e] = sum(v) h[v,e]
        z[e,k] = sum(v,c) h[v,e]*x[v,c]*theta[c,k]/sqrt(d[v])
        y[v,k] = relu(sum(e) h[v,e]*w[e]/b[e]*z[e,k]/sqrt(d[v]))
        input h, x, w, theta""",
        _hypergraph,
        "h 4,3 +; x 4,2; w 3 +; theta 2,3",
    ),
    "graphormer": Written(
        """integer spd, deg
        h[i,c] = x[i,c] + z[deg[i],c]
        s[i,j] = (sum(c,d) h[i,c]*wq[c,d] * sum(e) h[j,e]*wk[e,d]) / sqrt(D) + b[spd[i,j]]
        y[i,d] = sum(j) softmax(s[i,j], j) * sum(c) h[j,c]*wv[c,d]
        input x, wq, wk, wv, spd, b, deg, z""",
        _graphormer,
        "x 4,3; wq 3,2; wk 3,2; wv 3,2; spd 4,4 <3; b 3; deg 4 <3; z 3,3",
    ),
    "invariant_point_attention": Written(
        """# AlphaFold 2; every residue i has a frame, the rotation r and the translation t
        input q[I,H,D], k[I,H,D], v[I,H,D], b[I,I,H], r[I,3,3], t[I,3], qp[I,H,P,3], kp[I,H,P,3], gamma[H]
        g[i,h,p,x] = sum(y) r[i,x,y]*qp[i,h,p,y] + t[i,x]
        f[j,h,p,x] = sum(y) r[j,x,y]*kp[j,h,p,y] + t[j,x]
        s[i,j,h] = sum(d) q[i,h,d]*k[j,h,d]/sqrt(D) + b[i,j,h] \\
            - softplus(gamma[h])*sqrt(2/9)/2*(sum(p,x) (g[i,h,p,x] - f[j,h,p,x])^2)
        a[i,j,h] = softmax(sqrt(1/3)*s[i,j,h], j)
        o[i,h,d] = sum(j) a[i,j,h]*v[j,h,d]
        u[i,h,p,y] = sum(x) r[i,x,y]*(sum(j) a[i,j,h]*f[j,h,p,x] - t[i,x])
        output o, u""",
        _invariant_points,
        "q 4,2,3; k 4,2,3; v 4,2,3; b 4,4,2; r 4,3,3; t 4,3; qp 4,2,2,3; kp 4,2,2,3; gamma 2",
    ),
    "initial_residual": Written(
        """alpha = 0.1; beta = 0.5
        z[i,c] = (1 - alpha)*(sum(j) p[i,j]*h[j,c]) + alpha*x[i,c]
        y[i,k] = relu((1 - beta)*z[i,k] + beta*sum(c) z[i,c]*w[c,k])
        input p, h, x, w""",
        _initial_residual,
        "p 4,4; h 4,3; x 4,3; w 3,3",
    ),
    "factorisation_machine": Written(
        """y[n] = b + sum(i) w[i]*x[n,i] + sum(k) ((sum(i) v[i,k]*x[n,i])^2 - sum(i) v[i,k]^2*x[n,i]^2)/2
        input x, b, w, v""",
        _factorised,
        "x 3,4; b 0; w 4; v 4,2",
    ),
    "crossed_features": Written(
        """y[l,n,d] = x[n,d]*(sum(c) y[l-1,n,c]*w[l,c]) + b[l,d] + y[l-1,n,d]
        y[-1,n,d] = x[n,d]
        z[n,d] = y[L-1,n,d]
        input x, w, b""",
        _crossed,
        "x 3,4; w 3,4; b 3,4",
    ),
    "pairs_of_a_graph": Written(
        """# LightGCN with Bayesian personalised ranking
        integer u, i, j
        p[a,b] = A[a,b]/sqrt(sum(c) A[a,c])/sqrt(sum(c) A[b,c])
        f[a,d] = sum(b) p[a,b]*e[b,d]
        g[a,d] = sum(b) p[a,b]*f[b,d]
        z[a,d] = (e[a,d] + f[a,d] + g[a,d])/3
        loss = -sum(n) log(sigmoid(sum(d) z[u[n],d]*z[i[n],d] - sum(d) z[u[n],d]*z[j[n],d])) + 1e-4*sum(a,d) e[a,d]^2
        input e, A, u, i, j""",
        _ranked_pairs,
        "e 4,3; A 4,4 +; u 5 <4; i 5 <4; j 5 <4",
    ),
    "deep_interest": Written(
        """slope = 0.25; integer n; d < D
        h[b,t,f] = sum(d) (q[b,d]*w[d,f] + k[b,t,d]*w[D + d,f] + (q[b,d] - k[b,t,d])*w[2*D + d,f] \\
            + q[b,d]*k[b,t,d]*w[3*D + d,f])
        s[b,t] = [t < n[b]] sum(f) (max(h[b,t,f], 0) + slope*min(h[b,t,f], 0))*v[f]
        y[b,d] = sum(t) s[b,t]*k[b,t,d]
        input q[B,D], k[B,T,D], n, w[4*D,F], v""",
        _interest,
        "q 2,3; k 2,4,3; n 2 <5; w 12,5; v 5",
    ),
    "negative_samples": Written(
        """# word2vec
        integer c, o, neg
        e = -sum(n) (log(sigmoid(sum(d) u[c[n],d]*v[o[n],d])) \\
            + sum(k) log(sigmoid(-sum(d) u[c[n],d]*v[neg[n,k],d]))) / N
        input u, v, c, o, neg""",
        _negative_samples,
        "u 5,3; v 5,3; c 4 <5; o 4 <5; neg 4,3 <5",
    ),
    "nearest_words": Written(
        """# kNN-LM
        lam = 0.25; tau = 10.0; integer near, word, y
        w[n,k] = softmax(-(sum(d) (q[n,d] - keys[near[n,k],d])^2)/tau, k)
        m[n,v] = (1 - lam)*softmax(p[n,v], v) + lam*sum(k) [word[near[n,k]] == v] w[n,k]
        e = -sum(n) log(m[n,y[n]])
        input p, q, keys, near, word, y""",
        _nearest_words,
        "p 2,5; q 2,3; keys 6,3; near 2,4 <6; word 6 <5; y 2 <5",
    ),
}
