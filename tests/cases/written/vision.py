"""Vision, rendering and fields: sampling, windows, rays, encodings."""

from typing import Any

import pytest

from tests.cases.written.written import Written

torch = pytest.importorskip("torch")
F = torch.nn.functional


def _channels_first(function: Any) -> Any:
    """A function of images with channels first for images with channels last."""
    return lambda x, *others: function(x.permute(0, 3, 1, 2), *others).permute(0, 2, 3, 1)


def _splatted(m: Any, s: Any, o: Any, c: Any) -> Any:
    at = torch.stack(torch.meshgrid(torch.arange(4.0), torch.arange(5.0), indexing="ij"), -1).double()
    d = at[:, :, None] - m
    a = o * torch.exp(-0.5 * torch.einsum("ijgd,gde,ijge->ijg", d, s @ s.mT, d))
    t = torch.cat([torch.ones(4, 5, 1, dtype=a.dtype), (1 - a).cumprod(-1)[..., :-1]], -1)
    return torch.einsum("ijg,gk->ijk", t * a, c)


def _rays(s: Any, d: Any, c: Any, z: Any) -> Any:
    a = 1 - torch.exp(-s.relu() * d)
    t = torch.cat([torch.ones(2, 1, dtype=a.dtype), (1 - a + 1e-10).cumprod(1)[:, :-1]], 1)
    w = t * a
    return (w[..., None] * c).sum(1), (w * z).sum(1), w.sum(1)


def _hash(p: Any, w: Any) -> Any:
    """Four corners in a table of 16 rows, by Teschner's primes."""
    q = p * 5
    low = q.detach().floor().long()
    f = q - low
    found = 0
    for a in (0, 1):
        for b in (0, 1):
            x, y = low[:, 0] + a, low[:, 1] + b
            row = (x + y * 2654435) % 16
            found = found + w[row] * ((f[:, 0] if a else 1 - f[:, 0]) * (f[:, 1] if b else 1 - f[:, 1]))[:, None]
    return found


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


def _kan(x: Any, c: Any, w: Any) -> Any:
    g = (torch.arange(8) - 3) * 0.5 - 1
    t = x[..., None]
    basis = ((t >= g[:-1]) & (t < g[1:])).double()
    for k in (1, 2):
        basis = (t - g[: -k - 1]) / (g[k:-1] - g[: -k - 1]) * basis[..., :-1] + (g[k + 1 :] - t) / (
            g[k + 1 :] - g[1:-k]
        ) * basis[..., 1:]
    return F.silu(x) @ w + torch.einsum("nib,ibk->nk", basis, c)


