"""Attention of papers: positions, masks, normalisations."""

import math

import torch

from tests.cases.papers.paper import Paper, Tensor


def _causal(scores: Tensor) -> Tensor:
    i = torch.arange(scores.shape[-2])[:, None]
    return scores.masked_fill(torch.arange(scores.shape[-1]) > i, -torch.inf)


def _t5(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    length = q.shape[2]
    apart = (torch.arange(length)[:, None] - torch.arange(length)).clamp(min=0)
    near, far = 4, 8
    large = (
        near + (torch.log(apart.clamp(min=1).to(q.dtype) / near) / math.log(16 / near) * (far - near)).floor().long()
    )
    bucket = torch.where(apart < near, apart, large.clamp(max=far - 1))
    return _causal(q @ k.transpose(2, 3) + bias[bucket].permute(2, 0, 1)).softmax(3) @ v


def _rotate(x: Tensor) -> Tensor:
    _n, length, d = x.shape
    angle = torch.arange(length)[:, None] / 10000.0 ** (2 * torch.arange(d // 2, dtype=x.dtype) / d)
    even, odd = x[..., ::2], x[..., 1::2]
    turned = torch.stack([even * angle.cos() - odd * angle.sin(), even * angle.sin() + odd * angle.cos()], 3)
    return turned.flatten(2)


def _roformer(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    s = _rotate(q) @ _rotate(k).transpose(1, 2) / q.shape[2] ** 0.5
    return _causal(s).softmax(2) @ v


def _rotary_halves(x: Tensor) -> Tensor:
    """NeoX's order: the first half beside the second."""
    _n, length, d = x.shape
    angle = torch.arange(length)[:, None] / 10000.0 ** (2 * torch.arange(d // 2, dtype=x.dtype) / d)
    cos, sin = angle.cos().repeat(1, 2), angle.sin().repeat(1, 2)
    turned = torch.cat([-x[..., d // 2 :], x[..., : d // 2]], 2)
    return x * cos + turned * sin


def _cross(x: Tensor, z: Tensor, a: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, wo: Tensor) -> Tensor:
    q, k, v = (torch.einsum("nlc,chd->nhld", y, w) for y, w in ((x, wq), (z, wk), (z, wv)))
    s = (q @ k.transpose(2, 3)) / q.shape[3] ** 0.5
    s = s.masked_fill(a[:, None, None] == 0, -torch.inf)
    return torch.einsum("nhld,hdk->nlk", s.softmax(3) @ v, wo)


def _softmax_one(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    s = q @ k.transpose(1, 2) / q.shape[2] ** 0.5
    s = torch.cat([s, torch.zeros(*s.shape[:2], 1, dtype=s.dtype)], 2)
    return s.softmax(2)[..., :-1] @ v


def _grouped(x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor, wo: Tensor) -> Tensor:
    q, k, v = (torch.einsum("nlc,chd->nhld", x, w) for w in (wq, wk, wv))
    k, v = (z.repeat_interleave(2, 1) for z in (k, v))
    y = _causal(q @ k.transpose(2, 3) / q.shape[3] ** 0.5).softmax(3) @ v
    return torch.einsum("nhld,hdk->nlk", y, wo)


def _latent(x: Tensor, wd: Tensor, uk: Tensor, uv: Tensor, wq: Tensor, wr: Tensor, kr: Tensor) -> Tensor:
    c = x @ wd
    k, v = torch.einsum("nlr,rhd->nhld", c, uk), torch.einsum("nlr,rhe->nhle", c, uv)
    q, p = torch.einsum("nlc,chd->nhld", x, wq), torch.einsum("nlc,che->nhle", x, wr)
    s = q @ k.transpose(2, 3) + torch.einsum("nhie,nje->nhij", p, x @ kr)
    return _causal(s / (q.shape[3] + p.shape[3]) ** 0.5).softmax(3) @ v


def _talking(q: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor) -> Tensor:
    s = torch.einsum("nhij,hg->ngij", q @ k.transpose(2, 3), a).softmax(3)
    return torch.einsum("ngij,gf->nfij", s, b) @ v


def _differential(q: Tensor, k: Tensor, v: Tensor, lq: Tensor, lk: Tensor, g: Tensor) -> Tensor:
    s = (torch.einsum("niad,njad->naij", q, k) / q.shape[3] ** 0.5).softmax(3)
    lam = (lq[0] * lk[0]).sum().exp() - (lq[1] * lk[1]).sum().exp() + 0.8
    y = (s[:, 0] - lam * s[:, 1]) @ v
    return (1 - 0.8) * g * y / ((y * y).mean(2, keepdim=True) + 1e-5).sqrt()


def _capped(q: Tensor, k: Tensor, v: Tensor, g: Tensor, h: Tensor) -> Tensor:
    q, k = (z / ((z * z).mean(2, keepdim=True) + 1e-5).sqrt() * w for z, w in ((q, g), (k, h)))
    s = 50 * (q @ k.transpose(1, 2) / 50).tanh()
    i = torch.arange(q.shape[1])
    return _causal(s.masked_fill(i[:, None] - i >= 3, -torch.inf)).softmax(2) @ v


def _sigmoid(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    length = q.shape[1]
    return (q @ k.transpose(1, 2) / q.shape[2] ** 0.5 - math.log(length)).sigmoid() @ v


def _music(q: Tensor, k: Tensor, v: Tensor, e: Tensor) -> Tensor:
    length = q.shape[1]
    i = torch.arange(length)
    r = e[(i[None] - i[:, None] + length - 1).clamp(max=length - 1)]
    return _causal((q @ k.transpose(1, 2) + torch.einsum("nid,ijd->nij", q, r)) / q.shape[2] ** 0.5).softmax(2) @ v


def _transformer_xl(q: Tensor, k: Tensor, r: Tensor, u: Tensor, w: Tensor) -> Tensor:
    past = k.shape[1] - q.shape[1]
    i, j = torch.arange(q.shape[1])[:, None], torch.arange(k.shape[1])
    apart = (i + past - j).clamp(min=0)
    s = torch.einsum("nid,njd->nij", q + u, k) + torch.einsum("nid,ijd->nij", q + w, r[apart])
    return s.masked_fill(j > i + past, -torch.inf).softmax(2)


ATTENTION = {
    "t5_bias": Paper(
        """# scores with T5's buckets of distances, which grow by their logarithm
        integer b
        input q[N,H,L,D], k[N,H,L,D], v[N,H,L,D], r[B,H]
        b[i,j] = floor([i - j < 4]*max(i - j, 0) + [i - j >= 4]*min(7, 4 + log(max(i - j, 1)/4)/log(4)*4))
        s[n,h,i,j] = r[b[i,j],h] + sum(d) q[n,h,i,d]*k[n,h,j,d]
        p[n,h,i,j] = masked_softmax(s[n,h,i,j], [j <= i], j)
        y[n,h,i,d] = sum(j) p[n,h,i,j]*v[n,h,j,d]""",
        _t5,
        "q: N H L D, k: N H L D, v: N H L D, r: 8 H",
        {"N": 2, "H": 2, "L": 9, "D": 3},
    ),
    "roformer": Paper(
        """# rotary positions: pairs of neighbours turn
        input q[N,L,D], k[N,L,D], v[N,L,D]
        define angle(i, e) = i / 10000^(2*e/D)
        e < D // 2
        a[n,i,2*e] = q[n,i,2*e]*cos(angle(i, e)) - q[n,i,2*e+1]*sin(angle(i, e))
        a[n,i,2*e+1] += q[n,i,2*e]*sin(angle(i, e)) + q[n,i,2*e+1]*cos(angle(i, e))
        b[n,i,2*e] = k[n,i,2*e]*cos(angle(i, e)) - k[n,i,2*e+1]*sin(angle(i, e))
        b[n,i,2*e+1] += k[n,i,2*e]*sin(angle(i, e)) + k[n,i,2*e+1]*cos(angle(i, e))
        s[n,i,j] = sum(d) a[n,i,d]*b[n,j,d]/sqrt(D)
        p[n,i,j] = masked_softmax(s[n,i,j], [j <= i], j)
        y[n,i,d] = sum(j) p[n,i,j]*v[n,j,d]""",
        _roformer,
        "q: N L D, k: N L D, v: N L D",
        {"N": 2, "L": 4, "D": 4},
    ),
    "rotary_halves": Paper(
        """# rotary positions of NeoX: the first half turns with the second
        input x[N,L,D]
        H = D // 2
        t[i,d] = i / 10000^(2*(d % H)/D)
        y[n,i,d] = x[n,i,d]*cos(t[i,d]) + ([d >= H]*x[n,i,d - H] - [d < H]*x[n,i,d + H])*sin(t[i,d])""",
        _rotary_halves,
        "x: N L D",
        {"N": 2, "L": 4, "D": 6},
    ),
    "cross_attention": Paper(
        """# heads of cross attention with a mask of keys
        integer a
        input x[N,L,C], z[N,M,B], a[N,M], wq[C,H,D], wk[B,H,D], wv[B,H,D], wo[H,D,K]
        q[n,h,l,d] = sum(c) x[n,l,c]*wq[c,h,d]
        k[n,h,m,d] = sum(b) z[n,m,b]*wk[b,h,d]
        v[n,h,m,d] = sum(b) z[n,m,b]*wv[b,h,d]
        s[n,h,l,m] = sum(d) q[n,h,l,d]*k[n,h,m,d]/sqrt(D)
        p[n,h,l,m] = masked_softmax(s[n,h,l,m], [a[n,m] == 1], m)
        o[n,h,l,d] = sum(m) p[n,h,l,m]*v[n,h,m,d]
        y[n,l,e] = sum(h,d) o[n,h,l,d]*wo[h,d,e]""",
        _cross,
        "x: N L C, z: N M B, a: N M <2, wq: C H D, wk: B H D, wv: B H D, wo: H D K",
        {"N": 2, "L": 3, "M": 5, "C": 3, "B": 2, "H": 2, "D": 2, "K": 3},
    ),
    "softmax_off_by_one": Paper(
        """# softmax with a 1 in its denominator
        s[n,i,j] = sum(d) q[n,i,d]*k[n,j,d]/sqrt(D)
        m[n,i] = max(0, max(j) s[n,i,j])
        h[n,i,j] = exp(s[n,i,j] - m[n,i])
        y[n,i,e] = sum(j) h[n,i,j]*v[n,j,e] / (exp(-m[n,i]) + sum(l) h[n,i,l])
        input q[N,L,D], k[N,M,D], v[N,M,E]""",
        _softmax_one,
        "q: N L D, k: N M D, v: N M E",
        {"N": 2, "L": 3, "M": 4, "D": 3, "E": 2},
    ),
    "grouped_query": Paper(
        """# grouped-query attention: G query heads share keys and values
        input x[N,L,C], wq[C,H,D], wk[C,F,D], wv[C,F,D], wo[H,D,K]
        G = 2
        q[n,h,i,d] = sum(c) x[n,i,c]*wq[c,h,d]
        k[n,f,i,d] = sum(c) x[n,i,c]*wk[c,f,d]
        v[n,f,i,d] = sum(c) x[n,i,c]*wv[c,f,d]
        s[n,h,i,j] = sum(d) q[n,h,i,d]*k[n,h//G,j,d]/sqrt(D)
        p[n,h,i,j] = masked_softmax(s[n,h,i,j], [j <= i], j)
        o[n,h,i,d] = sum(j) p[n,h,i,j]*v[n,h//G,j,d]
        y[n,i,e] = sum(h,d) o[n,h,i,d]*wo[h,d,e]""",
        _grouped,
        "x: N L C, wq: C H D, wk: C F D, wv: C F D, wo: H D K",
        {"N": 2, "L": 3, "C": 3, "H": 4, "F": 2, "D": 2, "K": 3},
    ),
    "latent_attention": Paper(
        """# multi-head latent attention of DeepSeek-V2: keys and values from one small vector
        input x[N,L,C], wd[C,R], uk[R,H,D], uv[R,H,F], wq[C,H,D], wr[C,H,P], kr[C,P]
        c[n,i,r] = sum(a) x[n,i,a]*wd[a,r]
        k[n,h,i,d] = sum(r) c[n,i,r]*uk[r,h,d]
        v[n,h,i,f] = sum(r) c[n,i,r]*uv[r,h,f]
        q[n,h,i,d] = sum(a) x[n,i,a]*wq[a,h,d]
        u[n,h,i,p] = sum(a) x[n,i,a]*wr[a,h,p]
        z[n,j,p] = sum(a) x[n,j,a]*kr[a,p]
        s[n,h,i,j] = ((sum(d) q[n,h,i,d]*k[n,h,j,d]) + sum(p) u[n,h,i,p]*z[n,j,p]) / sqrt(D + P)
        y[n,h,i,f] = sum(j) masked_softmax(s[n,h,i,j], [j <= i], j)*v[n,h,j,f]""",
        _latent,
        "x: N L C, wd: C R, uk: R H D, uv: R H F, wq: C H D, wr: C H P, kr: C P",
        {"N": 2, "L": 3, "C": 3, "R": 2, "H": 2, "D": 2, "F": 3, "P": 2},
    ),
    "talking_heads": Paper(
        """input q[N,H,L,D], k[N,H,L,D], v[N,F,L,D], a[H,G], b[G,F]
        s[n,h,i,j] = sum(d) q[n,h,i,d]*k[n,h,j,d]
        t[n,g,i,j] = sum(h) s[n,h,i,j]*a[h,g]
        p[n,g,i,j] = softmax(t[n,g,i,j], j)
        y[n,f,i,d] = sum(j) (sum(g) p[n,g,i,j]*b[g,f])*v[n,f,j,d]""",
        _talking,
        "q: N H L D, k: N H L D, v: N F L D, a: H G, b: G F",
        {"N": 2, "H": 2, "L": 3, "D": 2, "G": 3, "F": 2},
    ),
    "differential_attention": Paper(
        """# the difference of two softmaxes
        lambda_init = 0.8
        input q[N,L,A,D], k[N,L,A,D], v[N,L,F], lq[A,D], lk[A,D], g[F]
        p[n,a,i,j] = softmax((sum(d) q[n,i,a,d]*k[n,j,a,d])/sqrt(D), j)
        l = exp(sum(d) lq[0,d]*lk[0,d]) - exp(sum(d) lq[1,d]*lk[1,d]) + lambda_init
        y[n,i,f] = sum(j) (p[n,0,i,j] - l*p[n,1,i,j])*v[n,j,f]
        o[n,i,f] = (1 - lambda_init)*g[f]*rms_norm(y[n,i,f], f)""",
        _differential,
        "q: N L 2 D, k: N L 2 D, v: N L F, lq: 2 D, lk: 2 D, g: F",
        {"N": 2, "L": 3, "D": 2, "F": 3},
    ),
    "capped_scores": Paper(
        """# Gemma 2 and 3: scores of normalised queries and keys, capped; a window of 3
        cap = 50.0; w = 3
        a[n,i,d] = rms_norm(q[n,i,d], d)*g[d]
        b[n,i,d] = rms_norm(k[n,i,d], d)*h[d]
        s[n,i,j] = cap*tanh((sum(d) a[n,i,d]*b[n,j,d])/cap)
        y[n,i,e] = sum(j) masked_softmax(s[n,i,j], [i - w < j <= i], j)*v[n,j,e]
        input q, k, v, g, h""",
        _capped,
        "q: N L D, k: N L D, v: N L E, g: D, h: D",
        {"N": 2, "L": 5, "D": 3, "E": 2},
    ),
    "sigmoid_attention": Paper(
        """y[n,i,e] = sum(j) sigmoid((sum(d) q[n,i,d]*k[n,j,d])/sqrt(D) - log(J))*v[n,j,e]
        input q, k, v""",
        _sigmoid,
        "q: N L D, k: N L D, v: N L E",
        {"N": 2, "L": 4, "D": 3, "E": 2},
    ),
    "music_transformer": Paper(
        """# relative positions by a skew, causal
        s[n,i,j] = (sum(d) q[n,i,d]*k[n,j,d] + sum(d) q[n,i,d]*e[j-i+L-1,d])/sqrt(D)
        y[n,i,c] = sum(j) masked_softmax(s[n,i,j], [j <= i], j)*v[n,j,c]
        input q[N,L,D], k[N,L,D], v[N,L,C], e[L,D]""",
        _music,
        "q: N L D, k: N L D, v: N L C, e: L D",
        {"N": 2, "L": 4, "D": 3, "C": 2},
    ),
    "transformer_xl": Paper(
        """# scores with relative positions and a memory of earlier segments
        input q[N,L,D], k[N,M,D], r[M,D], u[D], w[D]
        s[n,i,j] = sum(d) (q[n,i,d] + u[d])*k[n,j,d] + sum(d) (q[n,i,d] + w[d])*r[i - j + M - L,d]
        p[n,i,j] = masked_softmax(s[n,i,j], [j <= i + M - L], j)""",
        _transformer_xl,
        "q: N L D, k: N M D, r: M D, u: D, w: D",
        {"N": 2, "L": 3, "M": 5, "D": 3},
    ),
}
