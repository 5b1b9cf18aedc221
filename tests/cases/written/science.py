"""Grids, particles and time: stencils, energies, schemes that step through time."""

from typing import Any

import pytest

from tests.cases.written.written import Written

torch = pytest.importorskip("torch")
F = torch.nn.functional


def _coupled_phases(k: Any, w: Any, p: Any) -> Any:
    found = []
    for _ in range(4):
        p = p + 0.1 * (w + (k * (p - p[:, None]).sin()).sum(1) / len(w))
        found.append(p)
    return torch.stack(found)


def _swept(a: Any, b: Any, c: Any, d: Any) -> Any:
    n = len(d)
    return torch.linalg.solve(torch.diag(b) + torch.diag(a[1:], -1) + torch.diag(c[: n - 1], 1), d)


def _advantages(r: Any, v: Any, last: Any) -> Any:
    found, a = [], torch.zeros(2).double()
    following = torch.cat([v[:, 1:], last[:, None]], 1)
    for t in reversed(range(4)):
        a = r[:, t] + 0.9 * following[:, t] - v[:, t] + 0.9 * 0.8 * a
        found.append(a)
    return torch.stack(found[::-1], 1)


def _filtered(z: Any, q: Any, r: Any) -> Any:
    m, p, found = torch.zeros(2).double(), torch.ones(2).double(), []
    for t in range(5):
        k = (p + q) / (p + q + r)
        m, p = m + k * (z[:, t] - m), (1 - k) * (p + q)
        found.append(m)
    return torch.stack(found, 1)


def _kutta(y: Any, a: Any) -> Any:
    found = []
    for _ in range(3):
        k1 = (y @ a).tanh()
        k2 = ((y + 0.05 * k1) @ a).tanh()
        k3 = ((y + 0.05 * k2) @ a).tanh()
        k4 = ((y + 0.1 * k3) @ a).tanh()
        y = y + 0.1 / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        found.append(y)
    return torch.stack(found)


def _reacted(u: Any, v: Any) -> Any:
    def spread(x: Any) -> Any:
        return sum(torch.roll(x, s, d) for d in (0, 1) for s in (1, -1)) - 4 * x

    r = u * v * v
    return u + 0.16 * spread(u) - r + 0.035 * (1 - u), v + 0.08 * spread(v) + r - 0.1 * v


def _streamed(f: Any, c: Any, w: Any) -> Any:
    r, d = f.sum(-1), c.double()
    u = torch.einsum("xyq,qd->xyd", f, d) / r[..., None]
    p = u @ d.T
    e = w * r[..., None] * (1 + 3 * p + 4.5 * p**2 - 1.5 * u.square().sum(-1, keepdim=True))
    g = f - (f - e) / 0.8
    return torch.stack([torch.roll(g[..., q], tuple(c[q].tolist()), (0, 1)) for q in range(len(c))], -1)


def _smoothed(x: Any, a: Any, b: Any) -> Any:
    ell, s, found = torch.zeros(2).double(), torch.zeros(2).double(), []
    for t in range(x.shape[1]):
        before = ell
        ell = a * x[:, t] + (1 - a) * (ell + s)
        s = b * (ell - before) + (1 - b) * s
        found.append(ell + s)
    return torch.stack(found, 1)


def _angles(x: Any) -> Any:
    d = x[None] - x[:, None]
    r = (d.square().sum(-1) + 1e-6).sqrt()
    u, total = d / r[..., None], 0
    for i in range(4):
        for j in range(4):
            for k in range(j + 1, 4):
                if i not in (j, k):
                    total = total + (u[i, j] @ u[i, k] + 1 / 3) ** 2 * (-r[i, j] - r[i, k]).exp()
    return total


