"""Rays, surfaces, cameras, light."""

from typing import Any

import pytest

from tests.cases.written.written import Written

torch = pytest.importorskip("torch")
F = torch.nn.functional


def _volume(s: Any, c: Any, d: Any, back: Any) -> Any:
    alpha = 1 - (-F.softplus(s) * d).exp()
    left = torch.cat([torch.ones_like(alpha[:, :1]), (1 - alpha).cumprod(1)], 1)
    w = left[:, :-1] * alpha
    return torch.einsum("ri,ric->rc", w, c) + left[:, -1:] * back, (w * d.cumsum(1)).sum(1)


def _distortion(w: Any, s: Any) -> Any:
    m, d = (s[:, 1:] + s[:, :-1]) / 2, s[:, 1:] - s[:, :-1]
    far = (m[:, :, None] - m[:, None]).abs()
    return torch.einsum("ri,rj,rij->r", w, w, far) + (w**2 * d).sum(1) / 3


def _integrated(o: Any, d: Any, t: Any, r: Any) -> Any:
    mu, h = (t[:, 1:] + t[:, :-1]) / 2, (t[:, 1:] - t[:, :-1]) / 2
    mean = mu + 2 * mu * h**2 / (3 * mu**2 + h**2)
    tt = h**2 / 3 - 4 / 15 * h**4 * (12 * mu**2 - h**2) / (3 * mu**2 + h**2) ** 2
    rr = r[:, None] ** 2 * (mu**2 / 4 + 5 / 12 * h**2 - 4 / 15 * h**4 / (3 * mu**2 + h**2))
    dd = d**2
    centre = o[:, None] + mean[..., None] * d[:, None]
    cov = tt[..., None] * dd[:, None] + rr[..., None] * (1 - dd / dd.sum(1, keepdim=True))[:, None]
    scale = 2.0 ** torch.arange(3)
    a = centre[..., None] * scale
    fade = (-0.5 * cov[..., None] * scale**2).exp()
    return fade * a.sin(), fade * a.cos()


def _neus(f: Any, s: Any, c: Any) -> Any:
    phi = (f * s.exp()).sigmoid()
    alpha = ((phi[:, :-1] - phi[:, 1:]) / phi[:, :-1]).relu()
    left = torch.cat([torch.ones_like(alpha[:, :1]), (1 - alpha).cumprod(1)[:, :-1]], 1)
    return torch.einsum("ri,ric->rc", left * alpha, c)


def _laplace_density(f: Any, beta: Any, d: Any, c: Any) -> Any:
    s = -f
    sigma = torch.where(s <= 0, 0.5 * (s / beta).exp(), 1 - 0.5 * (-s / beta).exp()) / beta
    step = sigma * d
    w = (1 - (-step).exp()) * (-(step.cumsum(1) - step)).exp()
    return torch.einsum("ri,ric->rc", w, c)


def _soft_raster(d: Any, side: Any, z: Any, c: Any) -> Any:
    cover = ((2 * side - 1) * d**2 / 0.1).sigmoid()
    w = cover * (z / 0.5).exp()
    back = torch.exp(torch.tensor(0.001 / 0.5).double())
    total = w.sum(1, keepdim=True) + back
    return torch.einsum("pj,jc->pc", w / total, c), 1 - (1 - cover).prod(1)


def _splats(q: Any, s: Any, mean: Any, opacity: Any, colour: Any, pixel: Any) -> Any:
    r, x, y, z = F.normalize(q, dim=1).unbind(1)
    rot = torch.stack(
        [
            torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - r * z), 2 * (x * z + r * y)], 1),
            torch.stack([2 * (x * y + r * z), 1 - 2 * (x * x + z * z), 2 * (y * z - r * x)], 1),
            torch.stack([2 * (x * z - r * y), 2 * (y * z + r * x), 1 - 2 * (x * x + y * y)], 1),
        ],
        1,
    )
    m = rot * s.exp()[:, None]
    cov3 = m @ m.transpose(1, 2)
    tx, ty, tz = mean.unbind(1)
    tz = tz.abs() + 2
    zero = torch.zeros_like(tx)
    j = torch.stack([torch.stack([1 / tz, zero, -tx / tz**2], 1), torch.stack([zero, 1 / tz, -ty / tz**2], 1)], 1)
    cov = j @ cov3 @ j.transpose(1, 2) + 0.3 * torch.eye(2, dtype=q.dtype)
    centre = torch.stack([tx / tz, ty / tz], 1)
    d = pixel[:, None] - centre[None]
    power = -0.5 * torch.einsum("pga,gab,pgb->pg", d, cov.inverse(), d)
    alpha = (opacity.sigmoid() * power.exp()).clamp(max=0.99)
    left = torch.cat([torch.ones_like(alpha[:, :1]), (1 - alpha).cumprod(1)[:, :-1]], 1)
    return (alpha * left) @ colour


