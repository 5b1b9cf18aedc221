"""Losses over all paths through a sequence, forward equations only; each is the mean over the batch.

Sums of probabilities over paths are recurrences of logarithms, taken relative to the largest summand, so that nothing
overflows; that counts as a constant, since no sum depends on it.
"""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.index import integers
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer

N, T, K, S = integers("N T K S")


def ctc_loss() -> Layer:
    """Minus the log-probability that the log-probabilities x spell the labels t, blanks and repetitions left out.

    Of an example r[n] positions and h[n] labels count; labels behind those must be classes, such as the blank. b and a
    are the log-probabilities of all paths to a position that have passed u labels, and end in a blank or in the last of
    these labels; -1e30 stands for none, and so for a log-probability of -infinity. An example's loss is divided by its
    number of labels, as PyTorch's is; an example that no path spells counts 0 and has no gradient, as with PyTorch's
    zero_infinity.
    """
    return read(
        """
        input x[N, T, K], t[N, S], r[N], h[N]
        integer t, r, h
        constant c, m, d
        blank = 0
        u < S + 1
        c[n, i, u] = max(b[n, i-1, u], a[n, i-1, u])
        b[n, i, u] = max(x[n, i, blank], -1e30) + c[n, i, u] \\
            + log(exp(b[n, i-1, u] - c[n, i, u]) + exp(a[n, i-1, u] - c[n, i, u]))
        f[n, i, u] = a[n, i-1, value(u - 1, -1e30)] - 1e30 * [t[n, u-1] == t[n, u-2]]
        g[n, i, u] = b[n, i-1, value(u - 1, -1e30)]
        m[n, i, u] = max(a[n, i-1, u], g[n, i, u], f[n, i, u])
        w[n, i, u] = exp(a[n, i-1, u] - m[n, i, u]) + exp(g[n, i, u] - m[n, i, u]) + exp(f[n, i, u] - m[n, i, u])
        a[n, i, u] = max(x[n, i, t[n, u-1]], -1e30) + m[n, i, u] + log(w[n, i, u])
        b[n, -1, u] = -1e30 * [u > 0]
        a[n, -1, u] = -1e30
        p[n] = b[n, r[n] - 1, h[n]]
        o[n] = a[n, r[n] - 1, h[n]]
        d[n] = max(p[n], o[n])
        z[n] = [d[n] > -1e29] * (d[n] + log(exp(p[n] - d[n]) + exp(o[n] - d[n])))
        y = -(sum(n) z[n] / max(h[n], 1) / N)
        """,
        "ctc_loss",
        class_name="CTCLoss",
        title=LAYERS["ctc_loss"].title,
        axes=((N, "batch"), (T, "positions"), (K, "classes"), (S, "labels")),
        source="Graves et al., Connectionist temporal classification, 2006, eqs. 5 to 8",
    )


def crf_loss() -> Layer:
    """Minus the log-probability of the labels t in a chain with scores x and w of a label and of its successor.

    Of an example the first r[n] positions count, at least one; s and f are scores of the first and the last label.
    a[n,i,k] is the logarithm of the sum over all paths to label k at position i, and v to the position behind it.
    """
    return read(
        """
        input x[N, T, K], t[N, T], r[N], w[K, K], s[K], f[K]
        integer t, r
        weight w, s, f
        constant m, h
        a[n, i, k] = x[n, i, k] + v[n, i-1, k]
        m[n, i, k] = max(j) (a[n, i, j] + w[j, k])
        v[n, i, k] = m[n, i, k] + log(sum(j) exp(a[n, i, j] + w[j, k] - m[n, i, k]))
        v[n, -1, k] = s[k]
        c[n, k] = a[n, r[n] - 1, k] + f[k]
        h[n] = max(k) c[n, k]
        z[n] = h[n] + log(sum(k) exp(c[n, k] - h[n]))
        g[n] = s[t[n, 0]] + f[t[n, r[n] - 1]] + sum(i) [i < r[n]] * x[n, i, t[n, i]] \\
            + sum(i) [0 < i, i < r[n]] * w[t[n, i-1], t[n, i]]
        y = sum(n) (z[n] - g[n]) / N
        """,
        "crf_loss",
        class_name="CRFLoss",
        title=LAYERS["crf_loss"].title,
        features=(("num_labels", K),),
        axes=((N, "batch"), (T, "positions"), (K, "labels")),
        source="Lafferty, McCallum and Pereira, Conditional random fields, 2001, section 3",
    )
