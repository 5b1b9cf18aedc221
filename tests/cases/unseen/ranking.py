"""Losses that rank, compare sets or compare distributions."""

from typing import Any

import pytest

from tests.cases.written.written import Written

torch = pytest.importorskip("torch")
F = torch.nn.functional


def _lambda_rank(s: Any, r: Any, p: Any) -> Any:
    gain, seen = 2 ** r.double(), 1 / (p.double() + 2).log2()
    swap = (gain[:, :, None] - gain[:, None]).abs() * (seen[:, :, None] - seen[:, None]).abs()
    above = r[:, :, None] > r[:, None]
    return (above * swap * F.softplus(-(s[:, :, None] - s[:, None]))).sum()


def _plackett_luce(s: Any, rank: Any) -> Any:
    left = rank[:, None] >= torch.arange(s.shape[1])[None, :, None]
    sums = torch.where(left, s[:, None], -torch.inf).logsumexp(2)
    return -(s.gather(1, rank.argsort(1)) - sums).sum(1)


def _smooth_ap(s: Any, t: Any) -> Any:
    b = s.shape[1]
    g = ((s[:, None] - s[:, :, None]) / 0.1).sigmoid() * (1 - torch.eye(b, dtype=s.dtype))
    good = (t == 1).double()
    return 1 - (good * (1 + (g * good[:, None]).sum(2)) / (1 + g.sum(2))).sum(1) / good.sum(1)


def _lovasz(s: Any, t: Any, order: Any) -> Any:
    e = (1 - s * (2 * t - 1)).gather(1, order)
    g = t.double().gather(1, order)
    inter = g.sum(1, keepdim=True) - g.cumsum(1)
    union = g.sum(1, keepdim=True) + (1 - g).cumsum(1)
    j = 1 - inter / union
    return (e.relu() * torch.cat([j[:, :1], j[:, 1:] - j[:, :-1]], 1)).sum(1).mean()


def _circle(x: Any, t: Any) -> Any:
    z = F.normalize(x, dim=1)
    s, same = z @ z.T, t[:, None] == t[None]
    low = 32 * (s.detach() + 0.25).relu() * (s - 0.25)
    high = -32 * (1.25 - s.detach()).relu() * (s - 0.75)
    own = same & ~torch.eye(len(x), dtype=torch.bool)
    inside = (low.exp() * ~same).sum(1) * (high.exp() * own).sum(1)
    return inside.log1p().mean()


def _multi_similarity(x: Any, t: Any) -> Any:
    s, same = x @ x.T, t[:, None] == t[None]
    own = same & ~torch.eye(len(x), dtype=torch.bool)
    pull = ((-2 * (s - 0.5)).exp() * own).sum(1).log1p() / 2
    return (pull + ((5 * (s - 0.5)).exp() * ~same).sum(1).log1p() / 5).mean()


def _focal_tversky(p: Any, g: Any) -> Any:
    hit = (p * g).sum((0, 1))
    missed, wrong = ((1 - p) * g).sum((0, 1)), (p * (1 - g)).sum((0, 1))
    return ((1 - (hit + 1) / (hit + 0.7 * missed + 0.3 * wrong + 1)) ** 0.75).sum()


def _generalised_dice(p: Any, t: Any) -> Any:
    r = F.one_hot(t, p.shape[2]).double()
    w = 1 / (r.sum(1) + 1) ** 2
    return 1 - 2 * (w * (r * p).sum(1)).sum(1) / (w * (r + p).sum(1)).sum(1)


def _energy_distance(x: Any, y: Any) -> Any:
    def mean(a: Any, b: Any) -> Any:
        return ((a[:, None] - b[None]).square().sum(2) + 1e-12).sqrt().mean()

    return 2 * mean(x, y) - mean(x, x) - mean(y, y)


def _kernel_discrepancy(x: Any, y: Any, h: Any) -> Any:
    def k(a: Any, b: Any) -> Any:
        d = (a[:, None] - b[None]).square().sum(2)
        return (-d[..., None] / (2 * h**2)).exp().sum(2)

    n, m = len(x), len(y)
    off = 1 - torch.eye(n, dtype=x.dtype), 1 - torch.eye(m, dtype=x.dtype)
    return (
        (k(x, x) * off[0]).sum() / (n * (n - 1))
        + (k(y, y) * off[1]).sum() / (m * (m - 1))
        - 2 * k(x, y).sum() / (n * m)
    )


