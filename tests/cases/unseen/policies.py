"""Losses of reinforcement learning, of preferences and of self-supervision."""

import math
from typing import Any

import pytest

from tests.cases.written.written import Written

torch = pytest.importorskip("torch")
F = torch.nn.functional


def _log_likelihood(z: Any, y: Any, m: Any) -> Any:
    return (z.log_softmax(2).gather(2, y[:, :, None])[:, :, 0] * m).sum(1)


def _dpo(z: Any, y: Any, m: Any, u: Any, v: Any, k: Any, r: Any) -> Any:
    margin = _log_likelihood(z, y, m) - r[:, 0] - (_log_likelihood(u, v, k) - r[:, 1])
    return -F.logsigmoid(0.1 * margin).mean()


def _ppo(z: Any, a: Any, old: Any, adv: Any, v: Any, ret: Any) -> Any:
    logp = z.log_softmax(1)
    ratio = (logp[torch.arange(len(a)), a] - old).exp()
    scaled = (adv - adv.mean()) / ((adv - adv.mean()).square().mean().sqrt() + 1e-8)
    policy = -torch.minimum(ratio * scaled, ratio.clamp(0.8, 1.2) * scaled).mean()
    return policy + 0.5 * (v - ret).square().mean() + 0.01 * (logp.exp() * logp).sum(1).mean()


def _grpo(logp: Any, old: Any, ref: Any, mask: Any, r: Any) -> Any:
    adv = (r - r.mean(1, keepdim=True)) / (r.var(1, correction=0, keepdim=True).sqrt() + 1e-4)
    ratio, a = (logp - old).exp(), adv[:, :, None]
    gain = torch.minimum(ratio * a, ratio.clamp(0.8, 1.2) * a)
    kl = (ref - logp).exp() - (ref - logp) - 1
    return -(((gain - 0.04 * kl) * mask).sum(2) / mask.sum(2)).mean()


def _quantile_huber(theta: Any, target: Any) -> Any:
    n = theta.shape[1]
    tau = (torch.arange(n).double() + 0.5) / n
    u = target[:, None] - theta[:, :, None]
    huber = torch.where(u.abs() <= 1, 0.5 * u**2, u.abs() - 0.5)
    return ((tau[None, :, None] - (u.detach() < 0).double()).abs() * huber).mean(2).sum(1).mean()


def _categorical(p: Any, q: Any, r: Any) -> Any:
    z = torch.linspace(-2, 2, 5, dtype=p.dtype)
    moved = (r[:, None] + 0.9 * z).clamp(-2, 2)
    hat = (1 - (moved[:, None] - z[None, :, None]).abs()).clamp(0, 1)
    return -((hat * p[:, None]).sum(2) * q.log_softmax(1)).sum(1).mean()


def _lambda_returns(r: Any, v: Any, c: Any) -> Any:
    last, found = v[:, -1], []
    for t in reversed(range(r.shape[1])):
        last = r[:, t] + 0.99 * c[:, t] * (0.05 * v[:, t + 1] + 0.95 * last)
        found.append(last)
    return torch.stack(found[::-1], 1)


def _squashed(mu: Any, s: Any, eps: Any, q: Any) -> Any:
    u = mu + s.exp() * eps
    logp = (-0.5 * eps**2 - s - 0.5 * math.log(2 * math.pi)).sum(1)
    logp = logp - (2 * (math.log(2) - u - F.softplus(-2 * u))).sum(1)
    return (0.2 * logp - (u.tanh() @ q)).mean()


def _vicreg(x: Any, y: Any) -> Any:
    def parts(z: Any) -> Any:
        c = z - z.mean(0)
        cov = c.T @ c / (len(z) - 1)
        off = cov * (1 - torch.eye(z.shape[1], dtype=z.dtype))
        return (1 - ((c**2).sum(0) / (len(z) - 1) + 1e-4).sqrt()).relu().mean(), (off**2).sum() / z.shape[1]

    (a, b), (c, d) = parts(x), parts(y)
    return 25 * (x - y).square().mean() + 25 * (a + c) / 2 + b + d


def _barlow(x: Any, y: Any) -> Any:
    def unit(z: Any) -> Any:
        return (z - z.mean(0)) / (z.var(0, correction=0) + 1e-5).sqrt()

    c = unit(x).T @ unit(y) / len(x)
    eye = torch.eye(len(c), dtype=x.dtype)
    return ((c - 1).square() * eye).sum() + 0.005 * (c.square() * (1 - eye)).sum()


def _dino(s: Any, t: Any, c: Any) -> Any:
    teacher = ((t - c) / 0.04).softmax(2).detach()
    loss = -(teacher[:, None] * (s / 0.1).log_softmax(2)[None]).sum(3).mean(2)
    return loss[0, 1] + loss[1, 0], 0.9 * c + 0.1 * t.mean((0, 1))


