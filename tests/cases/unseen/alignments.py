"""Alignments, pointers, memories: sums over paths, products of what was left, reads by content."""

from typing import Any

import pytest

from tests.cases.written.written import Written

torch = pytest.importorskip("torch")
F = torch.nn.functional


def _transducer(z: Any, y: Any) -> Any:
    t, u = z.shape[0], z.shape[1]
    p = z.log_softmax(2)
    found: dict[tuple[int, int], Any] = {}
    for i in range(t):
        for j in range(u):
            terms = [found[i - 1, j] + p[i - 1, j, 0]] if i else []
            terms += [found[i, j - 1] + p[i, j - 1, y[j - 1]]] if j else []
            found[i, j] = torch.stack(terms).logsumexp(0) if terms else torch.zeros((), dtype=z.dtype)
    return -(found[t - 1, u - 1] + p[t - 1, u - 1, 0])


def _ctc(z: Any, y: Any) -> Any:
    p, s = z.softmax(2), y.shape[1]
    blank = torch.full_like(y, z.shape[2] - 1)
    ext = torch.cat([torch.stack([blank, y], 2).reshape(len(y), -1), blank[:, :1]], 1)
    skip = torch.cat(
        [torch.zeros(len(y), 2, dtype=torch.bool), (ext[:, 2:] != ext[:, :-2]) & (ext[:, 2:] != z.shape[2] - 1)], 1
    )
    a = torch.zeros(len(y), 2 * s + 1, dtype=z.dtype)
    a = torch.where(torch.arange(2 * s + 1) < 2, p[:, 0].gather(1, ext), a)
    for t in range(1, z.shape[1]):
        one, two = F.pad(a, (1, 0))[:, :-1], F.pad(a, (2, 0))[:, :-2]
        a = (a + one + two * skip) * p[:, t].gather(1, ext)
    return -(a[:, -1] + a[:, -2]).log()


def _needleman_wunsch(s: Any, g: Any) -> Any:
    n, m = s.shape
    v = {(i, 0): -i * g for i in range(n + 1)} | {(0, j): -j * g for j in range(m + 1)}
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            options = torch.stack([v[i - 1, j - 1] + s[i - 1, j - 1], v[i - 1, j] - g, v[i, j - 1] - g])
            v[i, j] = options.logsumexp(0)
    return v[n, m]


def _smith_waterman(s: Any) -> Any:
    n, m = s.shape
    v: dict[tuple[int, int], Any] = {}
    zero = torch.zeros((), dtype=s.dtype)
    for i in range(n):
        for j in range(m):
            before = [v.get((i - 1, j - 1), zero) + s[i, j], v.get((i - 1, j), zero) - 1, v.get((i, j - 1), zero) - 1]
            v[i, j] = torch.stack([*before, zero]).max()
    return torch.stack([*v.values()]).logsumexp(0)


def _monotonic(p: Any) -> Any:
    a = torch.zeros_like(p[:, 0])
    a[:, 0] = 1
    found = []
    for i in range(p.shape[1]):
        columns = []
        for j in range(p.shape[2]):
            terms = [a[:, k] * (1 - p[:, i, k:j]).prod(1) for k in range(j + 1)]
            columns.append(p[:, i, j] * torch.stack(terms).sum(0))
        a = torch.stack(columns, 1)
        found.append(a)
    return torch.stack(found, 1)


def _search(s: Any) -> Any:
    q = torch.cat([s[:, :1], torch.full_like(s[:, 1:], -torch.inf)], 1)
    q = torch.where(torch.arange(s.shape[1]) == 0, s[0][None], -torch.inf)[0]
    for j in range(1, len(s)):
        q = torch.maximum(q, torch.cat([torch.tensor([-torch.inf]).double(), q[:-1]])) + s[j]
    return q[-1]


def _pointer(e: Any, d: Any, w: Any, v: Any, a: Any, y: Any) -> Any:
    u = ((e @ w)[:, None] + (d @ v)[:, :, None]).tanh() @ a
    t = torch.arange(y.shape[1])
    seen = (y[:, None, :, None] == torch.arange(e.shape[1])) & (t[None, :] < t[:, None])[None, :, :, None]
    p = torch.where(seen.any(2), -torch.inf, u).log_softmax(2)
    return -p.gather(2, y[:, :, None]).sum(), p.exp().masked_fill(seen.any(2), 0)


def _copy(z: Any, a: Any, g: Any, src: Any) -> Any:
    p = g.sigmoid()[:, :, None] * z.softmax(2)
    attended = a.softmax(2)
    copied = torch.zeros_like(z).scatter_add(2, src[:, None].expand_as(a), attended)
    past = attended.cumsum(1) - attended
    return p + (1 - g.sigmoid()[:, :, None]) * copied, torch.minimum(attended, past).sum((1, 2))