def _irradiance(n: Any, L: Any, rho: Any) -> Any:
    n = F.normalize(n, dim=1)
    x, y, z = n.unbind(1)
    c = 0.429043, 0.511664, 0.743125, 0.886227, 0.247708
    e = (
        c[0] * L[8] * (x * x - y * y)[:, None]
        + c[2] * L[6] * (z * z)[:, None]
        + c[3] * L[0]
        - c[4] * L[6]
        + 2 * c[0] * (L[4] * (x * y)[:, None] + L[7] * (x * z)[:, None] + L[5] * (y * z)[:, None])
        + 2 * c[1] * (L[3] * x[:, None] + L[1] * y[:, None] + L[2] * z[:, None])
    )
    return rho * e


def _microfacets(n: Any, v: Any, light: Any, rough: Any, f0: Any) -> Any:
    n, v, light = (F.normalize(a, dim=1) for a in (n, v, light))
    h = F.normalize(v + light, dim=1)
    nh, nv, nl, vh = ((a * b).sum(1).clamp(min=1e-3) for a, b in ((n, h), (n, v), (n, light), (v, h)))
    a2 = rough**4
    d = a2 / (torch.pi * (nh**2 * (a2 - 1) + 1) ** 2)
    k = (rough + 1) ** 2 / 8
    g = nv / (nv * (1 - k) + k) * (nl / (nl * (1 - k) + k))
    f = f0 + (1 - f0) * ((1 - vh) ** 5)[:, None]
    return (d * g / (4 * nv * nl) * nl)[:, None] * f


def _reprojected(x: Any, w: Any, t: Any, k: Any, y: Any) -> Any:
    angle = ((w**2).sum(1, keepdim=True) + 1e-12).sqrt()
    a = w / angle
    moved = []
    for c in range(len(w)):
        cross = torch.linalg.cross(a[c].expand_as(x), x)
        turned = x * angle[c].cos() + cross * angle[c].sin() + a[c] * (x @ a[c])[:, None] * (1 - angle[c].cos())
        moved.append(turned + t[c])
    p = torch.stack(moved)
    u = p[..., :2] / (p[..., 2:].abs() + 1)
    r2 = (u**2).sum(2, keepdim=True)
    seen = k[0] * u * (1 + k[1] * r2 + k[2] * r2**2)
    e = ((seen - y) ** 2).sum(2)
    return torch.where(e <= 1, e, 2 * e.sqrt() - 1).sum()


def _skinned(v: Any, w: Any, r: Any, t: Any, j: Any) -> Any:
    local = torch.einsum("kab,vkb->vka", r, v[:, None] - j[None]) + j + t
    return torch.einsum("vk,vka->va", w.softmax(1), local)


def _elastic(x: Any, tet: Any, inv: Any, vol: Any) -> Any:
    d = (x[tet[:, 1:]] - x[tet[:, :1]]).transpose(1, 2)
    f = d @ inv
    j = torch.linalg.det(f)
    i1 = (f**2).sum((1, 2))
    return (vol * (0.7 * (i1 - 3) / 2 + 1.3 / 2 * (j - 1) ** 2)).sum()


def _traced(o: Any, d: Any, c: Any, r: Any) -> Any:
    t = torch.zeros(len(o), dtype=o.dtype)
    for _ in range(4):
        p = o + t[:, None] * d
        t = t + (-((-8 * (((p[:, None] - c) ** 2).sum(2).sqrt() - r)).exp().sum(1).log()) / 8)
    return t


def _sliced(grid: Any, image: Any, guide: Any) -> Any:
    n, h, w, _ = image.shape
    x = ((torch.arange(w).double() + 0.5) / w * 2 - 1).expand(n, h, w)
    y = ((torch.arange(h).double() + 0.5) / h * 2 - 1)[None, :, None].expand(n, h, w)
    at = torch.stack([guide.sigmoid() * 2 - 1, x, y], 3)[:, None]
    a = F.grid_sample(grid.permute(0, 4, 1, 2, 3), at, padding_mode="border", align_corners=False)[:, :, 0]
    a = a.permute(0, 2, 3, 1).reshape(n, h, w, 3, 4)
    return torch.einsum("nhwkc,nhwc->nhwk", a[..., :3], image) + a[..., 3]


