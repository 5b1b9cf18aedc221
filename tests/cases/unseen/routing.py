"""Experts, keys of products, latents, windows: who reads whom."""

from typing import Any

import pytest

from tests.cases.written.written import Written

torch = pytest.importorskip("torch")
F = torch.nn.functional


def _expert_choice(x: Any, g: Any, top: Any, w: Any, u: Any) -> Any:
    s = (x @ g).softmax(1)
    y = torch.zeros_like(x)
    for e in range(g.shape[1]):
        for n in top[e]:
            y = y.index_add(0, n[None], (s[n, e] * (F.gelu(x[n] @ w[e]) @ u[e]))[None])
    return y


def _mixtral(x: Any, g: Any, top: Any, w: Any, v: Any, u: Any) -> Any:
    z = (x @ g).gather(1, top).softmax(1)
    h = torch.einsum("nc,ecf->nef", x, w)
    a = F.silu(h) * torch.einsum("nc,ecf->nef", x, v)
    y = torch.einsum("nef,efc->nec", a, u)
    return (z[:, :, None] * y.gather(1, top[:, :, None].expand(-1, -1, x.shape[1]))).sum(1)


def _sigmoid_experts(x: Any, e: Any, top: Any, shared: Any, own: Any) -> Any:
    s = (x @ e).sigmoid()
    picked = s.gather(1, top)
    g = picked / picked.sum(1, keepdim=True)
    y = x + x @ shared
    n, k = s.shape
    f = F.one_hot(top, k).sum((0, 1)).double() * k / (top.shape[1] * n)
    p = (s / s.sum(1, keepdim=True)).mean(0)
    routed = torch.einsum("nc,nkco->nko", x, own[top])
    return y + (g[:, :, None] * routed).sum(1), 0.001 * (f * p).sum()


def _product_keys(q: Any, a: Any, b: Any, i: Any, j: Any, v: Any) -> Any:
    d = a.shape[1]
    left, right = (q[:, :d] @ a.T).gather(1, i), (q[:, d:] @ b.T).gather(1, j)
    w = (left[:, :, None] + right[:, None]).flatten(1).softmax(1)
    rows = (i[:, :, None] * len(b) + j[:, None]).flatten(1)
    return torch.einsum("nk,nkc->nc", w, v[rows])


def _soft_experts(x: Any, phi: Any, w: Any) -> Any:
    z = torch.einsum("nmd,dep->nmep", x, phi)
    dispatch, combine = z.softmax(1), z.flatten(2).softmax(2).reshape(z.shape)
    slots = torch.einsum("nmd,nmep->nepd", x, dispatch)
    return torch.einsum("nepk,nmep->nmk", torch.einsum("nepd,edk->nepk", slots, w).relu(), combine)


def _mixture_of_depths(x: Any, r: Any, top: Any, w: Any, u: Any) -> Any:
    score = x @ r
    y = x.clone()
    for n in range(len(x)):
        for t in top[n]:
            y[n, t] = x[n, t] + score[n, t] * (F.silu(x[n, t] @ w) @ u)
    return y


def _perceiver(latents: Any, x: Any, wq: Any, wk: Any, wv: Any, wo: Any) -> Any:
    a, b = F.layer_norm(latents, latents.shape[-1:]), F.layer_norm(x, x.shape[-1:])
    q = torch.einsum("ic,chd->ihd", a, wq)
    k, v = (torch.einsum("njc,chd->njhd", b, w) for w in (wk, wv))
    p = (torch.einsum("ihd,njhd->nhij", q, k) / q.shape[2] ** 0.5).softmax(3)
    return latents + torch.einsum("nhij,njhd,hdc->nic", p, v, wo)


def _pooled_set(s: Any, x: Any, w: Any, v: Any) -> Any:
    p = torch.einsum("kd,nid->nki", s, x @ w).softmax(2)
    h = s + torch.einsum("nki,nid->nkd", p, x @ v)
    return h + h.relu()


