"""Attention that takes less than all pairs, or mixes tokens otherwise, as papers have it."""

import torch
from torch.nn.functional import pad

from tests.cases.papers.paper import Paper, Tensor


def _longformer(q: Tensor, k: Tensor, v: Tensor, g: Tensor) -> Tensor:
    i = torch.arange(q.shape[1])
    near = ((i[:, None] - i).abs() <= 1) | (g[:, None] == 1) | (g[None] == 1)
    return (q @ k.transpose(1, 2)).masked_fill(~near, -torch.inf).softmax(2) @ v


def _aft(q: Tensor, k: Tensor, v: Tensor, w: Tensor) -> Tensor:
    e = (k[:, None] + w[None, :, :, None]).exp()
    return q.sigmoid() * (e * v[:, None]).sum(2) / e.sum(2)


def _gmlp(x: Tensor, u: Tensor, w: Tensor, b: Tensor, o: Tensor) -> Tensor:
    z = torch.nn.functional.gelu(x @ u)
    one, two = z.chunk(2, 2)
    two = (two - two.mean(2, keepdim=True)) / (two.var(2, correction=0, keepdim=True) + 1e-5).sqrt()
    return (one * (torch.einsum("nic,ji->njc", two, w) + b[:, None])) @ o


def _linformer(q: Tensor, k: Tensor, v: Tensor, e: Tensor, f: Tensor) -> Tensor:
    return (q @ (e @ k).transpose(1, 2) / q.shape[2] ** 0.5).softmax(2) @ (f @ v)


def _synthesizer(x: Tensor, a: Tensor, b: Tensor, w: Tensor) -> Tensor:
    return (torch.relu(x @ a) @ b).softmax(2) @ (x @ w)


def _performer(q: Tensor, k: Tensor, v: Tensor, w: Tensor) -> Tensor:
    def features(z: Tensor) -> Tensor:
        z = z / z.shape[2] ** 0.25
        return (z @ w.T - (z * z).sum(2, keepdim=True) / 2).exp() / len(w) ** 0.5

    fq, fk = features(q), features(k)
    return (fq @ (fk.transpose(1, 2) @ v)) / (fq @ fk.sum(1)[..., None])


