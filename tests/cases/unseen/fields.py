"""Physics, statistics, finance, signals: steps in time, sums over lattices, filters."""

import math
from typing import Any

import pytest

from tests.cases.written.written import Written

torch = pytest.importorskip("torch")
F = torch.nn.functional


def _ewald(x: Any, q: Any, k: Any) -> Any:
    off = ~torch.eye(len(x), dtype=torch.bool)
    d2 = ((x[:, None] - x[None]) ** 2).sum(2)
    r = (d2 + ~off).sqrt()
    real = 0.5 * (q[:, None] * q * torch.erfc(0.8 * r) / r * off).sum()
    k2 = (k**2).sum(1) + 0.1
    phase = x @ k.T
    s2 = (q @ phase.cos()) ** 2 + (q @ phase.sin()) ** 2
    return real + 2 * math.pi / 9 * ((-k2 / (4 * 0.64)).exp() / k2 * s2).sum() - 0.8 / math.pi**0.5 * (q**2).sum()


def _muscl(u: Any) -> Any:
    left, right = u - u.roll(1, 1), u.roll(-1, 1) - u
    slope = torch.where(left * right > 0, torch.sign(left) * torch.minimum(left.abs(), right.abs()), 0.0)
    a, b = u + slope / 2, (u - slope / 2).roll(-1, 1)
    flux = (a**2 / 2 + b**2 / 2) / 2 - torch.maximum(a.abs(), b.abs()) * (b - a) / 2
    return u - 0.1 * (flux - flux.roll(1, 1))


def _shallow_water(h: Any, m: Any) -> Any:
    u = m / h
    f, g = m, m * u + 9.81 * h**2 / 2
    s = u.abs() + (9.81 * h).sqrt()
    top = torch.maximum(s[:, :-1], s[:, 1:])
    fh = (f[:, :-1] + f[:, 1:]) / 2 - top * (h[:, 1:] - h[:, :-1]) / 2
    fm = (g[:, :-1] + g[:, 1:]) / 2 - top * (m[:, 1:] - m[:, :-1]) / 2
    return h[:, 1:-1] - 0.01 * (fh[:, 1:] - fh[:, :-1]), m[:, 1:-1] - 0.01 * (fm[:, 1:] - fm[:, :-1])


def _collided(f: Any, e: Any, w: Any) -> Any:
    rho = f.sum(2)
    u = torch.einsum("xyk,kd->xyd", f, e) / rho[..., None]
    eu = u @ e.T
    equilibrium = w * rho[..., None] * (1 + 3 * eu + 4.5 * eu**2 - 1.5 * (u**2).sum(2, keepdim=True))
    g = f - (f - equilibrium) / 0.8
    return torch.stack([g[..., k].roll((int(e[k, 0]), int(e[k, 1])), (0, 1)) for k in range(len(e))], 2)


def _tight_binding(t: Any, eps: Any, r: Any, k: Any, c: Any) -> Any:
    phase = torch.einsum("kd,rd->kr", k, r)
    h = torch.einsum("rab,kr->kab", t.to(torch.complex128), torch.polar(torch.ones_like(phase), phase))
    h = h + h.conj().transpose(1, 2) + torch.diag(eps)
    c = torch.view_as_complex(c)
    return torch.einsum("ka,kab,kb->k", c.conj(), h, c).real / (c.abs() ** 2).sum(1)


def _spin_glass(s: Any, j: Any, h: Any, beta: Any) -> Any:
    z = s.tanh()
    field = (z @ j + h).abs()
    return -((z @ j) * z).sum(1) / 2 - z @ h, torch.log(2 * (beta * field).cosh()).sum(1)


def _potts(x: Any, j: Any) -> Any:
    p = x.softmax(3)
    return -j * ((p * p.roll(-1, 1)).sum((1, 2, 3)) + (p * p.roll(-1, 2)).sum((1, 2, 3)))


def _restricted_boltzmann(v: Any, w: Any, b: Any, c: Any) -> Any:
    return -v @ b - F.softplus(v @ w + c).sum(1)