def _swin(x: Any, w: Any, b: Any) -> Any:
    n, size = x.shape[:2]
    m, shift = 2, 1
    moved = x.roll((-shift, -shift), (1, 2))
    q, k, v = torch.einsum("nijc,gcd->gnijd", moved, w)

    def windows(z: Any) -> Any:
        return z.reshape(n, size // m, m, size // m, m, -1).permute(0, 1, 3, 2, 4, 5).reshape(n, -1, m * m, z.shape[-1])

    s = windows(q) @ windows(k).transpose(2, 3) / q.shape[-1] ** 0.5
    place = torch.stack(torch.meshgrid(torch.arange(m), torch.arange(m), indexing="ij")).flatten(1)
    d = place[:, :, None] - place[:, None] + m - 1
    s = s + b[d[0], d[1]]
    part = torch.where(torch.arange(size) < size - m, 0, torch.where(torch.arange(size) < size - shift, 1, 2))
    area = (3 * part[:, None] + part[None]).double()[None, :, :, None].expand(n, -1, -1, 1)
    same = windows(area) == windows(area).transpose(2, 3)
    y = torch.where(same, s, -torch.inf).softmax(3) @ windows(v)
    y = y.reshape(n, size // m, size // m, m, m, -1).permute(0, 1, 3, 2, 4, 5).reshape(n, size, size, -1)
    return y.roll((shift, shift), (1, 2))


def _neighbourhood(q: Any, k: Any, v: Any, b: Any) -> Any:
    t = q.shape[1]
    rows = []
    for i in range(t):
        start = min(max(i - 1, 0), t - 3)
        j = torch.arange(start, start + 3)
        s = torch.einsum("nd,njd->nj", q[:, i], k[:, j]) + b[j - i + 2]
        rows.append(torch.einsum("nj,njd->nd", s.softmax(1), v[:, j]))
    return torch.stack(rows, 1)


def _hashed(x: Any, r: Any, v: Any) -> Any:
    z = x @ r
    bucket = torch.cat([z, -z], 2).argmax(2)
    s = torch.einsum("nid,njd->nij", x, F.normalize(x, dim=2))
    allowed = (bucket[:, :, None] == bucket[:, None]) & torch.ones(x.shape[1], x.shape[1]).tril().bool()
    return torch.where(allowed, s, -torch.inf).softmax(2) @ v


def _gated_unit(x: Any, wu: Any, wv: Any, wz: Any, g: Any, b: Any, wo: Any) -> Any:
    u, v, z = F.silu(x @ wu), F.silu(x @ wv), F.silu(x @ wz)
    q, k = z * g[0] + b[0], z * g[1] + b[1]
    a = (torch.einsum("ntd,nsd->nts", q, k) / x.shape[1]).relu() ** 2
    return (u * (a @ v)) @ wo


def _nystroem(q: Any, k: Any, v: Any) -> Any:
    n, t, d = q.shape
    lq, lk = (z.reshape(n, 2, t // 2, d).mean(2) for z in (q, k))
    f = (q @ lk.transpose(1, 2) / d**0.5).softmax(2)
    a = (lq @ lk.transpose(1, 2) / d**0.5).softmax(2)
    b = (lq @ k.transpose(1, 2) / d**0.5).softmax(2)
    eye = torch.eye(2, dtype=q.dtype)
    z = a.transpose(1, 2) / a.sum(1).amax(1)[:, None, None]
    for _ in range(4):
        az = a @ z
        z = z @ (13 * eye - az @ (15 * eye - az @ (7 * eye - az))) / 4
    return f @ z @ (b @ v)


def _deformable_heads(x: Any, p: Any, o: Any, a: Any, w: Any) -> Any:
    v = torch.einsum("nijc,chd->nhdij", x, w)
    n, h, d, i, j = v.shape
    at = p[:, :, None, None] + o / torch.tensor([j, i]).double()
    grid = (2 * at - 1).permute(0, 2, 1, 3, 4).flatten(0, 1)
    read = F.grid_sample(v.flatten(0, 1), grid, align_corners=False).reshape(n, h, d, *o.shape[1:2], o.shape[3])
    return torch.einsum("nhdqk,nqhk->nqhd", read, a.softmax(3))


ROUTING = {
    "expert_choice": Written(
        """integer top
        s[n,e] = softmax(sum(c) x[n,c]*g[c,e], e)
        h[e,k,f] = gelu(sum(c) x[top[e,k],c]*w[e,c,f])
        o[e,k,c] = s[top[e,k],e] * sum(f) h[e,k,f]*u[e,f,c]
        y[n,c] = sum(e,k) [top[e,k] == n] o[e,k,c]
        n < N
        input x[N,C], g, top, w, u""",
        _expert_choice,
        "x 5,3; g 3,2; top 2,3 @5; w 2,3,4; u 2,4,3",
    ),
    "mixtral": Written(
        """integer top
        z[n,e] = sum(c) x[n,c]*g[c,e]
        p[n,k] = softmax(z[n,top[n,k]], k)
        h[n,k,f] = silu(sum(c) x[n,c]*w[top[n,k],c,f]) * sum(c) x[n,c]*v[top[n,k],c,f]
        y[n,c] = sum(k,f) p[n,k]*h[n,k,f]*u[top[n,k],f,c]
        input x, g, top, w, v, u""",
        _mixtral,
        "x 4,3; g 3,4; top 4,2 @4; w 4,3,5; v 4,3,5; u 4,5,3",
    ),
    "sigmoid_experts": Written(
        """# DeepSeek's router: shared experts, a sigmoid for each, the chosen ones add to 1; its balance
        alpha = 0.001; integer top
        s[n,e] = sigmoid(sum(c) x[n,c]*v[c,e])
        g[n,k] = s[n,top[n,k]] / sum(j) s[n,top[n,j]]
        y[n,o] = x[n,o] + sum(c) x[n,c]*shared[c,o] + sum(k) g[n,k] * sum(c) x[n,c]*own[top[n,k],c,o]
        f[e] = E/(K*N) * sum(n,k) [top[n,k] == e]
        p[e] = sum(n) (s[n,e] / sum(i) s[n,i]) / N
        balance = alpha * sum(e) f[e]*p[e]
        input x, v, top, shared, own
        output y, balance""",
        _sigmoid_experts,
        "x 4,3; v 3,4; top 4,2 @4; shared 3,3; own 4,3,3",
    ),
    "product_keys": Written(
        """integer i, j
        d < D
        s[n,k] = sum(d) q[n,d]*a[i[n,k],d]
        t[n,l] = sum(d) q[n,D+d]*b[j[n,l],d]
        w[n,k,l] = softmax(s[n,k] + t[n,l], k, l)
        y[n,c] = sum(k,l) w[n,k,l] * v[i[n,k]*R + j[n,l], c]
        input q[N,2*D], a[M,D], b[R,D], i, j, v""",
        _product_keys,
        "q 3,4; a 4,2; b 5,2; i 3,2 @4; j 3,2 @5; v 20,3",
    ),
    "soft_experts": Written(
        """z[n,m,e,p] = sum(d) x[n,m,d]*phi[d,e,p]
        D[n,m,e,p] = softmax(z[n,m,e,p], m)
        C[n,m,e,p] = softmax(z[n,m,e,p], e, p)
        s[n,e,p,d] = sum(m) D[n,m,e,p]*x[n,m,d]
        f[n,e,p,k] = relu(sum(d) s[n,e,p,d]*w[e,d,k])
        y[n,m,k] = sum(e,p) C[n,m,e,p]*f[n,e,p,k]
        input x, phi, w""",
        _soft_experts,
        "x 2,4,3; phi 3,2,2; w 2,3,4",
    ),
    "mixture_of_depths": Written(
        """integer top
        r[n,t] = sum(c) x[n,t,c]*v[c]
        h[n,k,f] = silu(sum(c) x[n,top[n,k],c]*w[c,f])
        y[n,t,c] = x[n,t,c] + sum(k) [top[n,k] == t] r[n,t] * sum(f) h[n,k,f]*u[f,c]
        input x, v, top, w, u""",
        _mixture_of_depths,
        "x 2,5,3; v 3; top 2,2 @5; w 3,4; u 4,3",
    ),
    "perceiver": Written(
        """a[i,c] = norm(l[i,c], c)
        b[n,j,e] = norm(x[n,j,e], e)
        q[i,h,d] = sum(c) a[i,c]*wq[c,h,d]
        k[n,j,h,d] = sum(e) b[n,j,e]*wk[e,h,d]
        v[n,j,h,d] = sum(e) b[n,j,e]*wv[e,h,d]
        p[n,h,i,j] = softmax(sum(d) q[i,h,d]*k[n,j,h,d]/sqrt(D), j)
        y[n,i,c] = l[i,c] + sum(h,d,j) p[n,h,i,j]*v[n,j,h,d]*wo[h,d,c]
        input l, x, wq, wk, wv, wo""",
        _perceiver,
        "l 2,4; x 2,5,3; wq 4,2,3; wk 3,2,3; wv 3,2,3; wo 2,3,4",
    ),
    "pooled_set": Written(
        """k[n,i,d] = sum(c) x[n,i,c]*w[c,d]
        p[n,q,i] = softmax(sum(d) s[q,d]*k[n,i,d], i)
        h[n,q,d] = s[q,d] + sum(i) p[n,q,i] * sum(c) x[n,i,c]*v[c,d]
        y[n,q,d] = h[n,q,d] + relu(h[n,q,d])
        input s, x, w, v""",
        _pooled_set,
        "s 2,3; x 2,4,5; w 5,3; v 5,3",
    ),
    "swin_shifted": Written(
        """# windows of M x M, moved by M//2, of a square image; a window that wraps is cut at the border
        M = 2
        input x[N,I,I,C], w[3,C,D], b
        p[n,i,j,g,d] = sum(c) x[n, (i + M//2) % I, (j + M//2) % I, c]*w[g,c,d]
        i < I; j < I; a < M; e < M
        s[n,i,j,a,e] = sum(d) p[n,i,j,0,d]*p[n,i//M*M + a,j//M*M + e,1,d]/sqrt(D) \\
            + b[i % M - a + M - 1, j % M - e + M - 1]
        t[i,a] = [i < I - M or (i % M < M - M//2 and a < M - M//2) or (i % M >= M - M//2 and a >= M - M//2)]
        f[n,i,j,a,e] = masked_softmax(s[n,i,j,a,e], [t[i,a] == 1]*[t[j,e] == 1], a, e)
        z[n,i,j,d] = sum(a,e) f[n,i,j,a,e]*p[n,i//M*M + a,j//M*M + e,2,d]
        y[n,i,j,d] = z[n, (i - M//2) % I, (j - M//2) % I, d]""",
        _swin,
        "x 2,4,4,3; w 3,3,2; b 3,3",
    ),
    "neighbourhood_attention": Written(
        """input q[N,T,D], k[N,T,D], v[N,T,D], b
        r < 3
        s[n,t,r] = sum(d) q[n,t,d]*k[n, min(max(t - 1, 0), T - 3) + r, d] + b[min(max(t - 1, 0), T - 3) + r - t + 2]
        y[n,t,d] = sum(r) softmax(s[n,t,r], r)*v[n, min(max(t - 1, 0), T - 3) + r, d]""",
        _neighbourhood,
        "q 2,5,3; k 2,5,3; v 2,5,3; b 5",
    ),
    "hashed_attention": Written(
        """# Reformer: a position reads those before it in its bucket
        z[n,t,b] = sum(d) x[n,t,d]*r[d,b]
        both[n,t,b] = z[n,t,b]
        both[n,t,B + b] += -z[n,t,b]
        h[n,t] = argmax(c) both[n,t,c]
        k[n,t,d] = x[n,t,d] / l2_norm(x[n,t,d], d)
        p[n,i,j] = masked_softmax(sum(d) x[n,i,d]*k[n,j,d], [h[n,i] == h[n,j]]*[j <= i], j)
        y[n,i,e] = sum(j) p[n,i,j]*v[n,j,e]
        input x, r, v""",
        _hashed,
        "x 2,5,3; r 3,2; v 2,5,3",
    ),
    "gated_attention_unit": Written(
        """u[n,t,e] = silu(sum(c) x[n,t,c]*wu[c,e])
        v[n,t,e] = silu(sum(c) x[n,t,c]*wv[c,e])
        z[n,t,d] = silu(sum(c) x[n,t,c]*wz[c,d])
        a[n,t,s] = relu(sum(d) (z[n,t,d]*g[0,d] + b[0,d])*(z[n,s,d]*g[1,d] + b[1,d]) / T)^2
        y[n,t,c] = sum(e) u[n,t,e]*(sum(s) a[n,t,s]*v[n,s,e])*wo[e,c]
        input x, wu, wv, wz, g, b, wo""",
        _gated_unit,
        "x 2,4,3; wu 3,5; wv 3,5; wz 3,2; g 2,2; b 2,2; wo 5,3",
    ),
    "nystroem": Written(
        """m < 2; h < T//2
        input q[N,T,D], k[N,T,D], v[N,T,D]
        lq[n,m,d] = sum(h) q[n,m*(T//2) + h,d]/(T//2)
        lk[n,m,d] = sum(h) k[n,m*(T//2) + h,d]/(T//2)
        f[n,t,m] = softmax(sum(d) q[n,t,d]*lk[n,m,d]/sqrt(D), m)
        a[n,m,j] = softmax(sum(d) lq[n,m,d]*lk[n,j,d]/sqrt(D), j)
        b[n,m,t] = softmax(sum(d) lq[n,m,d]*k[n,t,d]/sqrt(D), t)
        z[s,n,i,j] = (13*z[s-1,n,i,j] - sum(m) z[s-1,n,i,m]*(15*p[s,n,m,j] - 7*p2[s,n,m,j] + p3[s,n,m,j]))/4
        p[s,n,i,j] = sum(m) a[n,i,m]*z[s-1,n,m,j]
        p2[s,n,i,j] = sum(m) p[s,n,i,m]*p[s,n,m,j]
        p3[s,n,i,j] = sum(m) p[s,n,i,m]*p2[s,n,m,j]
        z[-1,n,i,j] = a[n,j,i] / max(c) sum(r) a[n,r,c]
        s < 4
        y[n,t,d] = sum(m,j,u) f[n,t,m]*z[3,n,m,j]*b[n,j,u]*v[n,u,d]""",
        _nystroem,
        "q 2,6,3; k 2,6,3; v 2,6,3",
    ),
    "deformable_heads": Written(
        """# deformable DETR on one level: every head reads K places around the query's point
        input x[N,H,W,C], p, o, a, w
        v[n,i,j,m,d] = sum(c) x[n,i,j,c]*w[c,m,d]
        u[n,q,m,k] = W*(p[n,q,0] + o[n,q,m,k,0]/W) - 1/2
        r[n,q,m,k] = H*(p[n,q,1] + o[n,q,m,k,1]/H) - 1/2
        b[n,q,m,k] = softmax(a[n,q,m,k], k)
        y[n,q,m,d] = sum(k) b[n,q,m,k]*v[n,lerp(r[n,q,m,k], zero),lerp(u[n,q,m,k], zero),m,d]""",
        _deformable_heads,
        "x 2,4,5,3; p 2,3,2 %; o 2,3,2,4,2; a 2,3,2,4; w 3,2,3",
    ),
}
