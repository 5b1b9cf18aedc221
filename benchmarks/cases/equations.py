"""Equations of papers as their users write them, with sizes: what has to be fast without rewriting. Data only."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

EQUATIONS = "equations"
"""The group of their rows, and their kind."""


@dataclass(frozen=True)
class Equation:
    """A text and the sizes of its arrays.

    Attributes:
        title: what the paper calls it.
        text: as a user writes it; all inputs are arguments, and all real ones are differentiated by.
        axes: those of each input in the order of the functions' arguments, and of dy: letters of `sizes`, numbers.
            ``<V`` behind them says that the array holds integers below V, ``/L`` where segments of L elements begin.
        sizes: by letter.
    """

    title: str
    text: str
    axes: tuple[tuple[str, str], ...]
    sizes: tuple[tuple[str, int], ...]
    group: str = EQUATIONS
    kind: str = EQUATIONS

    @property
    def name(self) -> str:
        """What its module is called."""
        return "".join(c if c.isalnum() else "_" for c in self.title)

    @property
    def operations(self) -> tuple[str, ...]:
        """Forward and all gradients, one behind the other, are timed as one."""
        return ("step",)

    def touched(self, _: str) -> tuple[str, ...]:
        """Nobody counts what a step reads."""
        return ()

    def flops(self, _: str) -> float:
        """Nor what it computes."""
        return 0.0

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each array."""
        return {name: self._shape(axes) for name, axes in self.axes}

    def arrays(self, dtype: str) -> dict[str, NDArray[Any]]:
        """Random arrays, the same in every process."""
        rng = np.random.default_rng(0)
        found: dict[str, NDArray[Any]] = {}
        for name, axes in self.axes:
            shape, (kind, limit) = self._shape(axes), self._integers(axes)
            if kind == "<":
                found[name] = rng.integers(0, limit, shape)
            elif kind == "/":
                inner = np.sort(rng.integers(0, limit + 1, shape[0] - 2))
                found[name] = np.concatenate([[0], inner, [limit]])
            else:
                found[name] = (0.5 * rng.standard_normal(shape, np.float32)).astype(dtype)
        return found

    def reduced(self) -> "Equation":
        """The same with sizes that take no time."""
        return replace(self, sizes=tuple((letter, min(size, 3 + k)) for k, (letter, size) in enumerate(self.sizes)))

    def _shape(self, axes: str) -> tuple[int, ...]:
        return tuple(self._size(axis) for axis in axes.split() if axis[0] not in "</")

    def _size(self, axis: str) -> int:
        letter, _, more = axis.partition("+")
        return (int(letter) if letter.isdigit() else dict(self.sizes)[letter]) + int(more or 0)

    def _integers(self, axes: str) -> tuple[str, int]:
        last = axes.rsplit(maxsplit=1)[-1]
        return (last[0], self._size(last[1:])) if last[0] in "</" else ("", 0)


def _case(title: str, text: str, axes: dict[str, str], **sizes: int) -> Equation:
    return Equation(title, text, tuple(axes.items()), tuple(sizes.items()))


