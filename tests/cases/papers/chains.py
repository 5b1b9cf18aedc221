"""Chains of states: sums, maxima and posteriors over paths, as papers have them."""

import torch
from torch.nn.functional import softplus

from tests.cases.papers.paper import Paper, Tensor, zeros


def _hmm(x: Tensor, start: Tensor, moves: Tensor) -> Tensor:
    a = start.log_softmax(0) + x[:, 0]
    for t in range(1, x.shape[1]):
        a = x[:, t] + (a[:, :, None] + moves.log_softmax(1)).logsumexp(1)
    return -a.logsumexp(1).mean()


def _scaled_hmm(b: Tensor, start: Tensor, moves: Tensor) -> tuple[Tensor, Tensor]:
    p, alphas, scales = start.softmax(0).expand(b.shape[0], -1), [], []
    for t in range(b.shape[1]):
        u = b[:, t] * (p @ moves.softmax(1) if t else p)
        scales.append(u.sum(1))
        p = u / scales[-1][:, None]
        alphas.append(p)
    return torch.stack(alphas, 1), torch.stack(scales, 1).log().sum(1)


def _posteriors(x: Tensor, w: Tensor) -> Tensor:
    length = x.shape[1]
    a, b = [x[:, 0]], [x[:, 0] * 0]
    for t in range(1, length):
        a.append(x[:, t] + (a[-1][:, :, None] + w).logsumexp(1))
        b.append((b[-1][:, None] + w + x[:, length - t, None]).logsumexp(2))
    both = torch.stack(a, 1) + torch.stack(b[::-1], 1)
    return both.softmax(2)


def _segmentation_criterion(x: Tensor, w: Tensor) -> Tensor:
    a = x[:, 0]
    for t in range(1, x.shape[1]):
        a = x[:, t] + (a[:, :, None] + w).logsumexp(1)
    return a.logsumexp(1)


def _viterbi_path(x: Tensor, w: Tensor) -> Tensor:
    v = x[:, 0]
    for t in range(1, x.shape[1]):
        v = x[:, t] + (v[:, :, None] + w).max(1).values
    return v.max(1).values


def _semi_markov(x: Tensor, w: Tensor) -> Tensor:
    far = zeros(x, x.shape[0], x.shape[3]) - 1e9
    b, a = [far, far, zeros(x, x.shape[0], x.shape[3])], far
    for t in range(x.shape[1]):
        a = torch.stack([x[:, t, d] + b[-1 - d] for d in range(3)], 1).logsumexp(1)
        b.append((a[:, :, None] + w).logsumexp(1))
    return a.logsumexp(1)


