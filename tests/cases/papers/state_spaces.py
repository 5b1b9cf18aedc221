"""State spaces, gated scans and long convolutions, as their papers have them."""

import torch
from torch.nn.functional import conv1d, pad, softplus

from tests.cases.papers.paper import Paper, Tensor, scan, zeros


def _hgrn(x: Tensor, wf: Tensor, wc: Tensor, wg: Tensor, low: Tensor) -> Tensor:
    bound = low.softmax(0).cumsum(0)[1]
    f = bound + (1 - bound) * (x @ wf).sigmoid()
    c = x @ wc
    h = scan(lambda h, f, c: f * h + (1 - f) * c * c.sigmoid(), zeros(x, *f[:, 0].shape), f, c)
    return (x @ wg).sigmoid() * h


def _hgrn2(f: Tensor, v: Tensor, q: Tensor) -> Tensor:
    g = f.sigmoid()
    s = scan(
        lambda s, g, v: g[..., None] * s + (1 - g)[..., None] * v[:, None],
        zeros(f, f.shape[0], f.shape[2], v.shape[2]), g, v,
    )  # fmt: skip
    return torch.einsum("ntd,ntde->nte", q, s)


def _s4d(x: Tensor, re: Tensor, im: Tensor, step: Tensor, c: Tensor, d: Tensor) -> Tensor:
    a = torch.complex(-re.exp(), im)
    length = x.shape[1]
    scaled = a * step.exp()[:, None]
    powers = (scaled[..., None] * torch.arange(length)).exp()
    kernel = 2 * torch.einsum("cs,csl->cl", torch.view_as_complex(c) * (scaled.exp() - 1) / a, powers).real
    padded = pad(x.transpose(1, 2), (length - 1, 0))
    return conv1d(padded, kernel.flip(1)[:, None], groups=x.shape[2]).transpose(1, 2) + d * x