def _davidson(s: Any, a: Any, b: Any, o: Any, nu: Any) -> Any:
    pi, pj = s[a].exp(), s[b].exp()
    tie = nu.exp() * (pi * pj).sqrt()
    won = torch.where(o == 0, pi, torch.where(o == 1, pj, tie))
    return -(won / (pi + pj + tie)).log().sum()


RANKING = {
    "list_net": Written(
        """p[n,j] = softmax(r[n,j], j)
        e = -sum(n,j) p[n,j] * log_softmax(s[n,j], j) / N
        input s, r""",
        lambda s, r: -(r.softmax(1) * s.log_softmax(1)).sum(1).mean(),
        "s 3,5; r 3,5",
    ),
    "lambda_rank": Written(
        """integer r, p
        w[n,i,j] = abs(2^r[n,i] - 2^r[n,j]) * abs(log(2)/log(2 + p[n,i]) - log(2)/log(2 + p[n,j]))
        e = sum(n,i,j) [r[n,i] > r[n,j]] * w[n,i,j] * log(1 + exp(-(s[n,i] - s[n,j])))
        input s, r, p""",
        _lambda_rank,
        "s 2,5; r 2,5 <4; p 2,5 <5",
    ),
    "plackett_luce_of_ranks": Written(
        """integer rank
        # how likely the order is: each time one of those that are left
        z[n,k] = log(sum(j) [rank[n,j] >= k] exp(s[n,j])); k < J
        e[n] = -(sum(j) s[n,j] - sum(k) z[n,k])
        input s[N,J], rank[N,J]""",
        _plackett_luce,
        "s 3,5; rank 3,5 @5",
    ),
    "smooth_ap": Written(
        """tau = 0.1; integer t
        g[n,i,j] = [i != j] * sigmoid((s[n,j] - s[n,i]) / tau)
        ap[n] = (sum(i) [t[n,i] == 1] * (1 + sum(j) [t[n,j] == 1] * g[n,i,j]) / (1 + sum(j) g[n,i,j])) \\
            / (sum(i) [t[n,i] == 1])
        e[n] = 1 - ap[n]
        input s, t""",
        _smooth_ap,
        "s 3,6; t 3,6 <2",
    ),
    "lovasz_hinge": Written(
        """integer t, order
        e[n,i] = 1 - s[n,i] * (2*t[n,i] - 1)
        g[n,k] = t[n, order[n,k]]
        u[n,k] = sum(i) [i <= k] g[n,i]
        v[n,k] = sum(i) [i <= k] (1 - g[n,i])
        a[n] = sum(k) g[n,k]
        j[n,k] = 1 - (a[n] - u[n,k]) / (a[n] + v[n,k])
        loss = sum(n,k) relu(e[n, order[n,k]]) * (j[n,k] - j[n,k-1]) / N
        input s, t, order""",
        _lovasz,
        "s 3,6; t 3,6 <2; order 3,6 @6",
    ),
    "wasserstein_of_histograms": Written(
        """input p[N,B], q[N,B]
        b < B
        P[n,b] = sum(a) [a <= b] p[n,a]
        Q[n,b] = sum(a) [a <= b] q[n,a]
        e[n] = sum(b) (P[n,b] - Q[n,b])^2""",
        lambda p, q: (p.cumsum(1) - q.cumsum(1)).square().sum(1),
        "p 3,5; q 3,5",
    ),
    "wasserstein_of_samples": Written(
        "integer a, b; d = sum(c,k) abs(x[c,a[c,k]] - y[c,b[c,k]]) / K / C; input x, y, a, b",
        lambda x, y, a, b: (x.gather(1, a) - y.gather(1, b)).abs().mean(),
        "x 3,5; y 3,5; a 3,5 @5; b 3,5 @5",
    ),
    "focal_tversky": Written(
        """alpha = 0.7; beta = 0.3; gamma = 0.75
        t[c] = (sum(n,i) p[n,i,c]*g[n,i,c] + 1) / (sum(n,i) (p[n,i,c]*g[n,i,c] + alpha*(1 - p[n,i,c])*g[n,i,c] \\
            + beta*p[n,i,c]*(1 - g[n,i,c])) + 1)
        e = sum(c) (1 - t[c])^gamma""",
        _focal_tversky,
        "p 2,4,3 %; g 2,4,3 %",
    ),
    "generalised_dice": Written(
        """integer t
        r[n,i,c] = one_hot(t[n,i], c)
        w[n,c] = 1/(sum(i) r[n,i,c] + 1)^2
        e[n] = 1 - 2 * (sum(c) w[n,c] * sum(i) r[n,i,c]*p[n,i,c]) / (sum(c) w[n,c] * sum(i) (r[n,i,c] + p[n,i,c]))
        input p, t""",
        _generalised_dice,
        "p 2,4,3 %; t 2,4 <3",
    ),
    "circle_loss": Written(
        """m = 0.25; gamma = 32.0; integer t
        z[i,c] = x[i,c] / l2_norm(x[i,c], c)
        s[i,j] = sum(c) z[i,c]*z[j,c]
        p[i] = sum(j) [t[j] != t[i]] exp(gamma * constant(relu(s[i,j] + m)) * (s[i,j] - m))
        q[i] = sum(j) [t[j] == t[i] and j != i] exp(-gamma * constant(relu(1 + m - s[i,j])) * (s[i,j] - (1 - m)))
        e = sum(i) log(1 + p[i]*q[i]) / I
        input x, t""",
        _circle,
        "x 6,3; t 6 <2",
    ),
    "multi_similarity": Written(
        """alpha = 2.0; beta = 5.0; lam = 0.5; integer t
        s[i,j] = sum(c) x[i,c]*x[j,c]
        e = sum(i) (log(1 + sum(j) [t[j] == t[i], j != i] exp(-alpha*(s[i,j] - lam)))/alpha \\
            + log(1 + sum(j) [t[j] != t[i]] exp(beta*(s[i,j] - lam)))/beta) / I
        input x, t""",
        _multi_similarity,
        "x 6,3; t 6 <2",
    ),
    "energy_distance": Written(
        """d[i,j] = sqrt(sum(c) (x[i,c] - y[j,c])^2 + 1e-12)
        dx[i,k] = sqrt(sum(c) (x[i,c] - x[k,c])^2 + 1e-12)
        dy[j,l] = sqrt(sum(c) (y[j,c] - y[l,c])^2 + 1e-12)
        e = 2*mean(d[i,j], i, j) - mean(dx[i,k], i, k) - mean(dy[j,l], j, l)""",
        _energy_distance,
        "x 4,3; y 5,3",
    ),
    "kernel_discrepancy": Written(
        """define k(a, c, h, b) = sum(b) exp(-(sum(c) a^2) / (2*h^2))
        e = sum(i,j) [i != j] k(x[i,c] - x[j,c], c, h[b], b)/(N*(N-1)) \\
            + sum(u,v) [u != v] k(y[u,c] - y[v,c], c, h[b], b)/(M*(M-1)) \\
            - 2*(sum(i,u) k(x[i,c] - y[u,c], c, h[b], b))/(N*M)
        input x[N,C], y[M,C], h[B]""",
        _kernel_discrepancy,
        "x 4,3; y 5,3; h 2 +",
    ),
    "davidson_ties": Written(
        """integer a, b, o
        # o: 0 the first has won, 1 the second, 2 a tie
        p[g] = exp(s[a[g]]); q[g] = exp(s[b[g]]); t[g] = exp(nu) * sqrt(p[g]*q[g])
        e = -sum(g) log(([o[g] == 0]*p[g] + [o[g] == 1]*q[g] + [o[g] == 2]*t[g]) / (p[g] + q[g] + t[g]))
        input s, a, b, o, nu""",
        _davidson,
        "s 4; a 6 <4; b 6 <4; o 6 <3; nu 0",
    ),
}