def _turing_read(m: Any, k: Any, beta: Any, g: Any, s: Any, gamma: Any, w: Any) -> Any:
    c = (beta[:, None] * F.cosine_similarity(m, k[:, None], dim=2, eps=1e-12)).softmax(1)
    u = g[:, None] * c + (1 - g[:, None]) * w
    moved = sum(s[:, r, None] * u.roll(r - 1, 1) for r in range(3))
    sharp = moved ** gamma[:, None]
    sharp = sharp / sharp.sum(1, keepdim=True)
    return sharp, torch.einsum("nr,nrc->nc", sharp, m)


def _allocation(u: Any, order: Any) -> Any:
    s = u.gather(1, order)
    left = torch.cat([torch.ones_like(s[:, :1]), s.cumprod(1)[:, :-1]], 1)
    return torch.zeros_like(u).scatter(1, order, (1 - s) * left)


def _hops(q: Any, m: Any, c: Any, w: Any) -> Any:
    u = q
    for _ in range(3):
        p = torch.einsum("nmd,nd->nm", m, u).softmax(1)
        u = u + torch.einsum("nm,nmd->nd", p, c)
    return u @ w


def _semi_markov(s: Any) -> Any:
    a = [torch.zeros_like(s[:, 0, 0])]
    for t in range(s.shape[1]):
        a.append(torch.stack([a[t - d] + s[:, t, d] for d in range(min(t + 1, 3))]).logsumexp(0))
    return a[-1]


def _soft_edit(c: Any) -> Any:
    n, m = c.shape
    v = {(i, 0): torch.tensor(float(i)).double() for i in range(n + 1)}
    v |= {(0, j): torch.tensor(float(j)).double() for j in range(m + 1)}
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            options = torch.stack([v[i - 1, j] + 1, v[i, j - 1] + 1, v[i - 1, j - 1] + c[i - 1, j - 1]])
            v[i, j] = -0.5 * (-options / 0.5).logsumexp(0)
    return v[n, m]