def _splatted(x: Any, flow: Any, z: Any) -> Any:
    t = torch.arange(x.shape[1]).double()
    hat = (1 - (t[:, None] + flow[:, :, None] - t).abs()).relu()
    w = hat * z.exp()[:, :, None]
    return torch.einsum("nst,nsc->ntc", w, x) / (w.sum(1)[:, :, None] + 1e-7)


RAYS = {
    "volume_with_background": Written(
        """a[r,i] = 1 - exp(-softplus(s[r,i])*d[r,i])
        T[r,i] = prod(j) [j < i] (1 - a[r,j])
        w[r,i] = T[r,i]*a[r,i]
        y[r,k] = sum(i) w[r,i]*c[r,i,k] + (prod(i) (1 - a[r,i]))*b[k]
        depth[r] = sum(i) w[r,i]*sum(j) [j <= i] d[r,j]
        input s, c, d, b
        output y, depth""",
        _volume,
        "s 2,5; c 2,5,3; d 2,5 +; b 3",
    ),
    "distortion": Written(
        """# mip-NeRF 360
        i < I
        m[r,i] = (s[r,i] + s[r,i+1])/2
        e[r] = sum(i,j) w[r,i]*w[r,j]*abs(m[r,i] - m[r,j]) + sum(i) w[r,i]^2*(s[r,i+1] - s[r,i])/3
        input w[R,I], s[R,I+1]""",
        _distortion,
        "w 2,4; s 2,5",
    ),
    "integrated_encoding": Written(
        """# mip-NeRF: a Gaussian for a piece of a cone, and what sines are on average over it
        l < 3; i < L - 1
        input o[R,C], d[R,C], t[R,L], radius[R]
        mu[r,i] = (t[r,i] + t[r,i+1])/2
        h[r,i] = (t[r,i+1] - t[r,i])/2
        m[r,i] = mu[r,i] + 2*mu[r,i]*h[r,i]^2/(3*mu[r,i]^2 + h[r,i]^2)
        vt[r,i] = h[r,i]^2/3 - 4/15*h[r,i]^4*(12*mu[r,i]^2 - h[r,i]^2)/(3*mu[r,i]^2 + h[r,i]^2)^2
        vr[r,i] = radius[r]^2*(mu[r,i]^2/4 + 5/12*h[r,i]^2 - 4/15*h[r,i]^4/(3*mu[r,i]^2 + h[r,i]^2))
        x[r,i,c] = o[r,c] + m[r,i]*d[r,c]
        v[r,i,c] = vt[r,i]*d[r,c]^2 + vr[r,i]*(1 - d[r,c]^2/(sum(k) d[r,k]^2))
        p[r,i,c,l] = exp(-v[r,i,c]*4^l/2)*sin(2^l*x[r,i,c])
        q[r,i,c,l] = exp(-v[r,i,c]*4^l/2)*cos(2^l*x[r,i,c])
        output p, q""",
        _integrated,
        "o 2,3; d 2,3; t 2,5; radius 2 +",
    ),
    "neus": Written(
        """i < I
        phi[r,b] = sigmoid(exp(s)*f[r,b])
        a[r,i] = max((phi[r,i] - phi[r,i+1])/phi[r,i], 0)
        y[r,k] = sum(i) (prod(j) [j < i] (1 - a[r,j]))*a[r,i]*c[r,i,k]
        input f[R,I+1], s, c[R,I,K]""",
        _neus,
        "f 2,5; s 0; c 2,4,3",
    ),
    "laplace_density": Written(
        """# VolSDF
        psi[r,i] = [f[r,i] >= 0]*exp(-f[r,i]/beta)/2 + [f[r,i] < 0]*(1 - exp(f[r,i]/beta)/2)
        sigma[r,i] = psi[r,i]/beta
        T[r,i] = exp(-sum(j) [j < i] sigma[r,j]*d[r,j])
        y[r,k] = sum(i) T[r,i]*(1 - exp(-sigma[r,i]*d[r,i]))*c[r,i,k]
        input f, beta, d, c""",
        _laplace_density,
        "f 2,4; beta 0 +; d 2,4 +; c 2,4,3",
    ),
    "soft_rasterizer": Written(
        """sigma = 0.1; gamma = 0.5; eps = 0.001; integer side
        D[p,j] = sigmoid((2*side[p,j] - 1)*d[p,j]^2/sigma)
        w[p,j] = D[p,j]*exp(z[p,j]/gamma) / (sum(k) D[p,k]*exp(z[p,k]/gamma) + exp(eps/gamma))
        y[p,c] = sum(j) w[p,j]*C[j,c]
        s[p] = 1 - prod(j) (1 - D[p,j])
        input d, side, z, C
        output y, s""",
        _soft_raster,
        "d 3,4; side 3,4 <2; z 3,4; C 4,2",
    ),
    "projected_splats": Written(
        """# 3D Gaussian splatting: rotations and scales to ellipses on the image, blended front to back
        input q[G,4], s[G,3], m[G,3], o[G], c[G,3], x[P,2]
        n[g] = sqrt(sum(r) q[g,r]^2)
        u[g,r] = q[g,r]/n[g]
        R[g,a,b] = [a == b]*(1 - 2*(u[g,1]^2 + u[g,2]^2 + u[g,3]^2 - u[g,a+1]^2)) + [a != b]*2*u[g,a+1]*u[g,b+1] \\
            + 2*u[g,0]*([a == 0]*[b == 2]*u[g,2] - [a == 0]*[b == 1]*u[g,3] + [a == 1]*[b == 0]*u[g,3] \\
            - [a == 1]*[b == 2]*u[g,1] - [a == 2]*[b == 0]*u[g,2] + [a == 2]*[b == 1]*u[g,1])
        a < 3; b < 3; i < 2; j < 2
        S[g,a,b] = sum(k) R[g,a,k]*exp(2*s[g,k])*R[g,b,k]
        z[g] = abs(m[g,2]) + 2
        J[g,i,a] = [i == a]/z[g] - [a == 2]*m[g,i]/z[g]^2
        V[g,i,j] = sum(a,b) J[g,i,a]*S[g,a,b]*J[g,j,b] + 0.3*[i == j]
        det[g] = V[g,0,0]*V[g,1,1] - V[g,0,1]*V[g,1,0]
        d[p,g,i] = x[p,i] - m[g,i]/z[g]
        e[p,g] = (V[g,1,1]*d[p,g,0]^2 - 2*V[g,0,1]*d[p,g,0]*d[p,g,1] + V[g,0,0]*d[p,g,1]^2)/det[g]
        alpha[p,g] = min(0.99, sigmoid(o[g])*exp(-e[p,g]/2))
        y[p,k] = sum(g) c[g,k]*alpha[p,g]*prod(h) [h < g] (1 - alpha[p,h])""",
        _splats,
        "q 4,4; s 4,3; m 4,3; o 4; c 4,3; x 3,2",
    ),
    "irradiance": Written(
        """# nine spherical harmonics light a diffuse surface
        c1 = 0.429043; c2 = 0.511664; c3 = 0.743125; c4 = 0.886227; c5 = 0.247708
        u[p,a] = n[p,a]/l2_norm(n[p,a], a)
        e[p,k] = c1*L[8,k]*(u[p,0]^2 - u[p,1]^2) + c3*L[6,k]*u[p,2]^2 + c4*L[0,k] - c5*L[6,k] \\
            + 2*c1*(L[4,k]*u[p,0]*u[p,1] + L[7,k]*u[p,0]*u[p,2] + L[5,k]*u[p,1]*u[p,2]) \\
            + 2*c2*(L[3,k]*u[p,0] + L[1,k]*u[p,1] + L[2,k]*u[p,2])
        y[p,k] = rho[p,k]*e[p,k]
        input n, L[9,K], rho""",
        _irradiance,
        "n 4,3; L 9,3; rho 4,3 %",
    ),
    "microfacets": Written(
        """# Cook and Torrance's: GGX, Schlick's geometry and Fresnel terms
        define unit(s, j) = s / l2_norm(s, j)
        a[p,i] = unit(n[p,i], i); b[p,i] = unit(v[p,i], i); c[p,i] = unit(l[p,i], i)
        h[p,i] = unit(b[p,i] + c[p,i], i)
        nh[p] = max(sum(i) a[p,i]*h[p,i], 0.001)
        nv[p] = max(sum(i) a[p,i]*b[p,i], 0.001)
        nl[p] = max(sum(i) a[p,i]*c[p,i], 0.001)
        vh[p] = max(sum(i) b[p,i]*h[p,i], 0.001)
        D[p] = r[p]^4 / (pi*(nh[p]^2*(r[p]^4 - 1) + 1)^2)
        k[p] = (r[p] + 1)^2/8
        G[p] = nv[p]/(nv[p]*(1 - k[p]) + k[p]) * nl[p]/(nl[p]*(1 - k[p]) + k[p])
        F[p,m] = f0[p,m] + (1 - f0[p,m])*(1 - vh[p])^5
        y[p,m] = D[p]*G[p]*F[p,m]/(4*nv[p]*nl[p])*nl[p]
        input n, v, l, r, f0""",
        _microfacets,
        "n 4,3; v 4,3; l 4,3; r 4 %; f0 4,2 %",
    ),
    "bundle_adjustment": Written(
        """# Rodrigues' rotation, radial distortion, Huber's loss of the error of every point in every camera
        input x[P,3], w[C,3], t[C,3], k[3], y[C,P,2]
        th[c] = sqrt(sum(i) w[c,i]^2 + 1e-12)
        a[c,i] = w[c,i]/th[c]
        p[c,q,i] = x[q,i]*cos(th[c]) + sin(th[c])*(a[c,(i + 1) % 3]*x[q,(i + 2) % 3] \\
            - a[c,(i + 2) % 3]*x[q,(i + 1) % 3]) \\
            + a[c,i]*(1 - cos(th[c]))*(sum(j) a[c,j]*x[q,j]) + t[c,i]
        u[c,q,i] = p[c,q,i]/(abs(p[c,q,2]) + 1); i < 3
        r[c,q] = u[c,q,0]^2 + u[c,q,1]^2
        d < 2
        v[c,q,d] = k[0]*u[c,q,d]*(1 + k[1]*r[c,q] + k[2]*r[c,q]^2)
        e[c,q] = sum(d) (v[c,q,d] - y[c,q,d])^2
        loss = sum(c,q) ([e[c,q] <= 1]*e[c,q] + [e[c,q] > 1]*(2*sqrt(e[c,q]) - 1))""",
        _reprojected,
        "x 4,3; w 2,3; t 2,3; k 3; y 2,4,2",
    ),
    "skinned": Written(
        """p[v,k] = softmax(w[v,k], k)
        y[v,a] = sum(k) p[v,k]*(sum(b) r[k,a,b]*(x[v,b] - j[k,b]) + j[k,a] + t[k,a])
        input x, w, r, t, j""",
        _skinned,
        "x 4,3; w 4,2; r 2,3,3; t 2,3; j 2,3",
    ),
    "neo_hookean": Written(
        """mu = 0.7; lam = 1.3; integer tet
        input x[V,3], tet[T,4], inv[T,3,3], vol
        D[t,a,k] = x[tet[t,k+1],a] - x[tet[t,0],a]
        F[t,a,b] = sum(k) D[t,a,k]*inv[t,k,b]
        J[t] = F[t,0,0]*(F[t,1,1]*F[t,2,2] - F[t,1,2]*F[t,2,1]) - F[t,0,1]*(F[t,1,0]*F[t,2,2] - F[t,1,2]*F[t,2,0]) \\
            + F[t,0,2]*(F[t,1,0]*F[t,2,1] - F[t,1,1]*F[t,2,0])
        e = sum(t) vol[t]*(mu*(sum(a,b) F[t,a,b]^2 - 3)/2 + lam*(J[t] - 1)^2/2)""",
        _elastic,
        "x 6,3; tet 5,4 <6; inv 5,3,3; vol 5 +",
    ),
    "sphere_tracing": Written(
        """# four steps along each ray through a smooth union of spheres
        k = 8.0; s < 4
        f[s,r] = -log(sum(b) exp(-k*(sqrt(sum(i) (o[r,i] + t[s-1,r]*d[r,i] - c[b,i])^2) - rad[b])))/k
        t[s,r] = t[s-1,r] + f[s,r]
        t[-1,r] = 0
        y[r] = t[3,r]
        input o, d, c, rad""",
        _traced,
        "o 3,3; d 3,3; c 4,3; rad 4 %",
    ),
    "bilateral_grid": Written(
        """# HDRnet: an affine map of colours, read from a grid at the place and the guide
        input g[N,H,W,D,12], x[N,I,J,3], z[N,I,J]
        p[n,i,j,m] = g[n,lerp((i + 1/2)*H/I - 1/2, replicate),lerp((j + 1/2)*W/J - 1/2, replicate), \\
            lerp(sigmoid(z[n,i,j])*D - 1/2, replicate),m]
        y[n,i,j,k] = sum(c) p[n,i,j,4*k + c]*x[n,i,j,c] + p[n,i,j,4*k + 3]; c < 3""",
        _sliced,
        "g 2,3,4,2,12; x 2,5,4,3; z 2,5,4",
    ),
    "softmax_splatting": Written(
        """# forward warping: who lands in one place is weighed by its importance
        h[n,s,t] = relu(1 - abs(s + f[n,s] - t))*exp(z[n,s])
        y[n,t,c] = (sum(s) h[n,s,t]*x[n,s,c]) / (sum(s) h[n,s,t] + 1e-7)
        t < S
        input x[N,S,C], f, z""",
        _splatted,
        "x 2,5,3; f 2,5; z 2,5",
    ),
}
