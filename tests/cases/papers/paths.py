"""Losses over paths, solvers and estimates of returns: recurrences of papers that no net has for its cells."""

import torch

from tests.cases.papers.paper import Paper, Tensor, scan, total, zeros


def _neural_ode(x: Tensor, w: Tensor, v: Tensor, u: Tensor) -> Tensor:
    def f(h: Tensor, t: float) -> Tensor:
        return (h @ w + t * u).tanh() @ v

    h, dt, found = x, 0.25, []
    for s in range(4):
        t = s * dt
        k1 = f(h, t)
        k2 = f(h + dt / 2 * k1, t + dt / 2)
        k3 = f(h + dt / 2 * k2, t + dt / 2)
        k4 = f(h + dt * k3, t + dt)
        h = h + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        found.append(h)
    return torch.stack(found, 1)


def _liquid(x: Tensor, w: Tensor, u: Tensor, b: Tensor, a: Tensor, tau: Tensor) -> Tensor:
    def step(h, x):  # type: ignore[no-untyped-def]
        f = (x @ w + h @ u + b).sigmoid()
        return (h + 0.1 * f * a) / (1 + 0.1 * (1 / tau + f))

    return scan(step, zeros(x, x.shape[0], len(a)), x)


def _closed_form(x: Tensor, time: Tensor, wb: Tensor, wf: Tensor, wg: Tensor, wh: Tensor) -> Tensor:
    def step(h, x, time):  # type: ignore[no-untyped-def]
        z = (torch.cat([x, h], 1) @ wb).tanh()
        gate = (-(z @ wf) * time[:, None]).sigmoid()
        return gate * (z @ wg).tanh() + (1 - gate) * (z @ wh).tanh()

    return scan(step, zeros(x, x.shape[0], wf.shape[1]), x, time)


def _hopfield(x: Tensor, patterns: Tensor) -> Tensor:
    for _ in range(3):
        x = (2 * x @ patterns.T).softmax(1) @ patterns
    return x


def _equilibrium(x: Tensor, w: Tensor, u: Tensor) -> Tensor:
    z = zeros(x, *x.shape)
    for _ in range(4):
        z = 0.5 * z + 0.5 * (z @ w + x @ u).tanh()
    return z


def _advantages(r: Tensor, v: Tensor, done: Tensor) -> Tensor:
    a, found = zeros(r, r.shape[0]), []
    for t in reversed(range(r.shape[1])):
        on = (done[:, t] == 0).to(r.dtype)
        a = r[:, t] + 0.99 * on * v[:, t + 1] - v[:, t] + 0.99 * 0.95 * on * a
        found.append(a)
    return torch.stack(found[::-1], 1)


def _v_trace(r: Tensor, v: Tensor, rho: Tensor) -> Tensor:
    c, found = rho.clamp(max=1.0), []
    a = zeros(r, r.shape[0])
    for t in reversed(range(r.shape[1])):
        a = c[:, t] * (r[:, t] + 0.9 * v[:, t + 1] - v[:, t]) + 0.9 * c[:, t] * a
        found.append(a + v[:, t])
    return torch.stack(found[::-1], 1)