def _conjugate_gradients(a: Any, b: Any) -> Any:
    a = a @ a.T + torch.eye(len(a), dtype=a.dtype)
    x, r, p = torch.zeros_like(b), b, b
    for _ in range(3):
        alpha = (r @ r) / (p @ a @ p)
        x, new = x + alpha * p, r - alpha * (a @ p)
        p = new + (new @ new) / (r @ r) * p
        r = new
    return x


def _orthogonalised(g: Any) -> Any:
    x = g / ((g**2).sum() + 1e-7).sqrt()
    for _ in range(3):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


def _kernel_regression(x: Any, y: Any, z: Any, h: Any) -> Any:
    return (-((z[:, None] - x[None]) ** 2).sum(2) / (2 * h**2)).softmax(1) @ y


def _volatility(r: Any, omega: Any, p: Any, q: Any) -> Any:
    alpha, beta = p.sigmoid() / 2, q.sigmoid() / 2
    v, total = omega / (1 - alpha - beta), 0
    for t in range(r.shape[1]):
        total = total + 0.5 * (torch.log(2 * math.pi * v) + r[:, t] ** 2 / v)
        v = omega + alpha * r[:, t] ** 2 + beta * v
    return total


def _american_option(s: Any, up: Any) -> Any:
    n = 4
    p = (math.exp(0.01) - 1 / up) / (up - 1 / up)
    k = torch.arange(n + 1).double()
    v = (1 - s[:, None] * up ** (2 * k - n)).relu()
    for t in reversed(range(n)):
        k = torch.arange(t + 1).double()
        held = math.exp(-0.01) * (p * v[:, 1:] + (1 - p) * v[:, :-1])
        v = torch.maximum(held, 1 - s[:, None] * up ** (2 * k - t))
    return v[:, 0]


def _leapfrog(x: Any, v: Any, m: Any) -> Any:
    def force(x: Any) -> Any:
        d = x[None] - x[:, None]
        return (m[None, :, None] * d / ((d**2).sum(2, keepdim=True) + 0.01) ** 1.5).sum(1)

    for _ in range(3):
        half = v + 0.05 * force(x)
        x = x + 0.1 * half
        v = half + 0.05 * force(x)
    return x


def _filtered(x: Any, b: Any, a: Any) -> Any:
    y: list[Any] = []
    for t in range(x.shape[1]):
        past = sum(b[k] * x[:, t - k] for k in range(3) if t >= k)
        y.append(past - sum(a[k - 1] * y[t - k] for k in (1, 2) if t >= k))
    return torch.stack(y, 1)


def _spectral_loss(x: Any, y: Any) -> Any:
    def magnitude(s: Any) -> Any:
        frames = s.unfold(1, 6, 2) * (0.5 - 0.5 * torch.cos(2 * math.pi * torch.arange(6).double() / 6))
        return (torch.fft.rfft(frames).abs() ** 2 + 1e-5).sqrt()

    a, b = magnitude(x), magnitude(y)
    return ((a - b) ** 2).sum().sqrt() / (b**2).sum().sqrt() + (a.log() - b.log()).abs().mean()


def _oscillators(f: Any, a: Any) -> Any:
    phase = 2 * math.pi * (f / 16).cumsum(1)
    k = torch.arange(1, 4).double()
    inside = (k * f[..., None] < 8).double()
    return (a * inside * torch.sin(phase[..., None] * k)).sum(2)


def _epidemic(beta: Any, gamma: Any, start: Any) -> Any:
    s, i, found = 1 - start, start, []
    for t in range(beta.shape[1]):
        new, gone = beta[:, t] * s * i, gamma * i
        s, i = s - new, i + new - gone
        found.append(i)
    return torch.stack(found, 1)


def _waves(c: Any, u0: Any) -> Any:
    u, before, found = u0, u0, []
    for _ in range(4):
        around = F.pad(u, (0, 1))[:, 1:] + F.pad(u, (1, 0))[:, :-1] - 2 * u
        u, before = 2 * u - before + c**2 * around, u
        found.append(u)
    return torch.stack(found)