RENDERING = {
    "nerf_ray": Written(
        """input s[R,I], d[R,I], c[R,I,K], z[R,I]
        a[r,i] = 1 - exp(-relu(s[r,i])*d[r,i])
        t[r,i] = prod(j) [j < i] (1 - a[r,j] + 1e-10)
        w[r,i] = t[r,i]*a[r,i]
        y[r,k] = sum(i) w[r,i]*c[r,i,k]
        depth[r] = sum(i) w[r,i]*z[r,i]
        opacity[r] = sum(i) w[r,i]
        output y, depth, opacity""",
        _rays,
        "s 2,5; d 2,5 +; c 2,5,3; z 2,5",
    ),
    "gaussian_splatting": Written(
        """input m[G,D], s[G,D,E], o[G], c[G,K]; i < 4; j < 5; D = 2
        u[i,j,g] = i - m[g,0]; v[i,j,g] = j - m[g,1]
        p[g] = sum(e) s[g,0,e]^2; q[g] = sum(e) s[g,0,e]*s[g,1,e]; r[g] = sum(e) s[g,1,e]^2
        a[i,j,g] = o[g]*exp(-(p[g]*u[i,j,g]^2 + 2*q[g]*u[i,j,g]*v[i,j,g] + r[g]*v[i,j,g]^2)/2)
        t[i,j,g] = prod(h) [h < g] (1 - a[i,j,h])
        y[i,j,k] = sum(g) t[i,j,g]*a[i,j,g]*c[g,k]""",
        _splatted,
        "m 3,2; s 3,2,2; o 3 %; c 3,2",
    ),
    "positional_encoding": Written(
        """L = 4; l < L
        y[n,d,l] = sin(2^l*pi*x[n,d]); y[n,d,L+m] += cos(2^m*pi*x[n,d]); m < L""",
        lambda x: torch.cat(
            [(p := x[..., None] * torch.pi * 2.0 ** torch.arange(4)).sin(), p.cos()], -1
        ),
        "x 3,2",
    ),
    "hash_grid": Written(
        """input p[N,D], w[T,F]; D = 2; a < 2; b < 2; s = 5
        x[n,d] = floor(s*p[n,d]); f[n,d] = s*p[n,d] - x[n,d]
        integer x
        u[n,a,d] = [a == 0]*(1 - f[n,d]) + [a == 1]*f[n,d]
        y[n,c] = sum(a,b) u[n,a,0]*u[n,b,1]*w[(x[n,0] + a + (x[n,1] + b)*2654435) % T, c]""",
        _hash,
        "p 6,2 %; w 16,3",
    ),
    "fourier_features": Written(
        """input x[N,D], b[D,F], w[G,K]
        p[n,f] = 2*pi*(sum(d) x[n,d]*b[d,f])
        h[n,f] = cos(p[n,f]); h[n,F+g] += sin(p[n,g])
        y[n,k] = sum(a) h[n,a]*w[a,k]""",
        lambda x, b, w: torch.cat([(p := 2 * torch.pi * x @ b).cos(), p.sin()], 1) @ w,
        "x 3,2; b 2,4; w 8,3",
    ),
    "siren": Written(
        "omega = 30.0; h[n,k] = sin(omega*(b[k] + sum(c) x[n,c]*w[c,k])); y[n,o] = sum(k) h[n,k]*v[k,o]",
        lambda b, x, w, v: (30 * (b + x @ w)).sin() @ v,
        "b 4; x 3,2; w 2,4; v 4,2",
    ),
    "wire": Written(
        """omega = 10.0; s = 5.0
        u[n,k] = sum(c) x[n,c]*w[c,k]
        g[n,k] = exp(-(s*u[n,k])^2)
        y[n,k] = cos(omega*u[n,k])*g[n,k]; z[n,k] = sin(omega*u[n,k])*g[n,k]
        output y, z""",
        lambda x, w: ((10 * (u := x @ w)).cos() * (g := (-((5 * u) ** 2)).exp()), (10 * u).sin() * g),
        "x 3,2; w 2,4",
    ),
    "kan_splines": Written(
        """input x[N,I], c[I,B,K], w[I,K]
        b < B
        a[n,i,p] = [(p - 3)*0.5 - 1 <= x[n,i], x[n,i] < (p - 2)*0.5 - 1]; p < B + 2
        u[n,i,q] = (x[n,i] - (q - 3)*0.5 + 1)/0.5*a[n,i,q] + ((q - 1)*0.5 - 1 - x[n,i])/0.5*a[n,i,q+1]; q < B + 1
        v[n,i,b] = (x[n,i] - (b - 3)*0.5 + 1)/1.0*u[n,i,b] + (b*0.5 - 1 - x[n,i])/1.0*u[n,i,b+1]
        y[n,k] = sum(i) silu(x[n,i])*w[i,k] + sum(i,b) v[n,i,b]*c[i,b,k]""",
        _kan,
        "x 4,3; c 3,5,2; w 3,2",
    ),
    "tensorf": Written(
        """input p[N,D], u[I,R], v[J,R], w[K,R], b[R,F]; D = 3
        s[n,r] = u[lerp(p[n,0]*(I - 1), replicate), r]*v[lerp(p[n,1]*(J - 1), replicate), r]*w[lerp(p[n,2]*(K - 1), replicate), r]
        y[n,f] = sum(r) s[n,r]*b[r,f]""",
        lambda p, u, v, w, b: (_line(u, p[:, 0]) * _line(v, p[:, 1]) * _line(w, p[:, 2])) @ b,
        "p 5,3 %; u 4,2; v 5,2; w 3,2; b 2,3",
    ),
    "triplane": Written(
        """input p[N,D], xy[H,W,C], yz[W,K,C], xz[H,K,C]; D = 3
        y[n,c] = xy[lerp(p[n,0]*(H-1), zero), lerp(p[n,1]*(W-1), zero), c] + yz[lerp(p[n,1]*(W-1), zero), lerp(p[n,2]*(K-1), zero), c] \\
            + xz[lerp(p[n,0]*(H-1), zero), lerp(p[n,2]*(K-1), zero), c]""",
        lambda p, xy, yz, xz: _plane(xy, p[:, 0], p[:, 1]) + _plane(yz, p[:, 1], p[:, 2]) + _plane(xz, p[:, 0], p[:, 2]),
        "p 5,3 %; xy 4,3,2; yz 3,5,2; xz 4,5,2",
    ),
    "signed_distance_blend": Written(
        "k = 8.0; y[n] = -log(sum(i) exp(-k*(sqrt(sum(d) (x[n,d] - c[i,d])^2 + 1e-9) - r[i])))/k",
        lambda x, c, r: -(-8 * (((x[:, None] - c) ** 2).sum(-1) + 1e-9).sqrt() + 8 * r).logsumexp(1) / 8,
        "x 4,3; c 2,3; r 2 +",
    ),
    "spherical_harmonics_colour": Written(
        """input c[N,B,K], d[N,D]; B = 4; D = 3
        y[n,k] = relu(0.28209479*c[n,0,k] - 0.48860251*d[n,1]*c[n,1,k] + 0.48860251*d[n,2]*c[n,2,k] - 0.48860251*d[n,0]*c[n,3,k] + 0.5)""",
        lambda c, d: (
            0.28209479 * c[:, 0]
            + 0.48860251 * (-d[:, 1:2] * c[:, 1] + d[:, 2:] * c[:, 2] - d[:, :1] * c[:, 3])
            + 0.5
        ).relu(),
        "c 5,4,3; d 5,3",
    ),
}