SCIENCE = {
    "heat": Written(
        """alpha = 0.1; input u[H,W]; i < H; j < W
        y[i,j] = u[i,j] + alpha*(u[replicate(i+1),j] + u[replicate(i-1),j] + u[i,replicate(j+1)] \\
            + u[i,replicate(j-1)] - 4*u[i,j])""",
        lambda u: (
            u
            + 0.1
            * (
                (p := F.pad(u[None, None], (1, 1, 1, 1), mode="replicate")[0, 0])[2:, 1:-1]
                + p[:-2, 1:-1]
                + p[1:-1, 2:]
                + p[1:-1, :-2]
                - 4 * u
            )
        ),
        "u 4,5",
    ),
    "lennard_jones": Written(
        """r2[i,j] = sum(d) (x[i,d] - x[j,d])^2
        e = 4*(sum(i,j) [i < j] (1/r2[i,j]^6 - 1/r2[i,j]^3))""",
        lambda x: (
            4 * sum(1 / (r := (x[i] - x[j]).square().sum()) ** 6 - 1 / r**3 for i in range(4) for j in range(i + 1, 4))
        ),
        "x 4,3",
    ),
    "gravity": Written(
        """eps = 0.1
        d[i,j] = sum(k) (x[j,k] - x[i,k])^2 + eps^2
        a[i,k] = sum(j) [j != i] m[j]*(x[j,k] - x[i,k])/d[i,j]^1.5""",
        lambda x, m: torch.einsum(
            "ij,j,ijk->ik",
            ((d := x[None] - x[:, None]).square().sum(-1) + 0.01) ** -1.5 * (1 - torch.eye(4)),
            m,
            d,
        ),
        "x 4,3; m 4",
    ),
    "burgers_residual": Written(
        """nu = 0.01; dx = 0.1; dt = 0.05; t < T - 1; i < I - 2; input u[T,I]
        r[t,i] = (u[t+1,i+1] - u[t,i+1])/dt + u[t,i+1]*(u[t,i+2] - u[t,i])/(2*dx) - nu*(u[t,i+2] - 2*u[t,i+1] \\
            + u[t,i])/dx^2
        e = sum(t,i) r[t,i]^2/((T - 1)*(I - 2))""",
        lambda u: (
            (
                (u[1:, 1:-1] - u[:-1, 1:-1]) / 0.05
                + u[:-1, 1:-1] * (u[:-1, 2:] - u[:-1, :-2]) / 0.2
                - 0.01 * (u[:-1, 2:] - 2 * u[:-1, 1:-1] + u[:-1, :-2]) / 0.01
            )
            .square()
            .mean()
        ),
        "u 4,6",
    ),
    "physics_informed_residual": Written(
        """h[n,k] = tanh(b[k] + sum(d) x[n,d]*w[d,k])
        u[n] = sum(k) h[n,k]*v[k]
        ut[n] = sum(k) (1 - h[n,k]^2)*w[0,k]*v[k]
        ux[n] = sum(k) (1 - h[n,k]^2)*w[1,k]*v[k]
        uxx[n] = sum(k) -2*h[n,k]*(1 - h[n,k]^2)*w[1,k]^2*v[k]
        e = sum(n) (ut[n] + u[n]*ux[n] - 0.01*uxx[n])^2/N; input b[K], x[N,D], w[D,K], v[K]; D = 2""".replace(
            "sum(k) -2*h[n,k]", "sum(k) (-2)*h[n,k]"
        ),
        lambda b, x, w, v: (
            (
                (1 - (h := (x @ w + b).tanh()) ** 2) @ (w[0] * v)
                + (h @ v) * ((1 - h**2) @ (w[1] * v))
                + 0.02 * (h * (1 - h**2)) @ (w[1] ** 2 * v)
            )
            .square()
            .mean()
        ),
        "b 4; x 5,2; w 2,4; v 4",
    ),
    "lattice_boltzmann": Written(
        """integer c; input f[X,Y,Q], c[Q,D], w[Q]; tau = 0.8; x < X; y < Y
        r[x,y] = sum(q) f[x,y,q]
        u[x,y,d] = sum(q) f[x,y,q]*c[q,d]/r[x,y]
        p[x,y,q] = sum(d) c[q,d]*u[x,y,d]
        e[x,y,q] = w[q]*r[x,y]*(1 + 3*p[x,y,q] + 4.5*p[x,y,q]^2 - 1.5*sum(d) u[x,y,d]^2)
        g[x,y,q] = f[x,y,q] - (f[x,y,q] - e[x,y,q])/tau
        z[x,y,q] = g[(x - c[q,0]) % X, (y - c[q,1]) % Y, q]""",
        _streamed,
        "f 3,4,5 +; c 5,2 <2; w 5 +",
    ),
    "ising": Written(
        "e = -k*sum(i,j) (s[i,j]*s[circular(i+1),j] + s[i,j]*s[i,circular(j+1)]) - h*sum(i,j) s[i,j]; "
        "input k, s[H,W], h; i < H; j < W",
        lambda k, s, h: -k * (s * torch.roll(s, -1, 0) + s * torch.roll(s, -1, 1)).sum() - h * s.sum(),
        "k 0; s 3,4; h 0",
    ),
    "kuramoto": Written(
        """dt = 0.1; t < 4
        p[t,i] = p[t-1,i] + dt*(w[i] + sum(j) k[i,j]*sin(p[t-1,j] - p[t-1,i])/I)
        p[-1,i] = p0[i]""",
        _coupled_phases,
        "k 3,3; w 3; p0 3",
    ),
    "tridiagonal": Written(
        """input a[I], b[I], c[I], d[I]; i < I
        q[i] = c[i]/(b[i] - a[i]*q[i-1]); q[-1] = 0
        r[i] = (d[i] - a[i]*r[i-1])/(b[i] - a[i]*q_[i]); r[-1] = 0
        q_[i] = q[i-1]
        x[i] = r[i] - q[i]*x[i+1]; x[I] = 0""".replace("q_[i] = q[i-1]\n", "").replace("q_[i]", "q[i-1]"),
        _swept,
        "a 5 %; b 5 +; c 5 %; d 5",
    ),
    "generalised_advantage": Written(
        """gamma = 0.9; lambda_ = 0.8
        d[n,t] = r[n,t] + gamma*(v[n,t+1] + [t == T-1]*last[n]) - v[n,t]
        a[n,t] = d[n,t] + gamma*lambda_*a[n,t+1]
        a[n,T] = 0; input r[N,T], v[N,T], last[N]""",
        _advantages,
        "r 2,4; v 2,4; last 2",
    ),
    "kalman": Written(
        """input z[N,T], q, r
        k[n,t] = (p[n,t-1] + q)/(p[n,t-1] + q + r)
        p[n,t] = (1 - k[n,t])*(p[n,t-1] + q)
        m[n,t] = m[n,t-1] + k[n,t]*(z[n,t] - m[n,t-1])
        p[n,-1] = 1; m[n,-1] = 0; output m""",
        _filtered,
        "z 2,5; q 0 +; r 0 +",
    ),
    "runge_kutta": Written(
        """h = 0.1; t < 3
        a1[t,n,k] = tanh(sum(j) y[t-1,n,j]*a[j,k])
        a2[t,n,k] = tanh(sum(j) (y[t-1,n,j] + h/2*a1[t,n,j])*a[j,k])
        a3[t,n,k] = tanh(sum(j) (y[t-1,n,j] + h/2*a2[t,n,j])*a[j,k])
        a4[t,n,k] = tanh(sum(j) (y[t-1,n,j] + h*a3[t,n,j])*a[j,k])
        y[t,n,k] = y[t-1,n,k] + h/6*(a1[t,n,k] + 2*a2[t,n,k] + 2*a3[t,n,k] + a4[t,n,k])
        y[-1,n,k] = y0[n,k]; output y""",
        _kutta,
        "y0 2,3; a 3,3",
    ),
    "gray_scott": Written(
        """input u[H,W], v[H,W]; i < H; j < W
        r[i,j] = u[i,j]*v[i,j]^2
        y[i,j] = u[i,j] + 0.16*(u[circular(i+1),j] + u[circular(i-1),j] + u[i,circular(j+1)] \\
            + u[i,circular(j-1)] - 4*u[i,j]) - r[i,j] + 0.035*(1 - u[i,j])
        z[i,j] = v[i,j] + 0.08*(v[circular(i+1),j] + v[circular(i-1),j] + v[i,circular(j+1)] \\
            + v[i,circular(j-1)] - 4*v[i,j]) + r[i,j] - 0.1*v[i,j]
        output y, z""",
        _reacted,
        "u 3,4; v 3,4",
    ),
    "hopfield_energy": Written(
        "e = -log(sum(m) exp(beta*sum(d) x[m,d]*s[d]))/beta + sum(d) s[d]^2/2; beta = 2.0",
        lambda x, s: -(2 * x @ s).logsumexp(0) / 2 + s.square().sum() / 2,
        "x 4,3; s 3",
    ),
    "upwind": Written(
        "dt = 0.1; "
        "y[i] = u[i] - dt*(max(a[i], 0)*(u[i] - u[circular(i-1)]) + min(a[i], 0)*(u[circular(i+1)] - u[i])); "
        "input u[I], a[I]; i < I",
        lambda u, a: u - 0.1 * (a.relu() * (u - torch.roll(u, 1)) - (-a).relu() * (torch.roll(u, -1) - u)),
        "u 6; a 6",
    ),
    "cumulative_trapezoid": Written(
        "y[n,i] = sum(j) [j < i] (x[n,j] + x[n,j+1])*(t[j+1] - t[j])/2; i < T; input x[N,T], t[T]",
        lambda x, t: F.pad(torch.cumulative_trapezoid(x, t, dim=1), (1, 0)),
        "x 2,5; t 5",
    ),
    "holt": Written(
        """input x[N,T], a, b
        l[n,t] = a*x[n,t] + (1 - a)*(l[n,t-1] + s[n,t-1])
        s[n,t] = b*(l[n,t] - l[n,t-1]) + (1 - b)*s[n,t-1]
        l[n,-1] = 0; s[n,-1] = 0; y[n,t] = l[n,t] + s[n,t]""",
        _smoothed,
        "x 2,5; a 0 %; b 0 %",
    ),
    "structure_factor": Written(
        "c[k] = sum(i) cos(sum(d) q[k,d]*x[i,d]); s[k] = sum(i) sin(sum(d) q[k,d]*x[i,d]); y[k] = (c[k]^2 + s[k]^2)/I",
        lambda q, x: ((p := q @ x.T).cos().sum(1) ** 2 + p.sin().sum(1) ** 2) / 5,
        "q 3,2; x 5,2",
    ),
    "stillinger_angles": Written(
        """r[i,j] = sqrt(sum(d) (x[i,d] - x[j,d])^2 + 1e-6)
        u[i,j,d] = (x[j,d] - x[i,d])/r[i,j]
        e = sum(i,j,k) [i != j, j < k, i != k] ((sum(d) u[i,j,d]*u[i,k,d]) + 1/3)^2*exp(-r[i,j] - r[i,k])""",
        _angles,
        "x 4,3",
    ),
}
