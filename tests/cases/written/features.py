"""Features of images: attention, normalisation, pooling, distances, boxes."""

import pytest

from tests.cases.written.written import Written

torch = pytest.importorskip("torch")
F = torch.nn.functional


FEATURES = {
    "non_local_gaussian": Written(
        """s[n,i,j] = sum(c) x[n,i,c]*x[n,j,c]
        a[n,i,j] = softmax(s[n,i,j], j)
        y[n,i,c] = x[n,i,c] + sum(j,e) a[n,i,j]*x[n,j,e]*w[e,c]""",
        lambda x, w: x + (x @ x.mT).softmax(-1) @ x @ w,
        "x 2,5,3; w 3,3",
    ),
    "polarised_attention": Written(
        """q[n,i,j] = sum(c) x[n,i,j,c]*wq[c]; v[n,i,j,k] = sum(c) x[n,i,j,c]*wv[c,k]
        a[n,k] = sum(i,j) softmax(q[n,i,j], i, j)*v[n,i,j,k]
        z[n,c] = norm(sum(k) a[n,k]*wz[k,c], c)
        y[n,i,j,c] = sigmoid(z[n,c])*x[n,i,j,c]""",
        lambda x, wq, wv, wz: (
            F.layer_norm(
                torch.einsum("nij,nijk->nk", (x @ wq).flatten(1).softmax(1).view(2, 3, 4), x @ wv) @ wz, (3,)
            ).sigmoid()[:, None, None]
            * x
        ),
        "x 2,3,4,3; wq 3; wv 3,2; wz 2,3",
    ),
    "axial_attention": Written(
        """s[n,i,j,k] = sum(d) q[n,i,j,d]*(k_[n,i,k,d] + r[k - j + J - 1,d])
        p[n,i,j,k] = softmax(s[n,i,j,k], k)
        y[n,i,j,d] = sum(k) p[n,i,j,k]*v[n,i,k,d]
        input q[N,I,J,D], k_[N,I,J,D], v[N,I,J,D], r[R,D]""",
        lambda q, k, v, r: torch.einsum(
            "nijk,nikd->nijd",
            (
                torch.einsum("nijd,nikd->nijk", q, k)
                + torch.einsum("nijd,jkd->nijk", q, r[torch.arange(4) - torch.arange(4)[:, None] + 3])
            ).softmax(-1),
            v,
        ),
        "q 2,3,4,2; k_ 2,3,4,2; v 2,3,4,2; r 7,2",
    ),
    "clipped_relative_positions": Written(
        """P = 2; input q[N,I,D], k[N,J,D], r[R,D]
        s[n,i,j] = sum(d) q[n,i,d]*(k[n,j,d] + r[max(-P, min(j - i, P)) + P, d])/sqrt(D)""",
        lambda q, k, r: (
            torch.einsum(
                "nid,nijd->nij",
                q,
                k[:, None] + r[(torch.arange(6) - torch.arange(5)[:, None]).clamp(-2, 2) + 2],
            )
            / 3**0.5
        ),
        "q 2,5,3; k 2,6,3; r 5,3",
    ),
    "maxout": Written(
        "y[n,k] = max(p) (b[p,k] + sum(c) x[n,c]*w[c,p,k])",
        lambda b, x, w: (b + torch.einsum("nc,cpk->npk", x, w)).amax(1),
        "b 3,4; x 5,2; w 2,3,4",
    ),
    "radial_basis": Written(
        "h[n,m] = exp(-g[m]^2*sum(c) (x[n,c] - z[m,c])^2); y[n,k] = sum(m) h[n,m]*w[m,k]/sum(p) h[n,p]",
        lambda g, x, z, w: (h := (-(g**2) * ((x[:, None] - z) ** 2).sum(-1)).exp()) / h.sum(1, keepdim=True) @ w,
        "g 4; x 3,2; z 4,2; w 4,3",
    ),
    "mahalanobis": Written(
        "u[n,m,d] = sum(c) l[m,d,c]*(x[n,c] - z[m,c]); y[n,m] = sqrt(sum(d) u[n,m,d]^2 + 1e-12)",
        lambda ell, x, z: (torch.einsum("mdc,nmc->nmd", ell, x[:, None] - z).square().sum(-1) + 1e-12).sqrt(),
        "l 3,2,2; x 4,2; z 3,2",
    ),
    "generalised_mean_pool": Written(
        "input x[N,I,J,C], p; y[n,c] = (sum(i,j) max(x[n,i,j,c], 1e-6)^p/(I*J))^(1/p)",
        lambda x, p: (x.clamp(min=1e-6) ** p).mean((1, 2)) ** (1 / p),
        "x 2,3,4,3 +; p 0 +",
    ),
    "efficient_channel_attention": Written(
        "m[n,c] = mean(x[n,i,j,c], i, j); g[n,c] = sigmoid(sum(r) w[r]*m[n,c+r-1]); "
        "y[n,i,j,c] = g[n,c]*x[n,i,j,c]; r < 3; input x[N,I,J,C]",
        lambda x, w: F.conv1d(x.mean((1, 2))[:, None], w[None, None], padding=1)[:, 0].sigmoid()[:, None, None] * x,
        "x 2,3,4,5; w 3",
    ),
    "modulated_convolution": Written(
        """u[n,r,t,c,k] = s[n,c]*w[r,t,c,k]
        d[n,k] = 1/sqrt(sum(r,t,c) u[n,r,t,c,k]^2 + 1e-8)
        y[n,i,j,k] = d[n,k]*sum(r,t,c) u[n,r,t,c,k]*x[n,i+r-1,j+t-1,c]; input s[N,C], w[R,T,C,K], x[N,H,W,C]
        R = 3; T = 3""",
        lambda s, w, x: torch.stack(
            [
                F.conv2d(
                    x[n].permute(2, 0, 1)[None],
                    ((u := s[n][:, None] * w) / ((u * u).sum((0, 1, 2)) + 1e-8).sqrt()).permute(3, 2, 0, 1),
                    padding=1,
                )[0].permute(1, 2, 0)
                for n in range(2)
            ]
        ),
        "s 2,3; w 3,3,3,2; x 2,4,5,3",
    ),
    "adaptive_instance_norm": Written(
        "y[n,i,j,c] = g[n,c]*norm(x[n,i,j,c], i, j) + b[n,c]",
        lambda g, x, b: (
            g[:, None, None] * F.instance_norm(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) + b[:, None, None]
        ),
        "g 2,3; x 2,4,5,3; b 2,3",
    ),
    "weight_standardised": Written(
        "v[r,c,k] = norm(w[r,c,k], r, c); y[n,i,k] = sum(r,c) x[n,i+r,c]*v[r,c,k]",
        lambda w, x: (
            F.conv1d(
                x.mT,
                ((w - w.mean((0, 1))) / (w.var((0, 1), unbiased=False) + 1e-5).sqrt()).permute(2, 1, 0),
            ).mT
        ),
        "w 3,2,4; x 2,6,2",
    ),
    "compact_bilinear": Written(
        """p[n,a,b] = sum(i) x[n,i,a]*x[n,i,b]/I
        s[n,a,b] = sign(p[n,a,b])*sqrt(abs(p[n,a,b]) + 1e-6)
        y[n,a,b] = s[n,a,b]/sqrt(sum(a,b) s[n,a,b]^2)""".replace("sum(a,b) s[n,a,b]", "sum(c,d) s[n,c,d]"),
        lambda x: (
            (s := (p := x.mT @ x / x.shape[1]).sign() * (p.abs() + 1e-6).sqrt())
            / s.square().sum((1, 2), keepdim=True).sqrt()
        ),
        "x 2,4,3",
    ),
    "vlad": Written(
        """a[n,i,k] = softmax(b[k] + sum(c) x[n,i,c]*w[c,k], k)
        v[n,k,c] = sum(i) a[n,i,k]*(x[n,i,c] - m[k,c])
        y[n,k,c] = v[n,k,c]/l2_norm(v[n,k,c], c)""",
        lambda b, x, w, m: F.normalize(
            torch.einsum("nik,nikc->nkc", (b + x @ w).softmax(-1), x[:, :, None] - m), dim=-1
        ),
        "b 3; x 2,5,4; w 4,3; m 3,4",
    ),
    "pixel_attention_upsampled": Written(
        "y[n,i,j,c] = x[n,i//2,j//2,c]*sigmoid(g[n,i%2,j%2,c]); input x[N,H,W,C], g[N,R,S,C]; i < 2*H; j < 2*W; "
        "R = 2; S = 2",
        lambda x, g: x.repeat_interleave(2, 1).repeat_interleave(2, 2) * g.repeat(1, 3, 2, 1).sigmoid(),
        "x 2,3,2,2; g 2,2,2,2",
    ),
    "shifted_windows": Written(
        """input x[N,H,W,C]; M = 2; a < H//M; b < W//M; r < M; t < M
        y[n,a,b,r,t,c] = x[n, (a*M + r + 1) % H, (b*M + t + 1) % W, c]""",
        lambda x: torch.roll(x, (-1, -1), (1, 2)).view(2, 2, 2, 3, 2, 3).permute(0, 1, 3, 2, 4, 5),
        "x 2,4,6,3",
    ),
    "distribution_focal_box": Written(
        """y[n,s] = sum(k) k*softmax(x[n,s,k], k)
        b[n,d] = a[n,d] + [d == 0]*(-y[n,0]) + [d == 1]*(-y[n,1]); input x[N,S,K], a[N,D]; S = 4; D = 2
        e[n,d] = a[n,d] + [d == 0]*y[n,2] + [d == 1]*y[n,3]; output b, e""",
        lambda x, a: (
            a - (y := x.softmax(-1) @ torch.arange(5.0).double())[:, :2],
            a + y[:, 2:],
        ),
        "x 3,4,5; a 3,2",
    ),
    "generalised_iou": Written(
        """input p[N,F], q[N,F]; F = 4
        w[n] = max(min(p[n,2], q[n,2]) - max(p[n,0], q[n,0]), 0); h[n] = max(min(p[n,3], q[n,3]) \\
            - max(p[n,1], q[n,1]), 0)
        u[n] = (p[n,2] - p[n,0])*(p[n,3] - p[n,1]) + (q[n,2] - q[n,0])*(q[n,3] - q[n,1]) - w[n]*h[n]
        c[n] = (max(p[n,2], q[n,2]) - min(p[n,0], q[n,0]))*(max(p[n,3], q[n,3]) - min(p[n,1], q[n,1]))
        y[n] = 1 - w[n]*h[n]/u[n] + (c[n] - u[n])/c[n]""",
        lambda p, q: (
            1
            - (i := (torch.minimum(p[:, 2:], q[:, 2:]) - torch.maximum(p[:, :2], q[:, :2])).relu().prod(1))
            / (u := (p[:, 2:] - p[:, :2]).prod(1) + (q[:, 2:] - q[:, :2]).prod(1) - i)
            + ((c := (torch.maximum(p[:, 2:], q[:, 2:]) - torch.minimum(p[:, :2], q[:, :2])).prod(1)) - u) / c
        ),
        "p 5,4; q 5,4",
    ),
}