def _lru(x: Tensor, nu: Tensor, theta: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    size = (-nu.exp()).exp()
    lam = torch.polar(size, theta.exp())
    u = (1 - size**2).sqrt() * torch.einsum("ntc,cs->nts", x.to(torch.complex128), torch.view_as_complex(b))
    h = scan(lambda h, u: lam * h + u, torch.zeros(u[:, 0].shape, dtype=torch.complex128), u)
    return torch.einsum("nts,sk->ntk", h, torch.view_as_complex(c)).real + x @ d


def _griffin(x: Tensor, wr: Tensor, wi: Tensor, lam: Tensor) -> Tensor:
    r, i = (x @ wr).sigmoid(), (x @ wi).sigmoid()
    log_a = -8.0 * softplus(lam) * r
    return scan(lambda h, la, u: la.exp() * h + (1 - (2 * la).exp()).sqrt() * u, zeros(x, *x[:, 0].shape), log_a, i * x)


def _hawk_conv(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return conv1d(pad(x.transpose(1, 2), (3, 0)), w.T[:, None], b, groups=x.shape[2]).transpose(1, 2)


def _mamba2(x: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, bias: Tensor, d: Tensor) -> Tensor:
    dt = softplus(dt + bias)
    state = zeros(x, x.shape[0], x.shape[2], x.shape[3], b.shape[2])
    s = scan(
        lambda s, x, dt, b: (-a.exp() * dt).exp()[..., None, None] * s
        + dt[..., None, None] * x[..., None] * b[:, None, None],
        state, x, dt, b,
    )  # fmt: skip
    return torch.einsum("nts,nthps->nthp", c, s) + d[:, None] * x


def _mega(x: Tensor, alpha: Tensor, delta: Tensor, beta: Tensor, eta: Tensor) -> Tensor:
    a, d = alpha.sigmoid(), delta.sigmoid()
    h = scan(lambda h, x: a * beta * x[..., None] + (1 - a * d) * h, zeros(x, x.shape[0], *alpha.shape), x)
    return (h * eta).sum(-1)


def _hyena(x: Tensor, v: Tensor, u: Tensor, h: Tensor, d: Tensor, alpha: Tensor) -> Tensor:
    length = x.shape[1]
    window = (-torch.arange(length, dtype=x.dtype)[:, None] * softplus(alpha)).exp()
    z = u * v
    kernel = (h * window).flip(0).T[:, None]
    y = conv1d(pad(z.transpose(1, 2), (length - 1, 0)), kernel, groups=x.shape[2]).transpose(1, 2)
    return x * (y + d * z)


def _wavenet(x: Tensor, wf: Tensor, wg: Tensor, wr: Tensor, ws: Tensor) -> tuple[Tensor, Tensor]:
    past = pad(x, (0, 0, 4, 0))[:, :-4]
    f, g = (past @ w[0] + x @ w[1] for w in (wf, wg))
    z = f.tanh() * g.sigmoid()
    return x + z @ wr, z @ ws


def _forward_backward_mamba(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    one = scan(lambda h, x: a.sigmoid() * h + x, zeros(x, *x[:, 0].shape), x)
    two = scan(lambda h, x: b.sigmoid() * h + x, zeros(x, *x[:, 0].shape), x.flip(1)).flip(1)
    return one + two - x


STATE_SPACES = {
    "hgrn": Paper(
        """# HGRN: forget gates above a bound that grows with the layer l
        l = 1
        input x[N,T,C], wf[C,K], wc[C,K], wg[C,K], low[A,K]
        b[k] = sum(a) [a <= l] softmax(low[a,k], a)
        f[n,t,k] = b[k] + (1 - b[k])*sigmoid(sum(c) x[n,t,c]*wf[c,k])
        i[n,t,k] = silu(sum(c) x[n,t,c]*wc[c,k])
        h[n,t,k] = f[n,t,k]*h[n,t-1,k] + (1 - f[n,t,k])*i[n,t,k]
        h[n,-1,k] = 0
        y[n,t,k] = sigmoid(sum(c) x[n,t,c]*wg[c,k])*h[n,t,k]""",
        _hgrn,
        "x: N T C, wf: C K, wc: C K, wg: C K, low: 3 K",
        {"N": 2, "T": 4, "C": 3, "K": 2},
    ),
    "hgrn2": Paper(
        """# HGRN2: states by outer products, gates tied to keys
        g[n,t,d] = sigmoid(f[n,t,d])
        s[n,t,d,e] = g[n,t,d]*s[n,t-1,d,e] + (1 - g[n,t,d])*v[n,t,e]
        s[n,-1,d,e] = 0
        y[n,t,e] = sum(d) q[n,t,d]*s[n,t,d,e]
        input f, v, q""",
        _hgrn2,
        "f: N T D, v: N T E, q: N T D",
        {"N": 2, "T": 4, "D": 3, "E": 2},
    ),
    "s4d": Paper(
        """# S4D as a convolution, diagonal complex states
        complex c
        input x[N,T,H], re_a[H,S], im_a[H,S], step[H], c[H,S], d[H]
        a[h,s] = complex(-exp(re_a[h,s]), im_a[h,s])
        z[h,s] = exp(step[h])*a[h,s]
        k[l,h] = 2*re(sum(s) c[h,s]*(exp(z[h,s]) - 1)/a[h,s]*exp(z[h,s]*l))
        l < T
        y[n,t,h] = d[h]*x[n,t,h] + sum(j) [j <= t] k[t - j,h]*x[n,j,h]""",
        _s4d,
        "x: N T H, re_a: H S, im_a: H S, step: H, c: H S 2, d: H",
        {"N": 2, "T": 5, "H": 2, "S": 3},
    ),
    "lru": Paper(
        """# linear recurrent unit, complex states
        complex b, c
        input x[N,T,C], nu[S], theta[S], b[C,S], c[S,K], d[C,K]
        r[s] = exp(-exp(nu[s]))
        l[s] = r[s]*exp(complex(0, exp(theta[s])))
        u[n,t,s] = sqrt(1 - r[s]^2) * sum(c_) x[n,t,c_]*b[c_,s]
        h[n,t,s] = l[s]*h[n,t-1,s] + u[n,t,s]
        h[n,-1,s] = 0
        y[n,t,k] = re(sum(s) h[n,t,s]*c[s,k]) + sum(c_) x[n,t,c_]*d[c_,k]""",
        _lru,
        "x: N T C, nu: S, theta: S, b: C S 2, c: S K 2, d: C K",
        {"N": 2, "T": 4, "C": 3, "S": 2, "K": 2},
    ),
    "griffin": Paper(
        """# RG-LRU of Griffin
        c = 8
        input x[N,T,K], wr[K,K], wi[K,K], lam[K]
        r[n,t,k] = sigmoid(sum(j) x[n,t,j]*wr[j,k])
        i[n,t,k] = sigmoid(sum(j) x[n,t,j]*wi[j,k])
        l[n,t,k] = -c*softplus(lam[k])*r[n,t,k]
        h[n,t,k] = exp(l[n,t,k])*h[n,t-1,k] + sqrt(1 - exp(2*l[n,t,k]))*i[n,t,k]*x[n,t,k]
        h[n,-1,k] = 0""",
        _griffin,
        "x: N T K, wr: K K, wi: K K, lam: K",
        {"N": 2, "T": 4, "K": 3},
    ),
    "short_convolution": Paper(
        """# the causal convolution before a recurrence
        input x[N,T,C], w[R,C], b[C]
        t < T
        y[n,t,c] = b[c] + sum(r) x[n, t + r - R + 1, c]*w[r,c]""",
        _hawk_conv,
        "x: N T C, w: 4 C, b: C",
        {"N": 2, "T": 5, "C": 3},
    ),
    "mamba2": Paper(
        """# SSD of Mamba-2: one decay for each head
        input x[N,T,H,P], dt[N,T,H], a[H], b[N,T,S], c[N,T,S], dt_bias[H], d[H]
        g[n,t,h] = softplus(dt[n,t,h] + dt_bias[h])
        s[n,t,h,p,s_] = exp(-exp(a[h])*g[n,t,h])*s[n,t-1,h,p,s_] + g[n,t,h]*x[n,t,h,p]*b[n,t,s_]
        s[n,-1,h,p,s_] = 0
        y[n,t,h,p] = d[h]*x[n,t,h,p] + sum(s_) c[n,t,s_]*s[n,t,h,p,s_]""",
        _mamba2,
        "x: N T H P, dt: N T H, a: H, b: N T S, c: N T S, dt_bias: H, d: H",
        {"N": 2, "T": 4, "H": 2, "P": 3, "S": 2},
    ),
    "mega_ema": Paper(
        """# damped moving averages of Mega
        input x[N,T,C], alpha[C,S], delta[C,S], beta[C,S], eta[C,S]
        a[c,s] = sigmoid(alpha[c,s])
        h[n,t,c,s] = a[c,s]*beta[c,s]*x[n,t,c] + (1 - a[c,s]*sigmoid(delta[c,s]))*h[n,t-1,c,s]
        h[n,-1,c,s] = 0
        y[n,t,c] = sum(s) eta[c,s]*h[n,t,c,s]""",
        _mega,
        "x: N T C, alpha: C S, delta: C S, beta: C S, eta: C S",
        {"N": 2, "T": 4, "C": 3, "S": 2},
    ),
    "hyena": Paper(
        """# an operator of Hyena: gates around a long convolution whose filter decays
        input x[N,T,C], v[N,T,C], u[N,T,C], h[T,C], d[C], alpha[C]
        z[n,t,c] = u[n,t,c]*v[n,t,c]
        f[t,c] = h[t,c]*exp(-t*softplus(alpha[c]))
        y[n,t,c] = x[n,t,c]*(d[c]*z[n,t,c] + sum(s) [s <= t] f[t-s,c]*z[n,s,c])""",
        _hyena,
        "x: N T C, v: N T C, u: N T C, h: T C, d: C, alpha: C",
        {"N": 2, "T": 4, "C": 3},
    ),
    "wavenet": Paper(
        """# a gated block of WaveNet, dilation 4
        d = 4
        input x[N,T,C], wf[R,C,K], wg[R,C,K], wr[K,C], ws[K,S]
        f[n,t,k] = sum(r,c) x[n, t - d*(1 - r), c]*wf[r,c,k]
        g[n,t,k] = sum(r,c) x[n, t - d*(1 - r), c]*wg[r,c,k]
        z[n,t,k] = tanh(f[n,t,k])*sigmoid(g[n,t,k])
        y[n,t,c] = x[n,t,c] + sum(k) z[n,t,k]*wr[k,c]
        skip[n,t,s] = sum(k) z[n,t,k]*ws[k,s]
        output y, skip""",
        _wavenet,
        "x: N T C, wf: 2 C K, wg: 2 C K, wr: K C, ws: K S",
        {"N": 2, "T": 7, "C": 3, "K": 2, "S": 2},
    ),
    "two_scans": Paper(
        """# scans both ways, added
        input x[N,T,C], a[C], b[C]
        f[n,t,c] = sigmoid(a[c])*f[n,t-1,c] + x[n,t,c]
        g[n,t,c] = sigmoid(b[c])*g[n,t+1,c] + x[n,t,c]
        f[n,-1,c] = 0
        g[n,T,c] = 0
        y[n,t,c] = f[n,t,c] + g[n,t,c] - x[n,t,c]""",
        _forward_backward_mamba,
        "x: N T C, a: C, b: C",
        {"N": 2, "T": 4, "C": 3},
    ),
}
