"""Vision: sampling, windows, filters, upsampling."""

from typing import Any

import pytest

from tests.cases.written.written import Written

torch = pytest.importorskip("torch")
F = torch.nn.functional


def _channels_first(function: Any) -> Any:
    """A function of images with channels first for images with channels last."""
    return lambda x, *others: function(x.permute(0, 3, 1, 2), *others).permute(0, 2, 3, 1)


def _ssim(x: Any, y: Any, w: Any) -> Any:
    def mean(v: Any) -> Any:
        return F.conv2d(v[None, None], w[None, None])[0, 0]

    a, b = mean(x), mean(y)
    p, q, r = mean(x * x) - a * a, mean(y * y) - b * b, mean(x * y) - a * b
    return ((2 * a * b + 1e-4) * (2 * r + 9e-4) / ((a * a + b * b + 1e-4) * (p + q + 9e-4))).mean()


def _guided(i: Any, p: Any) -> Any:
    def box(v: Any) -> Any:
        return F.avg_pool2d(F.pad(v[None, None], (1, 1, 1, 1), mode="replicate"), 3, 1)[0, 0]

    a = (box(i * p) - box(i) * box(p)) / (box(i * i) - box(i) ** 2 + 0.01)
    return box(a) * i + box(box(p) - a * box(i))


def _bilateral(x: Any) -> Any:
    p = F.pad(x[None, None], (2, 2, 2, 2), mode="reflect")[0, 0].unfold(0, 5, 1).unfold(1, 5, 1)
    at = torch.arange(5) - 2
    near = torch.exp(-(at[:, None] ** 2 + at**2).double() / 8)
    w = near * torch.exp(-((p - x[:, :, None, None]) ** 2) / 0.5)
    return (w * p).sum((-1, -2)) / w.sum((-1, -2))


def _carafe(x: Any, k: Any) -> Any:
    p = F.pad(x.permute(0, 3, 1, 2), (1, 1, 1, 1)).unfold(2, 3, 1).unfold(3, 3, 1).permute(0, 2, 3, 4, 5, 1)
    w = k.flatten(3).softmax(-1).view(k.shape)
    up = p.repeat_interleave(2, 1).repeat_interleave(2, 2)
    return torch.einsum("nijrt,nijrtc->nijc", w, up)


def _warped(x: Any, f: Any) -> Any:
    i, j = torch.meshgrid(torch.arange(4.0), torch.arange(5.0), indexing="ij")
    at = torch.stack([2 * (j + f[..., 1]) / 4 - 1, 2 * (i + f[..., 0]) / 3 - 1], -1)
    return _channels_first(lambda v: F.grid_sample(v, at.double(), align_corners=True))(x)


def _transformed(x: Any, m: Any) -> Any:
    grid = F.affine_grid(m, (2, 3, 4, 5), align_corners=False)
    return _channels_first(lambda v: F.grid_sample(v, grid, align_corners=False))(x)


def _roi_pool(b: Any, x: Any) -> Any:
    rows = []
    for n, top, left, high, wide in b.tolist():
        part = x[n, top : top + 2 * high, left : left + 2 * wide]
        rows.append(part.reshape(2, high, 2, wide, -1).amax((1, 3)))
    return torch.stack(rows)