FIELDS = {
    "ewald": Written(
        """# charges in a box: near ones in space, far ones by waves
        alpha = 0.8; V = 9.0
        r[i,j] = sqrt(sum(d) (x[i,d] - x[j,d])^2 + [i == j])
        near = (sum(i,j) [i != j] q[i]*q[j]*(1 - erf(alpha*r[i,j]))/r[i,j])/2
        k2[m] = sum(d) k[m,d]^2 + 0.1
        c[m] = sum(i) q[i]*cos(sum(d) k[m,d]*x[i,d])
        s[m] = sum(i) q[i]*sin(sum(d) k[m,d]*x[i,d])
        far = 2*pi/V * sum(m) exp(-k2[m]/(4*alpha^2))/k2[m]*(c[m]^2 + s[m]^2)
        e = near + far - alpha/sqrt(pi)*sum(i) q[i]^2
        input x, q, k""",
        _ewald,
        "x 4,3; q 4; k 5,3",
    ),
    "minmod_fluxes": Written(
        """# Burgers' equation in finite volumes, second order with a limiter
        lam = 0.1
        a[n,i] = u[n,i] - u[n,circular(i - 1)]
        b[n,i] = u[n,circular(i + 1)] - u[n,i]
        s[n,i] = [a[n,i]*b[n,i] > 0]*sign(a[n,i])*min(abs(a[n,i]), abs(b[n,i]))
        l[n,i] = u[n,i] + s[n,i]/2
        r[n,i] = u[n,circular(i + 1)] - s[n,circular(i + 1)]/2
        f[n,i] = (l[n,i]^2/2 + r[n,i]^2/2)/2 - max(abs(l[n,i]), abs(r[n,i]))*(r[n,i] - l[n,i])/2
        y[n,i] = u[n,i] - lam*(f[n,i] - f[n,circular(i - 1)])
        input u""",
        _muscl,
        "u 2,6",
    ),
    "shallow_water": Written(
        """# Rusanov's fluxes
        g = 9.81; lam = 0.01
        u[n,i] = m[n,i]/h[n,i]
        p[n,i] = m[n,i]*u[n,i] + g*h[n,i]^2/2
        s[n,i] = abs(u[n,i]) + sqrt(g*h[n,i])
        a[n,j] = max(s[n,j], s[n,j+1])
        fh[n,j] = (m[n,j] + m[n,j+1])/2 - a[n,j]*(h[n,j+1] - h[n,j])/2
        fm[n,j] = (p[n,j] + p[n,j+1])/2 - a[n,j]*(m[n,j+1] - m[n,j])/2
        j < I - 1
        y[n,k] = h[n,k+1] - lam*(fh[n,k+1] - fh[n,k])
        z[n,k] = m[n,k+1] - lam*(fm[n,k+1] - fm[n,k])
        k < I - 2
        input h[N,I], m[N,I]
        output y, z""",
        _shallow_water,
        "h 2,6 +; m 2,6",
    ),
    "lattice_collision": Written(
        """# lattice Boltzmann: collide, then stream along the velocities e
        tau = 0.8; integer e
        rho[x,y] = sum(k) f[x,y,k]
        u[x,y,d] = (sum(k) f[x,y,k]*e[k,d])/rho[x,y]
        eu[x,y,k] = sum(d) e[k,d]*u[x,y,d]
        q[x,y,k] = w[k]*rho[x,y]*(1 + 3*eu[x,y,k] + 9/2*eu[x,y,k]^2 - 3/2*sum(d) u[x,y,d]^2)
        g[x,y,k] = f[x,y,k] - (f[x,y,k] - q[x,y,k])/tau
        z[x,y,k] = g[(x - e[k,0]) % X, (y - e[k,1]) % Y, k]
        input f[X,Y,K], e, w""",
        lambda f, e, w: _collided(f, e.double(), w),
        "f 4,3,5 +; e 5,2 <2; w 5 %",
    ),
    "tight_binding": Written(
        """# the energy of a Bloch state c at each k: hoppings t along lattice vectors r
        complex h, c, z
        h[k,a,b] = sum(r) (t[r,a,b]*exp(complex(0, sum(d) q[k,d]*R[r,d])) \\
            + t[r,b,a]*exp(complex(0, -sum(d) q[k,d]*R[r,d])))
        z[k] = sum(a,b) conj(c[k,a])*h[k,a,b]*c[k,b]
        y[k] = (re(z[k]) + sum(a) eps[a]*abs(c[k,a])^2) / (sum(a) abs(c[k,a])^2)
        input t, eps, R, q, c
        output y""",
        _tight_binding,
        "t 3,2,2; eps 2; R 3,2; q 4,2; c 4,2,2",
    ),
    "spin_glass": Written(
        """z[n,i] = tanh(s[n,i])
        e[n] = -(sum(i,j) z[n,i]*J[i,j]*z[n,j])/2 - sum(i) h[i]*z[n,i]
        f[n,i] = abs(sum(j) z[n,j]*J[j,i] + h[i])
        a[n] = sum(i) log(2*cosh(beta*f[n,i]))
        input s, J, h, beta
        output e, a""",
        _spin_glass,
        "s 2,4; J 4,4; h 4; beta 0 +",
    ),
    "potts": Written(
        """p[n,i,j,q] = softmax(x[n,i,j,q], q)
        e[n] = -c*sum(i,j,q) (p[n,i,j,q]*p[n,circular(i + 1),j,q] + p[n,i,j,q]*p[n,i,circular(j + 1),q])
        input x, c""",
        _potts,
        "x 2,3,4,3; c 0",
    ),
    "free_energy": Written(
        """# a restricted Boltzmann machine
        e[n] = -sum(i) b[i]*v[n,i] - sum(k) softplus(sum(i) v[n,i]*w[i,k] + c[k])
        input v, w, b, c""",
        _restricted_boltzmann,
        "v 3,4; w 4,2; b 4; c 2",
    ),
    "conjugate_gradients": Written(
        """s < 3
        a[i,j] = sum(k) g[i,k]*g[j,k] + [i == j]
        q[s,i] = sum(j) a[i,j]*p[s-1,j]
        alpha[s] = (sum(i) r[s-1,i]^2)/(sum(i) p[s-1,i]*q[s,i])
        x[s,i] = x[s-1,i] + alpha[s]*p[s-1,i]
        r[s,i] = r[s-1,i] - alpha[s]*q[s,i]
        p[s,i] = r[s,i] + (sum(j) r[s,j]^2)/(sum(j) r[s-1,j]^2)*p[s-1,i]
        x[-1,i] = 0; r[-1,i] = b[i]; p[-1,i] = b[i]
        y[i] = x[2,i]
        input g, b""",
        _conjugate_gradients,
        "g 5,5; b 5",
    ),
    "orthogonalised": Written(
        """# Muon's Newton and Schulz steps
        a = 3.4445; b = -4.7750; c = 2.0315; s < 3
        m[s,i,j] = sum(k) x[s-1,i,k]*x[s-1,j,k]
        q[s,i,j] = b*m[s,i,j] + c*sum(l) m[s,i,l]*m[s,l,j]
        x[s,i,k] = a*x[s-1,i,k] + sum(j) q[s,i,j]*x[s-1,j,k]
        x[-1,i,k] = g[i,k]/sqrt(sum(u,v) g[u,v]^2 + 1e-7)
        y[i,k] = x[2,i,k]
        input g""",
        _orthogonalised,
        "g 3,4",
    ),
    "kernel_regression": Written(
        """w[m,n] = softmax(-(sum(d) (z[m,d] - x[n,d])^2)/(2*h^2), n)
        y[m] = sum(n) w[m,n]*t[n]
        input x, t, z, h""",
        _kernel_regression,
        "x 5,2; t 5; z 3,2; h 0 +",
    ),
    "garch": Written(
        """alpha = sigmoid(p)/2; beta = sigmoid(q)/2
        v[n,t] = [t == 0]*omega/(1 - alpha - beta) + [t > 0]*(omega + alpha*r[n,t-1]^2 + beta*v[n,t-1])
        v[n,-1] = 0
        e[n] = sum(t) (log(2*pi*v[n,t]) + r[n,t]^2/v[n,t])/2
        input r, omega, p, q
        output e""",
        _volatility,
        "r 2,4; omega 0 +; p 0; q 0",
    ),
    "american_put": Written(
        """# a binomial tree of N steps, from its leaves back
        r = 0.01; N = 4
        q = (exp(r) - 1/u)/(u - 1/u)
        v[m,t,k] = [k <= t]*max(exp(-r)*(q*v[m,t+1,k+1] + (1 - q)*v[m,t+1,k]), 1 - s[m]*u^(2*k - t))
        v[m,T,k] = max(1 - s[m]*u^(2*k - T), 0)
        t < N; k < N + 1
        y[m] = v[m,0,0]
        input s, u""",
        _american_option,
        "s 3 %; u 0 +",
    ),
    "leapfrog": Written(
        """dt = 0.1; eps = 0.01; s < 3
        f[s,i,d] = sum(j) m[j]*(x[s-1,j,d] - x[s-1,i,d])/(sum(c) (x[s-1,j,c] - x[s-1,i,c])^2 + eps)^(3/2)
        h[s,i,d] = v[s-1,i,d] + dt/2*f[s,i,d]
        x[s,i,d] = x[s-1,i,d] + dt*h[s,i,d]
        g[s,i,d] = sum(j) m[j]*(x[s,j,d] - x[s,i,d])/(sum(c) (x[s,j,c] - x[s,i,c])^2 + eps)^(3/2)
        v[s,i,d] = h[s,i,d] + dt/2*g[s,i,d]
        x[-1,i,d] = p[i,d]; v[-1,i,d] = w[i,d]
        y[i,d] = x[2,i,d]
        input p, w, m""",
        _leapfrog,
        "p 3,2; w 3,2; m 3 +",
    ),
    "biquad": Written(
        """y[n,t] = b[0]*x[n,t] + b[1]*x[n,t-1] + b[2]*x[n,t-2] - a[0]*y[n,t-1] - a[1]*y[n,t-2]
        y[n,-1] = 0; y[n,-2] = 0
        t < T
        input x[N,T], b[3], a[2]""",
        _filtered,
        "x 2,6; b 3; a 2",
    ),
    "spectral_loss": Written(
        """# windows of W samples, H apart
        W = 6; H = 2; f < W//2 + 1
        define spectrum(s, f, r) = sqrt((sum(r) s*w[r]*cos(2*pi*f*r/W))^2 + (sum(r) s*w[r]*sin(2*pi*f*r/W))^2 + 1e-5)
        w[r] = 1/2 - cos(2*pi*r/W)/2; r < W
        a[n,t,f] = spectrum(x[n,H*t + r], f, r)
        b[n,t,f] = spectrum(y[n,H*t + r], f, r)
        e = sqrt(sum(n,t,f) (a[n,t,f] - b[n,t,f])^2)/sqrt(sum(n,t,f) b[n,t,f]^2) + mean(abs(log(a[n,t,f]) \\
            - log(b[n,t,f])), n, t, f)
        input x, y""",
        _spectral_loss,
        "x 2,10; y 2,10",
    ),
    "harmonic_oscillators": Written(
        """rate = 16.0
        phi[n,t] = 2*pi*sum(s) [s <= t] f[n,s]/rate
        y[n,t] = sum(k) [(k + 1)*f[n,t] < rate/2] a[n,t,k]*sin((k + 1)*phi[n,t])
        input f, a""",
        _oscillators,
        "f 2,5 +; a 2,5,3",
    ),
    "epidemic": Written(
        """s[n,t] = s[n,t-1] - beta[n,t]*s[n,t-1]*i[n,t-1]
        i[n,t] = i[n,t-1] + beta[n,t]*s[n,t-1]*i[n,t-1] - gamma[n]*i[n,t-1]
        s[n,-1] = 1 - i0[n]; i[n,-1] = i0[n]
        input beta, gamma, i0
        output i""",
        _epidemic,
        "beta 2,5 %; gamma 2 %; i0 2 %",
    ),
    "waves": Written(
        """u[t,i] = 2*u[t-1,i] - u[t-2,i] + c[i]^2*(u[t-1,i+1] + u[t-1,i-1] - 2*u[t-1,i])
        u[-1,i] = u0[0,i]; u[-2,i] = u0[0,i]
        t < 4
        input c, u0""",
        lambda c, u0: _waves(c, u0)[:, 0],
        "c 5; u0 1,5",
    ),
}