def _line(u: Any, p: Any) -> Any:
    q = p * (len(u) - 1)
    low = q.detach().floor().long().clamp(max=len(u) - 2)
    f = (q - low)[:, None]
    return u[low] * (1 - f) + u[low + 1] * f


def _plane(x: Any, a: Any, b: Any) -> Any:
    at = torch.stack([2 * b - 1, 2 * a - 1], -1)[None, None]
    return F.grid_sample(x.permute(2, 0, 1)[None], at, align_corners=True)[0, :, 0].T


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
                torch.stack([(x * F.pad(z, (0, 0, 1, 1, 1, 1))[:, a : a + 4, b : b + 5]).mean(-1) for b in range(3)], -1)
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
        lambda l, r: (
            -torch.stack([(l - F.pad(r, (0, 0, d, 0))[:, :, : l.shape[2]]).abs().sum(-1) for d in range(3)], -1)
        )
        .softmax(-1)
        .matmul(torch.arange(3.0).double()),
        "l 2,3,5,2; r 2,3,5,2",
    ),
    "soft_argmax": Written(
        """beta = 10.0
        p[n,i,j,k] = softmax(beta*x[n,i,j,k], i, j)
        y[n,k,d] = [d == 0]*(sum(i,j) i*p[n,i,j,k])/(I - 1) + [d == 1]*(sum(i,j) j*p[n,i,j,k])/(J - 1); d < 2""",
        lambda x: torch.stack(
            [
                torch.einsum("nijk,i->nk", p := (10 * x).flatten(1, 2).softmax(1).view(x.shape), torch.arange(4).double() / 3),
                torch.einsum("nijk,j->nk", p, torch.arange(5).double() / 4),
            ],
            -1,
        ),
        "x 2,4,5,3",
    ),
    "dynamic_filter": Written(
        "p[n,i,j,r,t] = softmax(k[n,i,j,r,t], r, t); y[n,i,j,c] = sum(r,t) p[n,i,j,r,t]*x[n,i+r-1,j+t-1,c]; input x[N,I,J,C], k[N,I,J,R,T]",
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
        y[k,i,j,c] = max(r,t) [r <= b[k,3], t <= b[k,4]] x[b[k,0], b[k,1] + i*(b[k,3] + 1) + r, b[k,2] + j*(b[k,4] + 1) + t, c]""",
        lambda x, b: _roi_pool(b + torch.tensor([0, 0, 0, 1, 1]), x),
        "x 2,6,6,3; b 3,5 <2",
    ),
    "bilateral_filter": Written(
        """w[i,j,r,t] = exp(-((r-2)^2 + (t-2)^2)/8 - (x[reflect(i+r-2), reflect(j+t-2)] - x[i,j])^2/0.5); r < 5; t < 5
        y[i,j] = sum(r,t) w[i,j,r,t]*x[reflect(i+r-2), reflect(j+t-2)] / sum(p,q) w[i,j,p,q]; input x[H,W]; i < H; j < W""",
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
        y[i,j] = (sum(r,t) a[replicate(i+r-1), replicate(j+t-1)]/9)*g[i,j] + sum(r,t) b[replicate(i+r-1), replicate(j+t-1)]/9""",
        _guided,
        "g 4,5; p 4,5",
    ),
    "ssim": Written(
        """a[i,j] = sum(r,t) w[r,t]*x[i+r,j+t]; b[i,j] = sum(r,t) w[r,t]*z[i+r,j+t]
        p[i,j] = sum(r,t) w[r,t]*x[i+r,j+t]^2 - a[i,j]^2
        q[i,j] = sum(r,t) w[r,t]*z[i+r,j+t]^2 - b[i,j]^2
        s[i,j] = sum(r,t) w[r,t]*x[i+r,j+t]*z[i+r,j+t] - a[i,j]*b[i,j]
        e = sum(i,j) (2*a[i,j]*b[i,j] + 1e-4)*(2*s[i,j] + 9e-4)/((a[i,j]^2 + b[i,j]^2 + 1e-4)*(p[i,j] + q[i,j] + 9e-4))/(I*J)""",
        lambda w, x, z: _ssim(x, z, w),
        "w 3,3 %; x 5,6; z 5,6",
    ),
    "anisotropic_variation": Written(
        """input x[N,H,W,C]
        e = (sum(n,i,j,c) [i < H-1] abs(x[n,i+1,j,c] - x[n,i,j,c]) + sum(n,i,j,c) [j < W-1] abs(x[n,i,j+1,c] - x[n,i,j,c]))/N""",
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
        lambda x, wq, wv, wz: F.layer_norm(
            torch.einsum("nij,nijk->nk", (x @ wq).flatten(1).softmax(1).view(2, 3, 4), x @ wv) @ wz, (3,)
        ).sigmoid()[:, None, None]
        * x,
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
        lambda q, k, r: torch.einsum(
            "nid,nijd->nij",
            q,
            k[:, None] + r[(torch.arange(6) - torch.arange(5)[:, None]).clamp(-2, 2) + 2],
        )
        / 3**0.5,
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
        lambda l, x, z: (torch.einsum("mdc,nmc->nmd", l, x[:, None] - z).square().sum(-1) + 1e-12).sqrt(),
        "l 3,2,2; x 4,2; z 3,2",
    ),
    "generalised_mean_pool": Written(
        "input x[N,I,J,C], p; y[n,c] = (sum(i,j) max(x[n,i,j,c], 1e-6)^p/(I*J))^(1/p)",
        lambda x, p: (x.clamp(min=1e-6) ** p).mean((1, 2)) ** (1 / p),
        "x 2,3,4,3 +; p 0 +",
    ),
    "efficient_channel_attention": Written(
        "m[n,c] = mean(x[n,i,j,c], i, j); g[n,c] = sigmoid(sum(r) w[r]*m[n,c+r-1]); y[n,i,j,c] = g[n,c]*x[n,i,j,c]; r < 3; input x[N,I,J,C]",
        lambda x, w: F.conv1d(x.mean((1, 2))[:, None], w[None, None], padding=1)[:, 0].sigmoid()[:, None, None] * x,
        "x 2,3,4,5; w 3",
    ),
    "modulated_convolution": Written(
        """u[n,r,t,c,k] = s[n,c]*w[r,t,c,k]
        d[n,k] = 1/sqrt(sum(r,t,c) u[n,r,t,c,k]^2 + 1e-8)
        y[n,i,j,k] = d[n,k]*sum(r,t,c) u[n,r,t,c,k]*x[n,i+r-1,j+t-1,c]; input s[N,C], w[R,T,C,K], x[N,I,J,C]; R = 3; T = 3""",
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
        lambda g, x, b: g[:, None, None] * F.instance_norm(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        + b[:, None, None],
        "g 2,3; x 2,4,5,3; b 2,3",
    ),
    "weight_standardised": Written(
        "v[r,c,k] = norm(w[r,c,k], r, c); y[n,i,k] = sum(r,c) x[n,i+r,c]*v[r,c,k]",
        lambda w, x: F.conv1d(
            x.mT,
            ((w - w.mean((0, 1))) / (w.var((0, 1), unbiased=False) + 1e-5).sqrt()).permute(2, 1, 0),
        ).mT,
        "w 3,2,4; x 2,6,2",
    ),
    "compact_bilinear": Written(
        """p[n,a,b] = sum(i) x[n,i,a]*x[n,i,b]/I
        s[n,a,b] = sign(p[n,a,b])*sqrt(abs(p[n,a,b]) + 1e-6)
        y[n,a,b] = s[n,a,b]/sqrt(sum(a,b) s[n,a,b]^2)""".replace("sum(a,b) s[n,a,b]", "sum(c,d) s[n,c,d]"),
        lambda x: (
            s := (p := x.mT @ x / x.shape[1]).sign() * (p.abs() + 1e-6).sqrt()
        ) / s.square().sum((1, 2), keepdim=True).sqrt(),
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
        "y[n,i,j,c] = x[n,i//2,j//2,c]*sigmoid(g[n,i%2,j%2,c]); input x[N,H,W,C], g[N,R,S,C]; i < 2*H; j < 2*W; R = 2; S = 2",
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
        w[n] = max(min(p[n,2], q[n,2]) - max(p[n,0], q[n,0]), 0); h[n] = max(min(p[n,3], q[n,3]) - max(p[n,1], q[n,1]), 0)
        u[n] = (p[n,2] - p[n,0])*(p[n,3] - p[n,1]) + (q[n,2] - q[n,0])*(q[n,3] - q[n,1]) - w[n]*h[n]
        c[n] = (max(p[n,2], q[n,2]) - min(p[n,0], q[n,0]))*(max(p[n,3], q[n,3]) - min(p[n,1], q[n,1]))
        y[n] = 1 - w[n]*h[n]/u[n] + (c[n] - u[n])/c[n]""",
        lambda p, q: (
            1
            - (
                i := (torch.minimum(p[:, 2:], q[:, 2:]) - torch.maximum(p[:, :2], q[:, :2])).relu().prod(1)
            )
            / (
                u := (p[:, 2:] - p[:, :2]).prod(1) + (q[:, 2:] - q[:, :2]).prod(1) - i
            )
            + ((c := (torch.maximum(p[:, 2:], q[:, 2:]) - torch.minimum(p[:, :2], q[:, :2])).prod(1)) - u) / c
        ),
        "p 5,4; q 5,4",
    ),
}