TEXTS = (
    _case(
        "swiglu",
        """
        input x[N,C], w[C,F], v[C,F], o[F,K]
        g[n,f] = sum(c) x[n,c] * w[c,f]
        u[n,f] = sum(c) x[n,c] * v[c,f]
        y[n,k] = sum(f) g[n,f] * sigmoid(g[n,f]) * u[n,f] * o[f,k]
        """,
        {"x": "N C", "w": "C F", "v": "C F", "o": "F K", "dy": "N K"},
        N=128, C=256, F=704, K=256,
    ),
    _case("cumsum", "i < L; input x[N,L]; y[n,i] = sum(j) [j <= i] x[n,j]", {"x": "N L", "dy": "N L"}, N=8, L=4096),
    _case(
        "causal linear attention",
        "input q[N,L,D], k[N,L,D], v[N,L,E]; y[n,i,e] = sum(d,j) [j <= i] q[n,i,d] * k[n,j,d] * v[n,j,e]",
        {"q": "N L D", "k": "N L D", "v": "N L E", "dy": "N L E"},
        N=8, L=256, D=32, E=48,
    ),
    _case(
        "retention",
        """
        input q[N,L,D], k[N,L,D], v[N,L,E], g[N]
        y[n,i,e] = sum(d,j) [j <= i] q[n,i,d] * k[n,j,d] * exp((j - i) * softplus(g[n])) * v[n,j,e]
        """,
        {"q": "N L D", "k": "N L D", "v": "N L E", "g": "N", "dy": "N L E"},
        N=8, L=256, D=32, E=48,
    ),
    _case(
        "mamba",
        """
        input x[N,T,C], d[N,T,C], a[C,S], b[N,T,S], r[N,T,S]
        t[n,i,c] = sum(j) [j <= i] softplus(d[n,j,c])
        y[n,i,c] = sum(s,j) [j <= i] r[n,i,s] * exp((t[n,j,c] - t[n,i,c]) * softplus(a[c,s])) \\
            * softplus(d[n,j,c]) * b[n,j,s] * x[n,j,c]
        """,
        {"x": "N T C", "d": "N T C", "a": "C S", "b": "N T S", "r": "N T S", "dy": "N T C"},
        N=2, T=64, C=32, S=8,
    ),
    _case(
        "gat",
        """
        integer s, t
        input h[V,C], w[C,K], a[K], b[K], s[E], t[E]
        z[v,k] = sum(c) h[v,c] * w[c,k]
        p[v] = sum(k) z[v,k] * a[k]
        q[v] = sum(k) z[v,k] * b[k]
        u[e] = max(p[s[e]] + q[t[e]], 0.2 * (p[s[e]] + q[t[e]]))
        m[v] = max(e) [t[e] == v] u[e]
        g[e] = exp(u[e] - m[t[e]])
        l[v] = sum(e) [t[e] == v] g[e]
        y[v,k] = sum(e) [t[e] == v] g[e] / l[v] * z[s[e],k]
        constant m
        """,
        {"h": "V C", "w": "C K", "a": "K", "b": "K", "s": "E <V", "t": "E <V", "dy": "V K"},
        V=512, C=64, K=32, E=4096,
    ),
    _case(
        "nerf",
        """
        input s[N,I], d[N,I], c[N,I,K]
        o[n,i] = softplus(s[n,i]) * abs(d[n,i])
        t[n,i] = exp(-sum(j) [j < i] o[n,j])
        y[n,k] = sum(i) t[n,i] * (1 - exp(-o[n,i])) * c[n,i,k]
        """,
        {"s": "N I", "d": "N I", "c": "N I K", "dy": "N K"},
        N=1024, I=64, K=3,
    ),
    _case(
        "bilinear hats",
        """
        input x[N,I,J,C], u[P], v[Q]
        y[n,p,q,c] = sum(i,j) max(0, 1 - abs(4*u[p] + (I - 1)/2 - i)) \\
            * max(0, 1 - abs(4*v[q] + (J - 1)/2 - j)) * x[n,i,j,c]
        """,
        {"x": "N I J C", "u": "P", "v": "Q", "dy": "N P Q C"},
        N=4, I=24, J=25, C=16, P=32, Q=33,
    ),
    _case(
        "spatial transformer",
        """
        input x[N,I,J,C], u[N,P], v[N,P]
        y[n,p,c] = sum(i,j) max(0, 1 - abs(4*u[n,p] + (I - 1)/2 - i)) \\
            * max(0, 1 - abs(4*v[n,p] + (J - 1)/2 - j)) * x[n,i,j,c]
        """,
        {"x": "N I J C", "u": "N P", "v": "N P", "dy": "N P C"},
        N=4, I=16, J=17, C=8, P=128,
    ),
    _case(
        "segments",
        "integer o; input x[L,C], o[P]; s < P - 1; y[s,c] = sum(i) [o[s] <= i < o[s+1]] x[i,c]",
        {"x": "L C", "o": "S+1 /L", "dy": "S C"},
        L=8192, C=32, S=256,
    ),
    _case(
        "experts",
        """
        integer t
        input x[N,C], w[M,C,K], t[N]
        y[n,k] = sum(c) x[n,c] * w[t[n],c,k]
        """,
        {"x": "N C", "w": "M C K", "t": "N <M", "dy": "N K"},
        N=512, M=8, C=128, K=128,
    ),
    _case(
        "gated experts",
        """
        input x[N,C], g[C,M], w[M,C,K]
        u[n,m] = sum(c) x[n,c] * g[c,m]
        z[n] = max(m) u[n,m]
        p[n,m] = exp(u[n,m] - z[n]) / sum(o) exp(u[n,o] - z[n])
        y[n,k] = sum(m,c) p[n,m] * x[n,c] * w[m,c,k]
        """,
        {"x": "N C", "g": "C M", "w": "M C K", "dy": "N K"},
        N=128, C=128, K=127, M=8,
    ),
    _case(
        "message passing",
        """
        integer s, t
        v < V
        input x[V,C], w[C,K], u[C,K], s[E], t[E]
        m[e,k] = relu(sum(c) (x[s[e],c] * w[c,k] + x[t[e],c] * u[c,k]))
        y[v,k] = sum(e) [t[e] == v] m[e,k]
        """,
        {"x": "V C", "w": "C K", "u": "C K", "s": "E <V", "t": "E <V", "dy": "V K"},
        V=512, C=64, K=32, E=4096,
    ),
    _case(
        "s4",
        """
        input x[N,L,C], a[C,S], b[C,S], r[C,S]
        i < L; t < L
        h[i,c] = sum(s) r[c,s] * b[c,s] * exp(-i * softplus(a[c,s]))
        y[n,t,c] = sum(j) [j <= t] h[t-j,c] * x[n,j,c]
        """,
        {"x": "N L C", "a": "C S", "b": "C S", "r": "C S", "dy": "N L C"},
        N=4, L=256, C=32, S=16,
    ),
    _case(
        "fno",
        """
        input x[N,L,C], f[L,M], g[L,M], a[M,C,K], b[M,C,K]
        p[n,m,c] = sum(l) f[l,m] * x[n,l,c]
        q[n,m,c] = sum(l) g[l,m] * x[n,l,c]
        y[n,l,k] = sum(m,c) (f[l,m] * (p[n,m,c] * a[m,c,k] - q[n,m,c] * b[m,c,k]) \\
            + g[l,m] * (p[n,m,c] * b[m,c,k] + q[n,m,c] * a[m,c,k]))
        """,
        {"x": "N L C", "f": "L M", "g": "L M", "a": "M C K", "b": "M C K", "dy": "N L K"},
        N=4, L=256, M=12, C=32, K=33,
    ),
    _case(
        "non-local",
        """
        input x[N,I,C], a[C,D], b[C,D], h[C,C]
        y[n,i,k] = x[n,i,k] + sum(j,d,c,l,e) x[n,i,c] * a[c,d] * x[n,j,l] * b[l,d] * x[n,j,e] * h[e,k] / I
        """,
        {"x": "N I C", "a": "C D", "b": "C D", "h": "C C", "dy": "N I C"},
        N=2, I=128, C=64, D=32,
    ),
    _case(
        "kan",
        """
        input x[N,C], p[G], w[C,G,K]
        y[n,k] = sum(c,g) exp(-(x[n,c] - p[g])^2 * 4) * w[c,g,k]
        """,
        {"x": "N C", "p": "G", "w": "C G K", "dy": "N K"},
        N=256, C=64, G=8, K=65,
    ),
    _case(
        "blur",
        """
        input x[N,I,J,C], w[R], v[T]
        y[n,i,j,c] = sum(r,t) x[n, reflect(i + r - 2), reflect(j + t - 2), c] * w[r] * v[t]
        i < I; j < J
        """,
        {"x": "N I J C", "w": "R", "v": "T", "dy": "N I J C"},
        N=4, I=64, J=65, C=16, R=5, T=5,
    ),
    _case(
        "alibi",
        """
        input q[N,G,H,L,D], k[N,G,L,D], v[N,G,L,D], a[G,H]
        s[n,g,h,i,j] = sum(d) q[n,g,h,i,d] * k[n,g,j,d] / sqrt(D) - abs(a[g,h]) * (i - j)
        m[n,g,h,i] = max(j) [j <= i] s[n,g,h,i,j]
        p[n,g,h,i,j] = [j <= i] exp(s[n,g,h,i,j] - m[n,g,h,i])
        y[n,g,h,i,d] = sum(j) p[n,g,h,i,j] / (sum(l) p[n,g,h,i,l]) * v[n,g,j,d]
        """,
        {"q": "N G H L D", "k": "N G L D", "v": "N G L D", "a": "G H", "dy": "N G H L D"},
        N=2, G=2, H=4, L=128, D=32,
    ),
    _case(
        "sliding window",
        """
        input q[N,L,D], k[N,L,D], v[N,L,D]
        W = 16
        s[n,i,j] = sum(d) q[n,i,d] * k[n,j,d] / sqrt(D)
        m[n,i] = max(j) [i - W < j <= i] s[n,i,j]
        p[n,i,j] = [i - W < j <= i] exp(s[n,i,j] - m[n,i])
        y[n,i,d] = sum(j) p[n,i,j] / (sum(l) p[n,i,l]) * v[n,j,d]
        """,
        {"q": "N L D", "k": "N L D", "v": "N L D", "dy": "N L D"},
        N=8, L=256, D=32,
    ),
    _case(
        "moving sum",
        "W = 64; i < L; input x[N,L,C]; y[n,i,c] = sum(j) [i - W < j <= i] x[n,j,c]",
        {"x": "N L C", "dy": "N L C"},
        N=4, L=1024, C=8,
    ),
    _case(
        "cp tensor",
        """
        input x[N,I], z[N,J], a[I,R], b[J,R], c[K,R]
        y[n,k] = sum(i,j,r) x[n,i] * z[n,j] * a[i,r] * b[j,r] * c[k,r]
        """,
        {"x": "N I", "z": "N J", "a": "I R", "b": "J R", "c": "K R", "dy": "N K"},
        N=128, I=64, J=65, R=32, K=48,
    ),
    _case(
        "factorisation machine",
        """
        input x[N,I], w[I], v[I,K]
        y[n] = sum(i) w[i] * x[n,i] + sum(i,j) [i < j] (sum(k) v[i,k] * v[j,k]) * x[n,i] * x[n,j]
        """,
        {"x": "N I", "w": "I", "v": "I K", "dy": "N"},
        N=256, I=64, K=16,
    ),
    _case(
        "segment softmax",
        """
        integer t
        v < V
        input x[E,C], t[E], r[V,C]
        m[v,c] = max(e) [t[e] == v] x[e,c]
        g[e,c] = exp(x[e,c] - m[t[e],c])
        l[v,c] = sum(e) [t[e] == v] g[e,c]
        y[e,c] = g[e,c] / l[t[e],c] * r[t[e],c]
        constant m
        """,
        {"x": "E C", "t": "E <V", "r": "V C", "dy": "E C"},
        V=512, C=16, E=4096,
    ),
    _case(
        "geglu block",
        """
        input x[N,C], w[C,F], v[C,F], o[F,C], a[C]
        h[n,c] = x[n,c] * a[c] / sqrt(sum(j) x[n,j]^2 / C + 0.00001)
        g[n,f] = sum(c) h[n,c] * w[c,f]
        y[n,k] = x[n,k] + sum(f) g[n,f] * (1 + erf(g[n,f] / sqrt(2))) / 2 * (sum(c) h[n,c] * v[c,f]) * o[f,k]
        """,
        {"x": "N C", "w": "C F", "v": "C F", "o": "F C", "a": "C", "dy": "N C"},
        N=128, C=192, F=512,
    ),
    _case(
        "rotary scores",
        """
        input q[N,L,D], k[N,L,D]
        y[n,i,j] = sum(d) (q[n,i,d] * cos(i / 100^(d / D)) * k[n,j,d] * cos(j / 100^(d / D)) \\
            + q[n,i,d] * sin(i / 100^(d / D)) * k[n,j,d] * sin(j / 100^(d / D)))
        """,
        {"q": "N L D", "k": "N L D", "dy": "N L L"},
        N=8, L=128, D=64,
    ),
    _case(
        "bilinear attention",
        """
        input x[N,L,C], z[N,T,D], w[C,D], v[T,K]
        s[n,i,t] = sum(c,d) x[n,i,c] * w[c,d] * z[n,t,d]
        y[n,i,k] = sum(t) s[n,i,t] * sigmoid(s[n,i,t]) * v[t,k]
        """,
        {"x": "N L C", "z": "N T D", "w": "C D", "v": "T K", "dy": "N L K"},
        N=8, L=64, C=48, T=65, D=32, K=33,
    ),
    _case(
        "low-rank adapter",
        """
        input x[N,C], w[C,K], a[C,R], b[R,K]
        y[n,k] = sum(c) x[n,c] * (w[c,k] + 2 * (sum(r) a[c,r] * b[r,k]))
        """,
        {"x": "N C", "w": "C K", "a": "C R", "b": "R K", "dy": "N K"},
        N=128, C=256, K=257, R=8,
    ),
    _case(
        "rms norm",
        "input x[N,C], g[C]; y[n,c] = g[c] * x[n,c] / sqrt(sum(j) x[n,j]^2 / C + 0.00001)",
        {"x": "N C", "g": "C", "dy": "N C"},
        N=2048, C=256,
    ),
    _case(
        "squared distances",
        "input x[N,C], m[K,C]; y[n,k] = exp(-sum(c) (x[n,c] - m[k,c])^2 / C)",
        {"x": "N C", "m": "K C", "dy": "N K"},
        N=512, C=64, K=128,
    ),
)  # fmt: skip
"""Each is a row of the benchmarks."""