ALIGNMENTS = {
    "transducer": Written(
        """# RNN-T: a blank (0) goes on in time, a label in the text; s = t + u
        integer y
        input z[T,U+1,V], y[U]
        s < T + U; t < T; u < U
        p[t,j,v] = softmax(z[t,j,v], v)
        label[t,u] = p[t,u,y[u]]
        a[s,t] = [0 <= s - t <= U] * ([s == 0] + a[s-1,t-1]*p[t-1,s-t,0] + a[s-1,t]*label[t,s-t-1])
        a[-1,t] = 0
        e = -log(a[T+U-1,T-1]*p[T-1,U,0])""",
        _transducer,
        "z 4,3,5; y 2 <5",
    ),
    "ctc_of_probabilities": Written(
        """# the last class is the blank, every label y stands at an odd place of the extended text
        integer y
        input z[N,T,V], y[N,J]
        s < 2*J + 1
        p[n,t,v] = softmax(z[n,t,v], v)
        q[n,t,s] = [s % 2 == 0]*p[n,t,V-1] + [s % 2 == 1]*p[n,t,y[n,s//2]]
        skip[n,s] = [s % 2 == 1]*[y[n,s//2] != y[n,s//2 - 1]]
        a[n,t,s] = q[n,t,s]*([t == 0]*[s < 2] + a[n,t-1,s] + a[n,t-1,s-1] + skip[n,s]*a[n,t-1,s-2])
        a[n,-1,s] = 0
        e[n] = -log(a[n,T-1,2*J] + a[n,T-1,2*J-1])""",
        _ctc,
        "z 3,7,5; y 3,3 <4",
    ),
    "needleman_wunsch": Written(
        """# global alignment: all paths through a table of (I+1)(J+1), along its diagonals
        input x[I,J], g
        d < I + J + 1; i < I + 1
        v[d,i] = [0 <= d - i <= J] * ([d == 0] + exp(x[i-1,d-i-1])*v[d-2,i-1] + exp(-g)*(v[d-1,i-1] + v[d-1,i]))
        v[-1,i] = 0; v[-2,i] = 0
        e = log(v[I+J,I])""",
        _needleman_wunsch,
        "x 4,3; g 0",
    ),
    "smith_waterman": Written(
        """gap = 1.0
        input x[I,J]
        d < I + J - 1; i < I
        z[d,i] = sum(j) [i + j == d] x[i,j]
        v[d,i] = [0 <= d - i < J] * max(v[d-2,i-1] + z[d,i], v[d-1,i-1] - gap, v[d-1,i] - gap, 0)
        v[-1,i] = 0; v[-2,i] = 0
        e = log(sum(d,i) [0 <= d - i < J] exp(v[d,i]))""",
        _smith_waterman,
        "x 4,3",
    ),
    "monotonic_attention": Written(
        """c[n,i,j,k] = [k <= j] prod(l) [k <= l < j] (1 - p[n,i,l])
        a[n,i,j] = p[n,i,j] * sum(k) a[n,i-1,k]*c[n,i,j,k]
        a[n,-1,j] = [j == 0]
        k < J
        input p[N,I,J]""",
        _monotonic,
        "p 2,3,4 %",
    ),
    "monotonic_search": Written(
        """# Glow-TTS: every frame j reads the letter of the frame before, or the next one
        q[j,i] = s[j,i] + max([j > 0 or i == 0]*q[j-1,i], q[j-1,i-1])
        q[-1,i] = 0
        e = q[J-1,I-1]
        input s[J,I]""",
        _search,
        "s 5,3",
    ),
    "pointer_network": Written(
        """integer y
        u[n,t,i] = sum(k) v[k] * tanh(sum(d) h[n,i,d]*w[d,k] + sum(e) c[n,t,e]*r[e,k])
        f[n,t,i] = prod(q) [q >= t or y[n,q] != i]
        p[n,t,i] = masked_softmax(u[n,t,i], [f[n,t,i] == 1], i)
        loss = -sum(n,t) log(p[n,t,y[n,t]])
        input h, c, w, r, v, y
        output loss, p""",
        _pointer,
        "h 2,5,3; c 2,4,2; w 3,4; r 2,4; v 4; y 2,4 @5",
    ),
    "copied_words": Written(
        """# pointer-generator network with its coverage loss
        integer src
        alpha[n,t,i] = softmax(a[n,t,i], i)
        g[n,t] = sigmoid(z[n,t])
        p[n,t,w] = g[n,t]*softmax(o[n,t,w], w) + (1 - g[n,t])*sum(i) [src[n,i] == w] alpha[n,t,i]
        c[n,t,i] = c[n,t-1,i] + alpha[n,t-1,i]
        c[n,-1,i] = 0
        cov[n] = sum(t,i) min(alpha[n,t,i], c[n,t,i])
        input o, a, z, src
        output p, cov""",
        _copy,
        "o 2,3,5; a 2,3,4; z 2,3; src 2,4 <5",
    ),
    "turing_read": Written(
        """# the addressing of a neural Turing machine: content, gate, shift, sharpening
        c[n,r] = softmax(beta[n] * (sum(d) m[n,r,d]*k[n,d]) / (l2_norm(m[n,r,d], d) * l2_norm(k[n,d], d)), r)
        u[n,r] = g[n]*c[n,r] + (1 - g[n])*w[n,r]
        v[n,r] = sum(j) u[n, (r - j + 1) % R] * s[n,j]
        a[n,r] = v[n,r]^gamma[n] / sum(q) v[n,q]^gamma[n]
        y[n,d] = sum(r) a[n,r]*m[n,r,d]
        input m, k, beta, g, s, gamma, w
        output a, y""",
        _turing_read,
        "m 2,5,3; k 2,3; beta 2 +; g 2 %; s 2,3 %; gamma 2 +; w 2,5 %",
    ),
    "allocation": Written(
        """# the differentiable neural computer's allocation of free rows; phi is the order of usage
        integer phi
        s[n,j] = u[n,phi[n,j]]
        a[n,r] = sum(j) [phi[n,j] == r] (1 - s[n,j]) * prod(i) [i < j] s[n,i]
        r < R
        input u[N,R], phi""",
        _allocation,
        "u 2,5 %; phi 2,5 @5",
    ),
    "memory_hops": Written(
        """i < 3
        p[n,i,m] = softmax(sum(d) a[n,m,d]*u[n,i-1,d], m)
        u[n,i,d] = u[n,i-1,d] + sum(m) p[n,i,m]*c[n,m,d]
        u[n,-1,d] = q[n,d]
        y[n,k] = sum(d) u[n,2,d]*w[d,k]
        input q, a, c, w""",
        _hops,
        "q 2,3; a 2,4,3; c 2,4,3; w 3,2",
    ),
    "semi_markov": Written(
        """# segments of one, two or three positions
        b[n,t] = log(exp(b[n,t-1] + s[n,t,0]) + [t >= 1]*exp(b[n,t-2] + s[n,t,1]) + [t >= 2]*exp(b[n,t-3] + s[n,t,2]))
        b[n,-1] = 0; b[n,-2] = 0; b[n,-3] = 0
        e[n] = b[n,T-1]
        input s[N,T,D]""",
        _semi_markov,
        "s 2,5,3",
    ),
    "soft_edit_distance": Written(
        """tau = 0.5
        input c[I,J]
        d < I + J + 1; i < I + 1
        v[d,i] = [0 <= d - i <= J] * ([d == 0] + exp(-1/tau)*(v[d-1,i-1] + v[d-1,i]) \\
            + exp(-c[i-1,d-i-1]/tau)*v[d-2,i-1])
        v[-1,i] = 0; v[-2,i] = 0
        e = -tau*log(v[I+J,I])""",
        _soft_edit,
        "c 4,3 +",
    ),
}