def _swapped_codes(x: Any, y: Any) -> Any:
    q = ((y - y.max()) / 0.5).exp()
    for _ in range(3):
        q = q / q.sum(0, keepdim=True) / q.shape[1]
        q = q / q.sum(1, keepdim=True) / q.shape[0]
    return -(len(q) * q.detach() * (x / 0.1).log_softmax(1)).sum(1).mean()


def _siglip(x: Any, y: Any, t: Any, b: Any) -> Any:
    logits = F.normalize(x, dim=1) @ F.normalize(y, dim=1).T * t.exp() + b
    return -F.logsigmoid((2 * torch.eye(len(x), dtype=x.dtype) - 1) * logits).sum() / len(x)


def _masked_patches(p: Any, x: Any, m: Any) -> Any:
    target = (x - x.mean(2, keepdim=True)) / (x.var(2, correction=0, keepdim=True) + 1e-6).sqrt()
    return (((p - target) ** 2).mean(2) * m).sum() / m.sum()


def _queue(q: Any, k: Any, queue: Any, a: Any, b: Any) -> Any:
    q, k = F.normalize(q, dim=1), F.normalize(k.detach(), dim=1)
    far = torch.where(a[:, None] == b[None], -torch.inf, q @ queue.T / 0.07)
    near = (q * k).sum(1, keepdim=True) / 0.07
    return -torch.cat([near, far], 1).log_softmax(1)[:, 0].mean()