def _halting(x: Tensor, w: Tensor, v: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    """PonderNet: the probability to halt at each step, and the expected output."""
    h, still, y = x, torch.ones(x.shape[0], dtype=x.dtype), 0
    found = []
    for _ in range(3):
        h = (h @ w).tanh()
        halt = (h @ q).sigmoid()
        found.append(still * halt)
        y = y + found[-1][:, None] * (h @ v)
        still = still * (1 - halt)
    return y, torch.stack(found, 1)


def _neural_gpu(x: Tensor, wu: Tensor, wr: Tensor, wc: Tensor) -> Tensor:
    def conv(s: Tensor, w: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(s, (0, 0, 1, 1))
        return total([padded[:, r : r + s.shape[1]] @ w[r] for r in range(3)])

    s = x
    for _ in range(3):
        u, r = conv(s, wu).sigmoid(), conv(s, wr).sigmoid()
        s = u * s + (1 - u) * conv(r * s, wc).tanh()
    return s


def _conv_lstm(x: Tensor, w: Tensor, u: Tensor) -> Tensor:
    def conv(s: Tensor, w: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(s, (0, 0, 1, 1))
        return total([torch.einsum("nic,gck->nigk", padded[:, r : r + s.shape[1]], w[:, r]) for r in range(3)])

    def step(state, x):  # type: ignore[no-untyped-def]
        h, c = state
        i, f, o, g = (conv(x, w) + conv(h, u)).unbind(2)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    zero = zeros(x, x.shape[0], x.shape[2], u.shape[2])
    return scan(step, (zero, zero), x)[0]


PATHS = {
    "runge_kutta": Paper(
        """# a neural ODE, four steps of Runge and Kutta
        dt = 0.25
        input x[N,C], w[C,K], v[K,C], u[K]
        s < 4
        a[n,s,c] = sum(k) tanh((sum(d) h[n,s-1,d]*w[d,k]) + s*dt*u[k])*v[k,c]
        b[n,s,c] = sum(k) tanh((sum(d) (h[n,s-1,d] + dt/2*a[n,s,d])*w[d,k]) + (s + 1/2)*dt*u[k])*v[k,c]
        e[n,s,c] = sum(k) tanh((sum(d) (h[n,s-1,d] + dt/2*b[n,s,d])*w[d,k]) + (s + 1/2)*dt*u[k])*v[k,c]
        g[n,s,c] = sum(k) tanh((sum(d) (h[n,s-1,d] + dt*e[n,s,d])*w[d,k]) + (s + 1)*dt*u[k])*v[k,c]
        h[n,s,c] = h[n,s-1,c] + dt/6*(a[n,s,c] + 2*b[n,s,c] + 2*e[n,s,c] + g[n,s,c])
        h[n,-1,c] = x[n,c]""",
        _neural_ode,
        "x: N C, w: C K, v: K C, u: K",
        {"N": 2, "C": 2, "K": 3},
    ),
    "liquid_time_constant": Paper(
        """# LTC, the fused solver
        dt = 0.1
        input x[N,T,C], w[C,K], u[K,K], b[K], a[K], tau[K]
        f[n,t,k] = sigmoid(b[k] + (sum(c) x[n,t,c]*w[c,k]) + sum(j) h[n,t-1,j]*u[j,k])
        h[n,t,k] = (h[n,t-1,k] + dt*f[n,t,k]*a[k]) / (1 + dt*(1/tau[k] + f[n,t,k]))
        h[n,-1,k] = 0""",
        _liquid,
        "x: N T C, w: C K, u: K K, b: K, a: K, tau: K +",
        {"N": 2, "T": 4, "C": 3, "K": 2},
    ),
    "closed_form_continuous": Paper(
        """# CfC
        input x[N,T,C], d[N,T], wb[C+K,F], wf[F,K], wg[F,K], wh[F,K]
        z[n,t,f] = tanh((sum(c) x[n,t,c]*wb[c,f]) + sum(j) h[n,t-1,j]*wb[C+j,f])
        c < C
        s[n,t,k] = sigmoid(-d[n,t]*sum(f) z[n,t,f]*wf[f,k])
        h[n,t,k] = s[n,t,k]*tanh(sum(f) z[n,t,f]*wg[f,k]) + (1 - s[n,t,k])*tanh(sum(f) z[n,t,f]*wh[f,k])
        h[n,-1,k] = 0""",
        _closed_form,
        "x: N T C, d: N T, wb: M F, wf: F K, wg: F K, wh: F K",
        {"N": 2, "T": 3, "C": 2, "K": 2, "M": 4, "F": 3},
    ),
    "hopfield": Paper(
        """# three updates of a modern Hopfield net
        beta = 2.0
        input x[N,D], p[M,D]
        t < 3
        h[n,t,d] = sum(m) softmax(beta*sum(e) h[n,t-1,e]*p[m,e], m)*p[m,d]
        h[n,-1,d] = x[n,d]
        y[n,d] = h[n,2,d]""",
        _hopfield,
        "x: N D, p: M D",
        {"N": 2, "D": 3, "M": 4},
    ),
    "damped_equilibrium": Paper(
        """# iterations towards an equilibrium
        s < 4
        z[n,s,k] = 0.5*z[n,s-1,k] + 0.5*tanh(sum(j) (z[n,s-1,j]*w[j,k] + x[n,j]*u[j,k]))
        z[n,-1,k] = 0
        y[n,k] = z[n,3,k]
        input x, w, u""",
        _equilibrium,
        "x: N K, w: K K, u: K K",
        {"N": 2, "K": 3},
    ),
    "generalised_advantage": Paper(
        """# GAE
        integer d
        gamma = 0.99; lambda_ = 0.95
        input r[N,T], v[N,T+1], d[N,T]; t < T
        a[n,t] = r[n,t] + gamma*[d[n,t] == 0]*v[n,t+1] - v[n,t] + gamma*lambda_*[d[n,t] == 0]*a[n,t+1]
        a[n,T] = 0""",
        _advantages,
        "r: N T, v: N M, d: N T <2",
        {"N": 2, "T": 4, "M": 5},
    ),
    "v_trace": Paper(
        """# targets of IMPALA
        gamma = 0.9
        input r[N,T], v[N,T+1], p[N,T]; t < T
        c[n,t] = min(1, p[n,t])
        a[n,t] = c[n,t]*(r[n,t] + gamma*v[n,t+1] - v[n,t]) + gamma*c[n,t]*a[n,t+1]
        a[n,T] = 0
        y[n,t] = v[n,t] + a[n,t]""",
        _v_trace,
        "r: N T, v: N M, p: N T +",
        {"N": 2, "T": 4, "M": 5},
    ),
    "ponder_net": Paper(
        """# PonderNet: a recurrence that may halt at each of three steps
        input x[N,C], w[C,C], v[C,K], q[C]
        s < 3
        h[n,s,c] = tanh(sum(d) h[n,s-1,d]*w[d,c])
        h[n,-1,c] = x[n,c]
        l[n,s] = sigmoid(sum(c) h[n,s,c]*q[c])
        p[n,s] = l[n,s]*prod(i) [i < s] (1 - l[n,i])
        y[n,k] = sum(s,c) p[n,s]*h[n,s,c]*v[c,k]
        output y, p""",
        _halting,
        "x: N C, w: C C, v: C K, q: C",
        {"N": 2, "C": 3, "K": 2},
    ),
    "neural_gpu": Paper(
        """# three steps of convolutional gated units
        input x[N,L,C], wu[R,C,C], wr[R,C,C], wc[R,C,C]
        t < 3
        u[n,t,i,k] = sigmoid(sum(r,c) s[n,t-1,i+r-1,c]*wu[r,c,k])
        q[n,t,i,k] = sigmoid(sum(r,c) s[n,t-1,i+r-1,c]*wr[r,c,k])
        g[n,t,i,k] = q[n,t,i,k]*s[n,t-1,i,k]
        s[n,t,i,k] = u[n,t,i,k]*s[n,t-1,i,k] + (1 - u[n,t,i,k])*tanh(sum(r,c) g[n,t,i+r-1,c]*wc[r,c,k])
        s[n,-1,i,k] = x[n,i,k]
        y[n,i,k] = s[n,2,i,k]""",
        _neural_gpu,
        "x: N L C, wu: 3 C C, wr: 3 C C, wc: 3 C C",
        {"N": 2, "L": 4, "C": 2},
    ),
    "conv_lstm": Paper(
        """# an LSTM whose products are convolutions over i
        input x[N,T,I,C], w[G,R,C,K], u[G,R,K,K]
        a[n,t,i,g,k] = sum(r,c) x[n,t,i+r-1,c]*w[g,r,c,k] + sum(r,j) h[n,t-1,i+r-1,j]*u[g,r,j,k]
        c_[n,t,i,k] = sigmoid(a[n,t,i,1,k])*c_[n,t-1,i,k] + sigmoid(a[n,t,i,0,k])*tanh(a[n,t,i,3,k])
        h[n,t,i,k] = sigmoid(a[n,t,i,2,k])*tanh(c_[n,t,i,k])
        c_[n,-1,i,k] = 0
        h[n,-1,i,k] = 0
        i < I""",
        _conv_lstm,
        "x: N T I C, w: 4 3 C K, u: 4 3 K K",
        {"N": 2, "T": 3, "I": 3, "C": 2, "K": 2},
    ),
}