def _kalman(y: Tensor, f: Tensor, q: Tensor, h: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
    n, d = y.shape[0], f.shape[0]
    m, p, loss, means = zeros(y, n, d), torch.eye(d, dtype=y.dtype), zeros(y, n), []
    noise, cov = softplus(r), q @ q.T
    for t in range(y.shape[1]):
        m, p = m @ f.T, f @ p @ f.T + cov
        s = h @ p @ h + noise
        gain = p @ h / s
        e = y[:, t] - m @ h
        m, p = m + e[:, None] * gain, p - torch.outer(gain, h @ p)
        loss = loss + (e * e / s + s.log()) / 2
        means.append(m)
    return torch.stack(means, 1), loss


def _traces(x: Tensor, w: Tensor) -> Tensor:
    """Weighted automaton: a bounded product of matrices."""
    a = w[0]
    for t in range(x.shape[1]):
        a = torch.einsum("nij,njk->nik", a if a.dim() == 3 else a.expand(x.shape[0], -1, -1), x[:, t])
    return torch.einsum("nii->n", a)


CHAINS = {
    "hmm": Paper(
        """# negative log-likelihood of a hidden Markov model
        input x[N,T,K], s[K], w[K,K]
        p[k] = log_softmax(s[k], k)
        q[j,k] = log_softmax(w[j,k], k)
        a[n,t,k] = x[n,t,k] + log_sum_exp(a[n,t-1,j] + q[j,k], j)*[t > 0] + [t == 0]*p[k]
        a[n,-1,k] = 0
        e = -sum(n) log_sum_exp(a[n,T-1,k], k)/N""",
        _hmm,
        "x: N T K, s: K, w: K K",
        {"N": 2, "T": 4, "K": 3},
    ),
    "scaled_hmm": Paper(
        """# Rabiner's scaled forward recursion
        input b[N,T,K], s[K], w[K,K]
        p[k] = softmax(s[k], k)
        q[j,k] = softmax(w[j,k], k)
        u[n,t,k] = b[n,t,k]*([t == 0]*p[k] + sum(j) a[n,t-1,j]*q[j,k])
        c[n,t] = sum(k) u[n,t,k]
        a[n,t,k] = u[n,t,k]/c[n,t]
        a[n,-1,k] = 0
        l[n] = sum(t) log(c[n,t])
        output a, l""",
        _scaled_hmm,
        "b: N T K +, s: K, w: K K",
        {"N": 2, "T": 4, "K": 3},
    ),
    "posteriors": Paper(
        """# forward and backward variables
        input x[N,T,K], w[K,K]
        a[n,t,k] = x[n,t,k] + [t > 0]*log_sum_exp(a[n,t-1,j] + w[j,k], j)
        a[n,-1,k] = 0
        b[n,t,j] = [t < T - 1]*log_sum_exp(b[n,t+1,k] + w[j,k] + x[n,t+1,k], k)
        b[n,T,k] = 0
        y[n,t,k] = softmax(a[n,t,k] + b[n,t,k], k)""",
        _posteriors,
        "x: N T K, w: K K",
        {"N": 2, "T": 4, "K": 3},
    ),
    "full_connect": Paper(
        """# the automatic segmentation criterion's sum over all paths, from the first frame on
        input x[N,T,K], w[K,K]
        a[n,t,k] = x[n,t,k] + [t > 0]*log_sum_exp(a[n,t-1,j] + w[j,k], j)
        a[n,-1,k] = 0
        y[n] = log_sum_exp(a[n,T-1,k], k)""",
        _segmentation_criterion,
        "x: N T K, w: K K",
        {"N": 2, "T": 4, "K": 3},
    ),
    "viterbi_path": Paper(
        """# the score of the best path, and the path, back from its end
        input x[N,T,K], w[K,K]
        v[n,t,k] = x[n,t,k] + [t > 0]*max(j) (v[n,t-1,j] + w[j,k])
        v[n,-1,k] = 0
        p[n,t,k] = argmax(j) (v[n,t-1,j] + w[j,k])
        l[n] = argmax(k) v[n,T-1,k]
        y[n] = max(k) v[n,T-1,k]
        output y""",
        _viterbi_path,
        "x: N T K, w: K K",
        {"N": 2, "T": 4, "K": 3},
    ),
    "kalman": Paper(
        """# Kalman filter with one observation a step, and its negative log-likelihood
        input y[N,T], f[D,D], q[D,D], h[D], r
        b[n,t,d] = sum(e) f[d,e]*m[n,t-1,e]
        c[t,d,e] = (sum(i,j) f[d,i]*p[t-1,i,j]*f[e,j]) + sum(i) q[d,i]*q[e,i]
        s[t] = (sum(d,e) h[d]*c[t,d,e]*h[e]) + softplus(r)
        g[t,d] = sum(e) c[t,d,e]*h[e]/s[t]
        v[n,t] = y[n,t] - sum(d) h[d]*b[n,t,d]
        m[n,t,d] = b[n,t,d] + g[t,d]*v[n,t]
        p[t,d,e] = c[t,d,e] - g[t,d]*sum(i) h[i]*c[t,i,e]
        m[n,-1,d] = 0
        p[-1,d,e] = [d == e]
        l[n] = sum(t) (v[n,t]^2/s[t] + log(s[t]))/2
        output m, l""",
        _kalman,
        "y: N T, f: D D, q: D D, h: D, r:",
        {"N": 2, "T": 3, "D": 2},
    ),
    "matrix_products": Paper(
        """# the trace of a product of matrices, one for each symbol
        input x[N,T,K,K], w[A,K,K]
        a[n,t,i,k] = sum(j) a[n,t-1,i,j]*x[n,t,j,k]
        a[n,-1,i,k] = w[0,i,k]
        y[n] = sum(i) a[n,T-1,i,i]""",
        _traces,
        "x: N T K K, w: 1 K K",
        {"N": 2, "T": 3, "K": 2},
    ),
    "semi_markov": Paper(
        """# a semi-CRF: all ways to cut a sequence into segments of up to three, each with a label
        input x[N,T,L,K], w[K,K]
        L = 3
        a[n,t,k] = log_sum_exp(x[n,t,d,k] + [d == 0]*b[n,t-1,k] + [d == 1]*b[n,t-2,k] + [d == 2]*b[n,t-3,k], d)
        b[n,t,k] = log_sum_exp(a[n,t,j] + w[j,k], j)
        b[n,-1,k] = 0
        b[n,-2,k] = -1e9
        b[n,-3,k] = -1e9
        y[n] = log_sum_exp(a[n,T-1,k], k)""",
        _semi_markov,
        "x: N T 3 K, w: K K",
        {"N": 2, "T": 5, "K": 3},
    ),
}