POLICIES = {
    "dpo": Written(
        """# direct preference optimisation: y is preferred to v; r are the log-likelihoods of the reference
        beta = 0.1; integer y, v
        l[b,t,k] = log_softmax(z[b,t,k], k)
        c[b,s,k] = log_softmax(u[b,s,k], k)
        p[b] = sum(t) m[b,t] * l[b,t,y[b,t]]
        q[b] = sum(s) n[b,s] * c[b,s,v[b,s]]
        e = -sum(b) log(sigmoid(beta*(p[b] - r[b,0] - (q[b] - r[b,1])))) / B
        input z, y, m, u, v, n, r""",
        _dpo,
        "z 2,4,5; y 2,4 <5; m 2,4 %; u 2,3,5; v 2,3 <5; n 2,3 %; r 2,2",
    ),
    "ppo_clipped": Written(
        """eps = 0.2; integer a
        l[n,k] = log_softmax(z[n,k], k)
        rho[n] = exp(l[n,a[n]] - old[n])
        g[n] = (adv[n] - mean(adv[n], n)) / (sqrt(var(adv[n], n)) + 1e-8)
        pg = -sum(n) min(rho[n]*g[n], min(max(rho[n], 1 - eps), 1 + eps)*g[n]) / N
        h = -sum(n,k) exp(l[n,k])*l[n,k] / N
        e = pg + 0.5*(sum(n) (v[n] - ret[n])^2 / N) - 0.01*h
        input z, a, old, adv, v, ret""",
        _ppo,
        "z 6,3; a 6 <3; old 6; adv 6; v 6; ret 6",
    ),
    "grpo": Written(
        """eps = 0.2; beta = 0.04
        A[q,g] = (r[q,g] - mean(r[q,g], g)) / (sqrt(var(r[q,g], g)) + 1e-4)
        rho[q,g,t] = exp(logp[q,g,t] - old[q,g,t])
        kl[q,g,t] = exp(ref[q,g,t] - logp[q,g,t]) - (ref[q,g,t] - logp[q,g,t]) - 1
        J[q,g,t] = min(rho[q,g,t]*A[q,g], max(1 - eps, min(1 + eps, rho[q,g,t]))*A[q,g]) - beta*kl[q,g,t]
        e = -sum(q,g) (sum(t) J[q,g,t]*mask[q,g,t]) / (sum(t) mask[q,g,t]) / (Q*G)
        input logp, old, ref, mask, r""",
        _grpo,
        "logp 2,3,4; old 2,3,4; ref 2,3,4; mask 2,3,4 %; r 2,3",
    ),
    "quantile_huber": Written(
        """kappa = 1.0
        u[n,i,j] = target[n,j] - theta[n,i]
        h[n,i,j] = [abs(u[n,i,j]) <= kappa] * u[n,i,j]^2/2 + [abs(u[n,i,j]) > kappa] * kappa*(abs(u[n,i,j]) - kappa/2)
        e = sum(n,i,j) abs((i + 1/2)/I - [u[n,i,j] < 0]) * h[n,i,j]/kappa / N / J
        input theta, target""",
        _quantile_huber,
        "theta 3,4; target 3,5",
    ),
    "categorical_projection": Written(
        """low = -2.0; high = 2.0; gamma = 0.9
        z[i] = low + i*(high - low)/(I - 1)
        t[n,j] = min(max(r[n] + gamma*z[j], low), high)
        m[n,i] = sum(j) min(max(1 - abs(t[n,j] - z[i])/((high - low)/(I - 1)), 0), 1) * p[n,j]
        e = -sum(n,i) m[n,i] * log_softmax(q[n,i], i) / N
        input p[N,I], q[N,I], r[N]""",
        _categorical,
        "p 3,5 %; q 3,5; r 3",
    ),
    "lambda_returns": Written(
        """gamma = 0.99; lam = 0.95
        R[n,t] = r[n,t] + gamma*c[n,t]*((1 - lam)*v[n,t+1] + lam*R[n,t+1])
        R[n,T] = v[n,T]
        input r[N,T], v, c[N,T]""",
        _lambda_returns,
        "r 2,4; v 2,5; c 2,4 %",
    ),
    "squashed_gaussian": Written(
        """alpha = 0.2
        u[n,a] = mu[n,a] + exp(s[n,a])*eps[n,a]
        logp[n] = sum(a) (-eps[n,a]^2/2 - s[n,a] - log(2*pi)/2 - 2*(log(2) - u[n,a] - softplus(-2*u[n,a])))
        e = sum(n) (alpha*logp[n] - sum(a) tanh(u[n,a])*q[a]) / N
        input mu, s, eps, q""",
        _squashed,
        "mu 3,2; s 3,2; eps 3,2; q 2",
    ),
    "vicreg": Written(
        """a[n,c] = x[n,c] - mean(x[n,c], n)
        b[n,c] = y[n,c] - mean(y[n,c], n)
        A[c,d] = sum(n) a[n,c]*a[n,d]/(N-1)
        B[c,d] = sum(n) b[n,c]*b[n,d]/(N-1)
        s = sum(n,c) (x[n,c] - y[n,c])^2/(N*C)
        v = sum(c) (relu(1 - sqrt(A[c,c] + 1e-4)) + relu(1 - sqrt(B[c,c] + 1e-4)))/(2*C)
        o = sum(c,d) [c != d] (A[c,d]^2 + B[c,d]^2) / C
        e = 25*s + 25*v + o
        input x, y""",
        _vicreg,
        "x 5,3; y 5,3",
    ),
    "barlow_twins": Written(
        """lam = 0.005
        c[i,j] = sum(n) norm(x[n,i], n) * norm(y[n,j], n) / N
        e = sum(i) (1 - c[i,i])^2 + lam * sum(i,j) [i != j] c[i,j]^2""",
        _barlow,
        "x 5,3; y 5,3",
    ),
    "dino": Written(
        """tau_s = 0.1; tau_t = 0.04; m = 0.9; v < 2; w < 2
        p[v,n,k] = constant(softmax((t[v,n,k] - c[k])/tau_t, k))
        e = -sum(v,w,n,k) [v != w] p[v,n,k] * log_softmax(s[w,n,k]/tau_s, k) / N
        c_new[k] = m*c[k] + (1 - m)*mean(t[v,n,k], v, n)
        input s, t, c
        output e, c_new""",
        _dino,
        "s 2,3,4; t 2,3,4; c 4",
    ),
    "swapped_codes": Written(
        """# SwAV: three rounds of Sinkhorn-Knopp on the other view's scores
        eps = 0.5; tau = 0.1; i < 3
        q[-1,n,k] = exp((y[n,k] - max(m,l) y[m,l]) / eps)
        w[i,n,k] = q[i-1,n,k] / (sum(m) q[i-1,m,k]) / K
        q[i,n,k] = w[i,n,k] / (sum(l) w[i,n,l]) / N
        e = -sum(n,k) constant(N * q[2,n,k]) * log_softmax(x[n,k]/tau, k) / N
        input x, y""",
        _swapped_codes,
        "x 4,3; y 4,3",
    ),
    "siglip": Written(
        """u[n,c] = x[n,c] / l2_norm(x[n,c], c)
        v[n,c] = y[n,c] / l2_norm(y[n,c], c)
        z[i,j] = 2*[i == j] - 1
        e = -sum(i,j) log(sigmoid(z[i,j] * (exp(t) * (sum(c) u[i,c]*v[j,c]) + b))) / I
        input x, y, t, b""",
        _siglip,
        "x 4,3; y 4,3; t 0; b 0",
    ),
    "masked_patches": Written(
        """z[n,p,c] = (x[n,p,c] - mean(x[n,p,c], c)) / sqrt(var(x[n,p,c], c) + 1e-6)
        e = (sum(n,p) m[n,p] * mean((y[n,p,c] - z[n,p,c])^2, c)) / (sum(n,p) m[n,p])
        input y, x, m""",
        _masked_patches,
        "y 2,4,3; x 2,4,3; m 2,4 %",
    ),
    "momentum_queue": Written(
        """# MoCo's queue without those of one's own class
        tau = 0.07; integer a, b
        u[n,c] = q[n,c] / l2_norm(q[n,c], c)
        w[n,c] = constant(k[n,c] / l2_norm(k[n,c], c))
        near[n] = exp((sum(c) u[n,c]*w[n,c]) / tau)
        far[n] = sum(j) [a[n] != b[j]] exp((sum(c) u[n,c]*queue[j,c]) / tau)
        e = -sum(n) log(near[n] / (near[n] + far[n])) / N
        input q, k, queue, a, b""",
        _queue,
        "q 3,4; k 3,4; queue 5,4; a 3 <3; b 5 <3",
    ),
}
