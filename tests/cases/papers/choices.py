"""Routing and losses over pairs, sets and ranks of papers."""

import torch
from torch.nn.functional import logsigmoid

from tests.cases.papers.paper import Paper, Tensor


def _top_two(x: Tensor, g: Tensor, w: Tensor, order: Tensor) -> Tensor:
    scores = (x @ g).gather(1, order).softmax(1)
    return torch.einsum("nk,nc,nkcd->nd", scores, x, w[order])


def _switch(x: Tensor, g: Tensor) -> Tensor:
    p = (x @ g).softmax(1)
    share = torch.nn.functional.one_hot(p.argmax(1), p.shape[1]).to(p.dtype).mean(0)
    return p.shape[1] * (share * p.mean(0)).sum()


def _capsules(u: Tensor) -> Tensor:
    b, v = u[..., 0] * 0, u[:, 0]
    for _ in range(3):
        s = (b.softmax(2)[..., None] * u).sum(1)
        size = (s * s).sum(2, keepdim=True)
        v = size / (1 + size) * s / (size + 1e-9).sqrt()
        b = b + (u * v[:, None]).sum(3)
    return v


def _slots(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    a = (torch.einsum("nsd,nld->nsl", q, k) / q.shape[2] ** 0.5).softmax(1) + 1e-8
    return (a / a.sum(2, keepdim=True)) @ v


def _sinkhorn(c: Tensor) -> Tensor:
    f, g = c[:, 0] * 0, c[0] * 0
    for _ in range(4):
        f = -((g - c) / 0.5).logsumexp(1)
        f = f * 0.5
        g = -0.5 * ((f[:, None] - c) / 0.5).logsumexp(0)
    return (((f[:, None] + g - c) / 0.5).exp() * c).sum()


def _contrastive(x: Tensor, z: Tensor) -> Tensor:
    s = x @ z.T / 0.1
    i = torch.arange(len(x))
    return -(s.log_softmax(1)[i, i] + s.log_softmax(0)[i, i]).mean() / 2


def _supervised(x: Tensor, t: Tensor) -> Tensor:
    s = x @ x.T / 0.5
    other = ~torch.eye(len(x), dtype=torch.bool)
    log_p = s - s.masked_fill(~other, -torch.inf).logsumexp(1, keepdim=True)
    alike = (t[:, None] == t) & other
    return -((log_p * alike).sum(1) / alike.sum(1).clamp(min=1)).mean()


def _hardest(x: Tensor, t: Tensor) -> Tensor:
    d = ((x[:, None] - x) ** 2).sum(2)
    alike = t[:, None] == t
    return torch.relu(0.3 + (d * alike).max(1).values - d.masked_fill(alike, torch.inf).min(1).values).mean()


def _approx_ndcg(s: Tensor, y: Tensor) -> Tensor:
    rank = 0.5 + ((s[:, None] - s[:, :, None]) / 0.1).sigmoid().sum(2)
    return -((2**y - 1) / (1 + rank).log2()).sum(1).mean()


def _list_mle(s: Tensor, order: Tensor) -> Tensor:
    ranked = s.gather(1, order)
    return (ranked.flip(1).logcumsumexp(1).flip(1) - ranked).sum(1).mean()


CHOICES = {
    "top_two_experts": Paper(
        """# the two best experts, weighed by a softmax of their scores
        integer order
        input x[N,C], g[C,E], w[E,C,D], order[N,K]
        u[n,e] = sum(c) x[n,c]*g[c,e]
        p[n,k] = softmax(u[n,order[n,k]], k)
        y[n,d] = sum(k,c) p[n,k]*x[n,c]*w[order[n,k],c,d]""",
        _top_two,
        "x: N C, g: C E, w: E C D, order: N 2 <E",
        {"N": 3, "C": 2, "E": 4, "D": 3},
    ),
    "switch_balance": Paper(
        """# the load-balancing loss of the Switch Transformer
        input x[N,C], g[C,E]
        p[n,e] = softmax(sum(c) x[n,c]*g[c,e], e)
        k[n] = argmax(e) p[n,e]
        f[e] = sum(n) [k[n] == e]/N
        l = E*sum(e) f[e]*(sum(n) p[n,e]/N)""",
        _switch,
        "x: N C, g: C E",
        {"N": 5, "C": 2, "E": 3},
    ),
    "dynamic_routing": Paper(
        """# three rounds of routing between capsules
        t < 3
        c[n,t,i,j] = softmax(b[n,t-1,i,j], j)
        s[n,t,j,d] = sum(i) c[n,t,i,j]*u[n,i,j,d]
        q[n,t,j] = sum(d) s[n,t,j,d]^2
        v[n,t,j,d] = q[n,t,j]/(1 + q[n,t,j])*s[n,t,j,d]/sqrt(q[n,t,j] + 1e-9)
        b[n,t,i,j] = b[n,t-1,i,j] + sum(d) u[n,i,j,d]*v[n,t,j,d]
        b[n,-1,i,j] = 0
        y[n,j,d] = v[n,2,j,d]
        input u""",
        _capsules,
        "u: N I J D",
        {"N": 2, "I": 3, "J": 2, "D": 2},
    ),
    "slot_attention": Paper(
        """# slots compete for positions
        a[n,s,l] = softmax((sum(d) q[n,s,d]*k[n,l,d])/sqrt(D), s) + 1e-8
        y[n,s,e] = (sum(l) a[n,s,l]*v[n,l,e])/(sum(l) a[n,s,l])
        input q, k, v""",
        _slots,
        "q: N S D, k: N L D, v: N L E",
        {"N": 2, "S": 3, "L": 4, "D": 2, "E": 2},
    ),
    "sinkhorn": Paper(
        """# entropic transport, four rounds
        eps = 0.5
        t < 4
        f[t,i] = -eps*log_sum_exp((g[t-1,j] - c[i,j])/eps, j)
        g[t,j] = -eps*log_sum_exp((f[t,i] - c[i,j])/eps, i)
        g[-1,j] = 0
        l = sum(i,j) exp((f[3,i] + g[3,j] - c[i,j])/eps)*c[i,j]
        input c""",
        _sinkhorn,
        "c: I J",
        {"I": 3, "J": 4},
    ),
    "info_nce": Paper(
        """# CLIP's loss, both ways
        tau = 0.1
        s[i,j] = (sum(c) x[i,c]*z[j,c])/tau
        l = sum(i) (log_sum_exp(s[i,j], j) + log_sum_exp(s[j,i], j) - 2*s[i,i])/(2*I)
        input x, z""",
        _contrastive,
        "x: I C, z: I C",
        {"I": 4, "C": 3},
    ),
    "supervised_contrastive": Paper(
        """integer t
        tau = 0.5
        input x[I,C], t[I]
        s[i,j] = (sum(c) x[i,c]*x[j,c])/tau
        m[i] = max(j) [j != i] s[i,j]
        z[i] = m[i] + log(sum(j) [j != i] exp(s[i,j] - m[i]))
        p[i] = max(1, sum(j) [t[i] == t[j], j != i])
        l = -sum(i,j) [t[i] == t[j], j != i] (s[i,j] - z[i])/p[i]/I""",
        _supervised,
        "x: I C, t: I <2",
        {"I": 5, "C": 3},
    ),
    "hardest_triplets": Paper(
        """integer t
        margin = 0.3
        input x[I,C], t[I]
        d[i,j] = sum(c) (x[i,c] - x[j,c])^2
        p[i] = max(j) [t[i] == t[j]] d[i,j]
        q[i] = min(j) [t[i] != t[j]] d[i,j]
        l = sum(i) relu(margin + p[i] - q[i])/I""",
        _hardest,
        "x: I C, t: I <2",
        {"I": 6, "C": 3},
    ),
    "approx_ndcg": Paper(
        """tau = 0.1
        input s[N,I], y[N,I]
        r[n,i] = 1/2 + sum(j) sigmoid((s[n,j] - s[n,i])/tau)
        l = -sum(n,i) (2^y[n,i] - 1)*log(2)/log(1 + r[n,i])/N""",
        _approx_ndcg,
        "s: N I, y: N I",
        {"N": 2, "I": 4},
    ),
    "list_mle": Paper(
        """# the likelihood of a given order
        integer order
        input s[N,K], order[N,K]
        u[n,k] = s[n,order[n,k]]
        m[n] = max(k) u[n,k]
        l = sum(n,k) (m[n] + log(sum(j) [j >= k] exp(u[n,j] - m[n])) - u[n,k])/N""",
        _list_mle,
        "s: N K, order: N K order",
        {"N": 2, "K": 4},
    ),
    "preferences": Paper(
        """# DPO
        beta = 0.1
        l = -sum(n) log(sigmoid(beta*(a[n] - b[n] - r[n] + s[n])))/N
        input a, b, r, s""",
        lambda a, b, r, s: -logsigmoid(0.1 * (a - b - r + s)).mean(),
        "a: N, b: N, r: N, s: N",
        {"N": 5},
    ),
}
"""By name."""