def _cosformer(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    length = q.shape[1]
    i = torch.arange(length, dtype=q.dtype)
    s = torch.relu(q) @ torch.relu(k).transpose(1, 2) * (torch.pi / 2 * (i[:, None] - i) / length).cos()
    return s @ v / s.sum(2, keepdim=True).clamp(min=1e-6)


def _ablated(x: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """MLP-Mixer's token half."""
    return x + torch.einsum("nic,ih,hj->njc", torch.nn.functional.layer_norm(x, x.shape[2:]), p, q)


def _axial(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    s = torch.einsum("nijc,cd,nkjd->njik", x, a, x).softmax(3)
    y = torch.einsum("njik,nkjc->nijc", s, x)
    s = torch.einsum("nijc,cd,nikd->nijk", y, b, y).softmax(3)
    return torch.einsum("nijk,nikc->nijc", s, y)


def _triangle(z: Tensor, wa: Tensor, wb: Tensor, ga: Tensor, gb: Tensor) -> Tensor:
    a, b = (z @ ga).sigmoid() * (z @ wa), (z @ gb).sigmoid() * (z @ wb)
    return torch.einsum("nikc,njkc->nijc", a, b)


def _local_relative(q: Tensor, k: Tensor, v: Tensor, r: Tensor) -> Tensor:
    """Stand-alone self-attention on lines, a window of 3."""
    kp, vp = pad(k, (0, 0, 1, 1)), pad(v, (0, 0, 1, 1))
    length = q.shape[1]
    kw, vw = (torch.stack([z[:, s : s + length] for s in range(3)], 2) for z in (kp, vp))
    s = torch.einsum("nid,nird->nir", q, kw + r)
    return torch.einsum("nir,nird->nid", s.softmax(2), vw)


def _landmarks(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    p, r = (z.unflatten(1, (-1, 2)).mean(2) for z in (q, k))
    f, g, h = ((a @ b.mT / q.shape[2] ** 0.5).softmax(2) for a, b in ((q, r), (p, r), (p, k)))
    z = g.mT / g.sum(1).amax(1)[:, None, None]  # rows sum to 1, so that their maximum would be a matter of rounding
    one = torch.eye(g.shape[1], dtype=g.dtype)
    w = g @ z
    return f @ z @ (13 * one - w @ (15 * one - w @ (7 * one - w))) / 4 @ h @ v


CHEAPER_ATTENTION = {
    "longformer": Paper(
        """# windows, and global tokens that everyone sees
        integer g
        w = 1
        s[n,i,j] = sum(d) q[n,i,d]*k[n,j,d]
        p[n,i,j] = masked_softmax(s[n,i,j], [abs(i - j) <= w or g[i] == 1 or g[j] == 1], j)
        y[n,i,e] = sum(j) p[n,i,j]*v[n,j,e]
        input q, k, v, g""",
        _longformer,
        "q: N L D, k: N L D, v: N L E, g: L <2",
        {"N": 2, "L": 6, "D": 3, "E": 2},
    ),
    "attention_free": Paper(
        """# AFT: no scores, a table of positions
        e[n,t,s,c] = exp(k[n,s,c] + w[t,s])
        y[n,t,c] = sigmoid(q[n,t,c])*(sum(s) e[n,t,s,c]*v[n,s,c])/(sum(s) e[n,t,s,c])
        input q, k, v, w""",
        _aft,
        "q: N T C, k: N T C, v: N T C, w: T T",
        {"N": 2, "T": 4, "C": 3},
    ),
    "spatial_gating": Paper(
        """# gMLP
        input x[N,L,C], u[C,2*F], w[L,L], b[L], o[F,K]
        z[n,i,g] = gelu(sum(c) x[n,i,c]*u[c,g])
        v[n,i,f] = norm(z[n,i,F+f], f)
        y[n,i,k] = sum(f) z[n,i,f]*(b[i] + sum(j) w[i,j]*v[n,j,f])*o[f,k]
        f < F""",
        _gmlp,
        "x: N L C, u: C 6, w: L L, b: L, o: 3 K",
        {"N": 2, "L": 4, "C": 3, "K": 2},
    ),
    "linformer": Paper(
        """a[n,p,d] = sum(j) e[p,j]*k[n,j,d]
        b[n,p,d] = sum(j) f[p,j]*v[n,j,d]
        y[n,i,c] = sum(p) softmax((sum(d) q[n,i,d]*a[n,p,d])/sqrt(D), p)*b[n,p,c]
        input q, k, v, e, f""",
        _linformer,
        "q: N L D, k: N L D, v: N L D, e: P L, f: P L",
        {"N": 2, "L": 5, "D": 3, "P": 2},
    ),
    "dense_synthesizer": Paper(
        """h[n,i,f] = relu(sum(c) x[n,i,c]*a[c,f])
        p[n,i,j] = softmax(sum(f) h[n,i,f]*b[f,j], j)
        y[n,i,k] = sum(j,c) p[n,i,j]*x[n,j,c]*w[c,k]
        input x, a, b, w""",
        _synthesizer,
        "x: N L C, a: C F, b: F L, w: C K",
        {"N": 2, "L": 4, "C": 3, "F": 2, "K": 3},
    ),
    "performer": Paper(
        """# positive random features
        define phi(x, w, d) = exp((sum(d) w*x)/D^(1/4) - (sum(d) x^2)/(2*sqrt(D)))/sqrt(M)
        a[n,i,m] = phi(q[n,i,d], w[m,d], d)
        b[n,j,m] = phi(k[n,j,d], w[m,d], d)
        y[n,i,e] = (sum(m,j) a[n,i,m]*b[n,j,m]*v[n,j,e]) / (sum(m,j) a[n,i,m]*b[n,j,m])
        input q, k, v, w""",
        _performer,
        "q: N L D, k: N L D, v: N L E, w: M D",
        {"N": 2, "L": 4, "D": 3, "E": 2, "M": 5},
    ),
    "cosformer": Paper(
        """s[n,i,j] = cos(pi/2*(i - j)/L)*sum(d) relu(q[n,i,d])*relu(k[n,j,d])
        y[n,i,e] = (sum(j) s[n,i,j]*v[n,j,e])/max(sum(j) s[n,i,j], 1e-6)
        input q[N,L,D], k[N,L,D], v[N,L,E]""",
        _cosformer,
        "q: N L D, k: N L D, v: N L E",
        {"N": 2, "L": 4, "D": 3, "E": 2},
    ),
    "mixer_tokens": Paper(
        "y[n,j,c] = x[n,j,c] + sum(i,h) norm(x[n,i,c], c)*p[i,h]*q[h,j]",
        _ablated,
        "x: N L C, p: L H, q: H L",
        {"N": 2, "L": 4, "C": 3, "H": 5},
    ),
    "axial_attention": Paper(
        """# columns, then rows
        p[n,j,i,k] = softmax(sum(c,d) x[n,i,j,c]*a[c,d]*x[n,k,j,d], k)
        z[n,i,j,c] = sum(k) p[n,j,i,k]*x[n,k,j,c]
        r[n,i,j,l] = softmax(sum(c,d) z[n,i,j,c]*b[c,d]*z[n,i,l,d], l)
        y[n,i,j,c] = sum(l) r[n,i,j,l]*z[n,i,l,c]
        input x, a, b""",
        _axial,
        "x: N I J C, a: C C, b: C C",
        {"N": 2, "I": 3, "J": 4, "C": 2},
    ),
    "triangle_update": Paper(
        """# triangle multiplication of AlphaFold 2, outgoing edges
        a[n,i,k,c] = sigmoid(sum(d) z[n,i,k,d]*ga[d,c])*sum(d) z[n,i,k,d]*wa[d,c]
        b[n,i,k,c] = sigmoid(sum(d) z[n,i,k,d]*gb[d,c])*sum(d) z[n,i,k,d]*wb[d,c]
        y[n,i,j,c] = sum(k) a[n,i,k,c]*b[n,j,k,c]
        input z, wa, wb, ga, gb""",
        _triangle,
        "z: N L L D, wa: D C, wb: D C, ga: D C, gb: D C",
        {"N": 2, "L": 3, "D": 2, "C": 3},
    ),
    "stand_alone_attention": Paper(
        """# attention in windows of 3 instead of a convolution
        input q[N,L,D], k[N,L,D], v[N,L,D], r[R,D]
        s[n,i,t] = sum(d) q[n,i,d]*(k[n,i+t-1,d] + r[t,d])
        y[n,i,d] = sum(t) softmax(s[n,i,t], t)*v[n,i+t-1,d]""",
        _local_relative,
        "q: N L D, k: N L D, v: N L D, r: 3 D",
        {"N": 2, "L": 5, "D": 3},
    ),
    "nystromformer": Paper(
        """# attention by landmarks, means of neighbours; a step towards the inverse of what they pay each other
        S = 2; s < S; M = L//S; m < M; o < M; u < M
        input q[N,L,D], k[N,L,D], v[N,L,D]
        p[n,m,d] = mean(q[n,S*m+s,d], s)
        r[n,m,d] = mean(k[n,S*m+s,d], s)
        f[n,i,m] = softmax((sum(d) q[n,i,d]*r[n,m,d])/sqrt(D), m)
        g[n,m,o] = softmax((sum(d) p[n,m,d]*r[n,o,d])/sqrt(D), o)
        h[n,m,j] = softmax((sum(d) p[n,m,d]*k[n,j,d])/sqrt(D), j)
        e[n] = max(o) (sum(m) g[n,m,o])
        z0[n,m,o] = g[n,o,m]/e[n]
        w1[n,m,o] = sum(u) g[n,m,u]*z0[n,u,o]
        w2[n,m,o] = 7*[m == o] - w1[n,m,o]
        w3[n,m,o] = 15*[m == o] - sum(u) w1[n,m,u]*w2[n,u,o]
        w4[n,m,o] = 13*[m == o] - sum(u) w1[n,m,u]*w3[n,u,o]
        z[n,m,o] = (sum(u) z0[n,m,u]*w4[n,u,o])/4
        y[n,i,d] = sum(m,o,j) f[n,i,m]*z[n,m,o]*h[n,o,j]*v[n,j,d]""",
        _landmarks,
        "q: N L D, k: N L D, v: N L D",
        {"N": 2, "L": 6, "D": 2},
    ),
}
