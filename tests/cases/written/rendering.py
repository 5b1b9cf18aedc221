"""Rendering and fields: rays, splats, grids, encodings, splines."""

from typing import Any

import pytest

from tests.cases.written.written import Written

torch = pytest.importorskip("torch")
F = torch.nn.functional


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


def _kan(x: Any, c: Any, w: Any) -> Any:
    g = (torch.arange(8) - 3) * 0.5 - 1
    t = x[..., None]
    basis = ((t >= g[:-1]) & (t < g[1:])).double()
    for k in (1, 2):
        basis = (t - g[: -k - 1]) / (g[k:-1] - g[: -k - 1]) * basis[..., :-1] + (g[k + 1 :] - t) / (
            g[k + 1 :] - g[1:-k]
        ) * basis[..., 1:]
    return F.silu(x) @ w + torch.einsum("nib,ibk->nk", basis, c)


def _line(u: Any, p: Any) -> Any:
    q = p * (len(u) - 1)
    low = q.detach().floor().long().clamp(max=len(u) - 2)
    f = (q - low)[:, None]
    return u[low] * (1 - f) + u[low + 1] * f


def _plane(x: Any, a: Any, b: Any) -> Any:
    at = torch.stack([2 * b - 1, 2 * a - 1], -1)[None, None]
    return F.grid_sample(x.permute(2, 0, 1)[None], at, align_corners=True)[0, :, 0].T


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
        lambda x: torch.cat([(p := x[..., None] * torch.pi * 2.0 ** torch.arange(4)).sin(), p.cos()], -1),
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
        s[n,r] = u[lerp(p[n,0]*(I - 1), replicate), r]*v[lerp(p[n,1]*(J - 1), replicate), r]*w[lerp(p[n,2]*(K \\
            - 1), replicate), r]
        y[n,f] = sum(r) s[n,r]*b[r,f]""",
        lambda p, u, v, w, b: (_line(u, p[:, 0]) * _line(v, p[:, 1]) * _line(w, p[:, 2])) @ b,
        "p 5,3 %; u 4,2; v 5,2; w 3,2; b 2,3",
    ),
    "triplane": Written(
        """input p[N,D], xy[H,W,C], yz[W,K,C], xz[H,K,C]; D = 3
        y[n,c] = xy[lerp(p[n,0]*(H-1), zero), lerp(p[n,1]*(W-1), zero), c] \\
            + yz[lerp(p[n,1]*(W-1), zero), lerp(p[n,2]*(K-1), zero), c] \\
            + xz[lerp(p[n,0]*(H-1), zero), lerp(p[n,2]*(K-1), zero), c]""",
        lambda p, xy, yz, xz: (
            _plane(xy, p[:, 0], p[:, 1]) + _plane(yz, p[:, 1], p[:, 2]) + _plane(xz, p[:, 0], p[:, 2])
        ),
        "p 5,3 %; xy 4,3,2; yz 3,5,2; xz 4,5,2",
    ),
    "signed_distance_blend": Written(
        "k = 8.0; y[n] = -log(sum(i) exp(-k*(sqrt(sum(d) (x[n,d] - c[i,d])^2 + 1e-9) - r[i])))/k",
        lambda x, c, r: -(-8 * (((x[:, None] - c) ** 2).sum(-1) + 1e-9).sqrt() + 8 * r).logsumexp(1) / 8,
        "x 4,3; c 2,3; r 2 +",
    ),
    "spherical_harmonics_colour": Written(
        """input c[N,B,K], d[N,D]; B = 4; D = 3
        y[n,k] = relu(0.28209479*c[n,0,k] - 0.48860251*d[n,1]*c[n,1,k] + 0.48860251*d[n,2]*c[n,2,k] \\
            - 0.48860251*d[n,0]*c[n,3,k] + 0.5)""",
        lambda c, d: (
            0.28209479 * c[:, 0] + 0.48860251 * (-d[:, 1:2] * c[:, 1] + d[:, 2:] * c[:, 2] - d[:, :1] * c[:, 3]) + 0.5
        ).relu(),
        "c 5,4,3; d 5,3",
    ),
}