VISION = {
    "spatial_transformer": Written(
        """input x[N,H,W,C], m[N,D,E]; i < H; j < W; D = 2; E = 3
        a[i] = (2*i + 1)/H - 1; b[j] = (2*j + 1)/W - 1
        u[n,i,j] = m[n,0,0]*b[j] + m[n,0,1]*a[i] + m[n,0,2]
        v[n,i,j] = m[n,1,0]*b[j] + m[n,1,1]*a[i] + m[n,1,2]
        y[n,i,j,c] = x[n, lerp(((v[n,i,j] + 1)*H - 1)/2, zero), lerp(((u[n,i,j] + 1)*W - 1)/2, zero), c]""",
        _transformed,
        "x 2,4,5,3; m 2,2,3",
    ),
    "flow_warp": Written(
        """input x[N,H,W,C], f[N,H,W,D]
        y[n,i,j,c] = x[n, lerp(i + f[n,i,j,0], zero), lerp(j + f[n,i,j,1], zero), c]""",
        _warped,
        "x 2,4,5,3; f 2,4,5,2",
    ),
    "correlation_volume": Written(
        "y[n,i,j,a,b] = sum(c) x[n,i,j,c]*z[n,i+a-1,j+b-1,c]/C; a < 3; b < 3; input x[N,H,W,C], z[N,H,W,C]",
        lambda x, z: torch.stack(
            [
                torch.stack(
                    [(x * F.pad(z, (0, 0, 1, 1, 1, 1))[:, a : a + 4, b : b + 5]).mean(-1) for b in range(3)], -1
                )
                for a in range(3)
            ],
            3,
        ),
        "x 2,4,5,3; z 2,4,5,3",
    ),
    "stereo_cost_and_disparity": Written(
        """input l[N,H,W,C], r[N,H,W,C]; d < 3
        v[n,i,j,d] = -sum(c) abs(l[n,i,j,c] - r[n,i,j-d,c])
        y[n,i,j] = sum(d) d*softmax(v[n,i,j,d], d)""",
        lambda ell, r: (
            (-torch.stack([(ell - F.pad(r, (0, 0, d, 0))[:, :, : ell.shape[2]]).abs().sum(-1) for d in range(3)], -1))
            .softmax(-1)
            .matmul(torch.arange(3.0).double())
        ),
        "l 2,3,5,2; r 2,3,5,2",
    ),
    "soft_argmax": Written(
        """beta = 10.0
        p[n,i,j,k] = softmax(beta*x[n,i,j,k], i, j)
        y[n,k,d] = [d == 0]*(sum(i,j) i*p[n,i,j,k])/(I - 1) + [d == 1]*(sum(i,j) j*p[n,i,j,k])/(J - 1); d < 2""",
        lambda x: torch.stack(
            [
                torch.einsum(
                    "nijk,i->nk", p := (10 * x).flatten(1, 2).softmax(1).view(x.shape), torch.arange(4).double() / 3
                ),
                torch.einsum("nijk,j->nk", p, torch.arange(5).double() / 4),
            ],
            -1,
        ),
        "x 2,4,5,3",
    ),
    "dynamic_filter": Written(
        "p[n,i,j,r,t] = softmax(k[n,i,j,r,t], r, t); y[n,i,j,c] = sum(r,t) p[n,i,j,r,t]*x[n,i+r-1,j+t-1,c]; "
        "input x[N,I,J,C], k[N,I,J,R,T]",
        lambda x, k: torch.einsum(
            "nijrt,ncijrt->nijc",
            k.flatten(3).softmax(-1).view(k.shape),
            F.pad(x.permute(0, 3, 1, 2), (1, 1, 1, 1)).unfold(2, 3, 1).unfold(3, 3, 1),
        ),
        "x 2,4,5,2; k 2,4,5,3,3",
    ),
    "involution_of_groups": Written(
        """input x[N,I,J,G,C], w[E,Q], v[Q,G,R,T]
        h[n,i,j,q] = relu(sum(g,c) x[n,i,j,g,c]*w[g*C+c,q])
        k[n,i,j,g,r,t] = sum(q) h[n,i,j,q]*v[q,g,r,t]
        y[n,i,j,g,c] = sum(r,t) k[n,i,j,g,r,t]*x[n,i+r-1,j+t-1,g,c]""",
        lambda x, w, v: torch.einsum(
            "nijgrt,ngcijrt->nijgc",
            torch.einsum("nijq,qgrt->nijgrt", (x.flatten(3) @ w).relu(), v),
            F.pad(x.permute(0, 3, 4, 1, 2), (1, 1, 1, 1)).unfold(3, 3, 1).unfold(4, 3, 1),
        ),
        "x 2,4,3,2,2; w 4,3; v 3,2,3,3",
    ),
    "coordinates_joined": Written(
        """input x[N,I,J,C]
        y[n,i,j,c] = x[n,i,j,c]; y[n,i,j,C] += 2*i/(I-1) - 1; y[n,i,j,C+1] += 2*j/(J-1) - 1""",
        lambda x: torch.cat(
            [
                x,
                torch.linspace(-1, 1, 4, dtype=torch.float64)[None, :, None, None].expand(2, 4, 5, 1),
                torch.linspace(-1, 1, 5, dtype=torch.float64)[None, None, :, None].expand(2, 4, 5, 1),
            ],
            -1,
        ),
        "x 2,4,5,3",
    ),
    "roi_max_pool": Written(
        """input x[N,H,W,C], b[R,F]; integer b; i < 2; j < 2; r < 2; t < 2
        y[k,i,j,c] = max(r,t) [r <= b[k,3], t <= b[k,4]] x[b[k,0], b[k,1] + i*(b[k,3] + 1) + r, b[k,2] \\
            + j*(b[k,4] + 1) + t, c]""",
        lambda x, b: _roi_pool(b + torch.tensor([0, 0, 0, 1, 1]), x),
        "x 2,6,6,3; b 3,5 <2",
    ),
    "bilateral_filter": Written(
        """w[i,j,r,t] = exp(-((r-2)^2 + (t-2)^2)/8 - (x[reflect(i+r-2), reflect(j+t-2)] - x[i,j])^2/0.5); r < 5; t < 5
        y[i,j] = sum(r,t) w[i,j,r,t]*x[reflect(i+r-2), reflect(j+t-2)] / sum(p,q) w[i,j,p,q]; input x[H,W]
        i < H; j < W""",
        _bilateral,
        "x 5,4",
    ),
    "guided_filter": Written(
        """input g[H,W], p[H,W]; r < 3; t < 3; i < H; j < W; eps = 0.01
        mg[i,j] = sum(r,t) g[replicate(i+r-1), replicate(j+t-1)]/9
        mp[i,j] = sum(r,t) p[replicate(i+r-1), replicate(j+t-1)]/9
        gp[i,j] = sum(r,t) g[replicate(i+r-1), replicate(j+t-1)]*p[replicate(i+r-1), replicate(j+t-1)]/9
        gg[i,j] = sum(r,t) g[replicate(i+r-1), replicate(j+t-1)]^2/9
        a[i,j] = (gp[i,j] - mg[i,j]*mp[i,j])/(gg[i,j] - mg[i,j]^2 + eps)
        b[i,j] = mp[i,j] - a[i,j]*mg[i,j]
        y[i,j] = (sum(r,t) a[replicate(i+r-1), replicate(j+t-1)]/9)*g[i,j] \\
            + sum(r,t) b[replicate(i+r-1), replicate(j+t-1)]/9""",
        _guided,
        "g 4,5; p 4,5",
    ),
    "ssim": Written(
        """a[i,j] = sum(r,t) w[r,t]*x[i+r,j+t]; b[i,j] = sum(r,t) w[r,t]*z[i+r,j+t]
        p[i,j] = sum(r,t) w[r,t]*x[i+r,j+t]^2 - a[i,j]^2
        q[i,j] = sum(r,t) w[r,t]*z[i+r,j+t]^2 - b[i,j]^2
        s[i,j] = sum(r,t) w[r,t]*x[i+r,j+t]*z[i+r,j+t] - a[i,j]*b[i,j]
        e = sum(i,j) (2*a[i,j]*b[i,j] + 1e-4)*(2*s[i,j] + 9e-4)/((a[i,j]^2 + b[i,j]^2 + 1e-4)*(p[i,j] + q[i,j] \\
            + 9e-4))/(I*J)""",
        lambda w, x, z: _ssim(x, z, w),
        "w 3,3 %; x 5,6; z 5,6",
    ),
    "anisotropic_variation": Written(
        """input x[N,H,W,C]
        e = (sum(n,i,j,c) [i < H-1] abs(x[n,i+1,j,c] - x[n,i,j,c]) + sum(n,i,j,c) [j < W-1] abs(x[n,i,j+1,c] \\
            - x[n,i,j,c]))/N""",
        lambda x: ((x[:, 1:] - x[:, :-1]).abs().sum() + (x[:, :, 1:] - x[:, :, :-1]).abs().sum()) / 2,
        "x 2,4,5,2",
    ),
    "local_contrast": Written(
        """m[n,i,j] = sum(r,t) w[r,t]*x[n,i+r-1,j+t-1]; d[n,i,j] = x[n,i,j] - m[n,i,j]
        v[n,i,j] = sqrt(sum(r,t) w[r,t]*d[n,i+r-1,j+t-1]^2 + 1e-6)
        g[n] = sum(i,j) v[n,i,j]/(I*J)
        y[n,i,j] = d[n,i,j]/max(v[n,i,j], g[n]); input x[N,I,J]""",
        lambda w, x: (
            (d := x - F.conv2d(x[:, None], w[None, None], padding=1)[:, 0])
            / torch.maximum(
                v := (F.conv2d((d * d)[:, None], w[None, None], padding=1)[:, 0] + 1e-6).sqrt(),
                v.mean((1, 2), keepdim=True),
            )
        ),
        "w 3,3 %; x 2,4,5",
    ),
    "haar_step": Written(
        """l[n,i] = (x[n,2*i] + x[n,2*i+1])/sqrt(2); h[n,i] = (x[n,2*i] - x[n,2*i+1])/sqrt(2); output l, h""",
        lambda x: ((x[:, ::2] + x[:, 1::2]) / 2**0.5, (x[:, ::2] - x[:, 1::2]) / 2**0.5),
        "x 3,8",
    ),
    "haar_of_images_inverted": Written(
        """u[n,2*i+a,2*j+b] = (x[n,i,j,0] + (1-2*a)*x[n,i,j,1] + (1-2*b)*x[n,i,j,2] + (1-2*a)*(1-2*b)*x[n,i,j,3])/2
        a < 2; b < 2; input x[N,I,J,D]""",
        lambda x: torch.einsum(
            "nijd,dab->niajb",
            x,
            torch.tensor([[[1, 1], [1, 1]], [[1, 1], [-1, -1]], [[1, -1], [1, -1]], [[1, -1], [-1, 1]]]).double() / 2,
        ).reshape(2, 6, 4),
        "x 2,3,2,4",
    ),
    "dct": Written(
        "y[n,k] = (1 + [k > 0]*(sqrt(2) - 1))*sum(i) x[n,i]*cos(pi*(2*i + 1)*k/(2*I))/sqrt(I); k < I",
        lambda x: (
            x
            @ (
                torch.cos(torch.pi * torch.outer(2 * torch.arange(6) + 1, torch.arange(6)).double() / 12)
                * torch.tensor([1.0] + [2**0.5] * 5, dtype=torch.float64)
                / 6**0.5
            )
        ),
        "x 3,6",
    ),
    "spectral_convolution_of_images": Written(
        """complex w; input x[N,I,J,C], w[C,K,F,G]
        z[n,f,g,c] = sum(i,j) x[n,i,j,c]*exp(complex(0, -2*pi*(f*i/I + g*j/J)))
        u[n,f,g,k] = sum(c) z[n,f,g,c]*w[c,k,f,g]
        y[n,i,j,k] = sum(f,g) (2 - [g == 0])*re(u[n,f,g,k]*exp(complex(0, 2*pi*(f*i/I + g*j/J))))/(I*J)""",
        lambda x, w: torch.fft.irfft2(
            F.pad(
                torch.einsum(
                    "nfgc,ckfg->nfgk", torch.fft.rfft2(x, dim=(1, 2))[:, :2, :2], torch.view_as_complex(w)
                ).permute(0, 3, 1, 2),
                (0, 1, 0, 2),
            ),
            s=(4, 5),
        ).permute(0, 2, 3, 1),
        "x 2,4,5,2; w 2,3,2,2,2",
    ),
    "unfolded": Written(
        "y[n,c,r,t,i,j] = x[n,c,2*i+r-1,2*j+t-1]; r < 3; t < 3",
        lambda x: F.unfold(x, 3, padding=1, stride=2).view(2, 3, 3, 3, 2, 3),
        "x 2,3,4,5",
    ),
    "folded": Written(
        "y[n,c,i+r,j+t] = x[n,c,r,t,i,j]",
        lambda x: F.fold(x.flatten(4).flatten(1, 3), (5, 6), 3),
        "x 2,2,3,3,3,4",
    ),
    "pixel_unshuffle": Written(
        "y[n,i,j,c*4 + a*2 + b] = x[n,2*i+a,2*j+b,c]; a < 2; b < 2",
        _channels_first(lambda x: F.pixel_unshuffle(x, 2)),
        "x 2,4,6,3",
    ),
    "blur_pool": Written(
        """k[r] = [r == 0] + 3*[r == 1] + 3*[r == 2] + [r == 3]; r < 4
        y[n,i,j,c] = sum(r,t) k[r]*k[t]/64*x[n,reflect(2*i+r-1),reflect(2*j+t-1),c]; i < 2; j < 3""",
        _channels_first(
            lambda x: F.conv2d(
                F.pad(x, (1, 2, 1, 2), mode="reflect"),
                torch.outer(k := torch.tensor([1.0, 3, 3, 1]), k).double().expand(3, 1, 4, 4) / 64,
                stride=2,
                groups=3,
            )[:, :, :2, :3]
        ),
        "x 2,4,6,3",
    ),
    "carafe": Written(
        """input x[N,H,W,C], k[N,I,J,R,T]; I = 2*H; J = 2*W; R = 3; T = 3
        p[n,i,j,r,t] = softmax(k[n,i,j,r,t], r, t)
        y[n,i,j,c] = sum(r,t) p[n,i,j,r,t]*x[n,i//2+r-1,j//2+t-1,c]""",
        _carafe,
        "x 2,2,3,2; k 2,4,6,3,3",
    ),
}
