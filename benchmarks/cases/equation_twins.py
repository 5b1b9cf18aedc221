"""The equations in PyTorch, as its users write them: with its own operators where it has them."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional


def _swiglu(x: Any, w: Any, v: Any, o: Any) -> Any:
    return (functional.silu(x @ w) * (x @ v)) @ o


def _cumsum(x: Any) -> Any:
    return x.cumsum(1)


def _causal(length: int) -> Any:
    return torch.ones(length, length).tril().bool()


def _linear_attention(q: Any, k: Any, v: Any) -> Any:
    scores = q @ k.transpose(1, 2)
    return scores.masked_fill(~_causal(q.shape[1]), 0) @ v


def _retention(q: Any, k: Any, v: Any, g: Any) -> Any:
    places = torch.arange(q.shape[1], dtype=q.dtype)
    apart = (places[None] - places[:, None]).clamp(max=0)
    decay = torch.exp(apart * functional.softplus(g)[:, None, None])
    return (q @ k.transpose(1, 2) * decay).masked_fill(~_causal(q.shape[1]), 0) @ v


def _mamba(x: Any, d: Any, a: Any, b: Any, r: Any) -> Any:
    step = functional.softplus(d)
    t, rate = step.cumsum(1), functional.softplus(a)
    apart = (t[:, None] - t[:, :, None]).clamp(max=0)  # n i j c
    decay = torch.exp(apart[..., None] * rate).masked_fill(~_causal(x.shape[1])[..., None, None], 0)
    inner = torch.einsum("nis,njs,nijcs->nijc", r, b, decay)
    return torch.einsum("nijc,njc->nic", inner, step * x)


def _gat(h: Any, w: Any, a: Any, b: Any, s: Any, t: Any) -> Any:
    z = h @ w
    u = functional.leaky_relu((z @ a)[s] + (z @ b)[t], 0.2)
    m = torch.full((h.shape[0],), -math.inf, dtype=h.dtype).scatter_reduce(0, t, u.detach(), "amax")
    g = torch.exp(u - m[t])
    total = torch.zeros(h.shape[0], dtype=h.dtype).index_add(0, t, g)
    return torch.zeros_like(z).index_add(0, t, (g / total[t])[:, None] * z[s])


def _nerf(s: Any, d: Any, c: Any) -> Any:
    o = functional.softplus(s) * d.abs()
    t = torch.exp(o - o.cumsum(1))
    return torch.einsum("ni,nik->nk", t * (1 - torch.exp(-o)), c)


def _hats(u: Any, extent: int) -> Any:
    return functional.relu(1 - (4 * u[..., None] + (extent - 1) / 2 - torch.arange(extent, dtype=u.dtype)).abs())


def _bilinear(x: Any, u: Any, v: Any) -> Any:
    rows = torch.einsum("pi,nijc->npjc", _hats(u, x.shape[1]), x)
    return torch.einsum("qj,npjc->npqc", _hats(v, x.shape[2]), rows)


def _transformer(x: Any, u: Any, v: Any) -> Any:
    rows = torch.einsum("npi,nijc->npjc", _hats(u, x.shape[1]), x)
    return torch.einsum("npj,npjc->npc", _hats(v, x.shape[2]), rows)


def _segments(x: Any, o: Any) -> Any:
    return torch.segment_reduce(x, "sum", offsets=o, axis=0)


def _experts(x: Any, w: Any, t: Any) -> Any:
    y = x.new_zeros(x.shape[0], w.shape[2])
    for m in range(w.shape[0]):
        rows = (t == m).nonzero()[:, 0]
        y = y.index_copy(0, rows, x[rows] @ w[m])
    return y


def _gated_experts(x: Any, g: Any, w: Any) -> Any:
    return torch.einsum("nm,nmk->nk", functional.softmax(x @ g, -1), torch.einsum("nc,mck->nmk", x, w))


def _messages(x: Any, w: Any, u: Any, s: Any, t: Any) -> Any:
    sent = functional.relu(x[s] @ w + x[t] @ u)
    return x.new_zeros(x.shape[0], w.shape[1]).index_add(0, t, sent)


def _s4(x: Any, a: Any, b: Any, r: Any) -> Any:
    length = x.shape[1]
    h = torch.einsum(
        "cs,lcs->lc", r * b, torch.exp(-torch.arange(length, dtype=x.dtype)[:, None, None] * functional.softplus(a))
    )
    product = torch.fft.rfft(h, 2 * length, 0) * torch.fft.rfft(x, 2 * length, 1)
    return torch.fft.irfft(product, 2 * length, 1)[:, :length]


def _fno(x: Any, f: Any, g: Any, a: Any, b: Any) -> Any:
    p, q = (torch.einsum("lm,nlc->nmc", basis, x) for basis in (f, g))
    real = torch.einsum("nmc,mck->nmk", p, a) - torch.einsum("nmc,mck->nmk", q, b)
    imaginary = torch.einsum("nmc,mck->nmk", p, b) + torch.einsum("nmc,mck->nmk", q, a)
    return torch.einsum("lm,nmk->nlk", f, real) + torch.einsum("lm,nmk->nlk", g, imaginary)


def _non_local(x: Any, a: Any, b: Any, h: Any) -> Any:
    return x + (x @ a) @ ((x @ b).transpose(1, 2) @ (x @ h)) / x.shape[1]


def _kan(x: Any, p: Any, w: Any) -> Any:
    return torch.exp(-((x[..., None] - p) ** 2) * 4).flatten(1) @ w.flatten(0, 1)


def _blur(x: Any, w: Any, v: Any) -> Any:
    channels = x.shape[-1]
    images = functional.pad(x.permute(0, 3, 1, 2), (len(v) // 2,) * 2 + (len(w) // 2,) * 2, "reflect")
    rows = functional.conv2d(images, w.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
    return functional.conv2d(rows, v.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels).permute(0, 2, 3, 1)


def _alibi(q: Any, k: Any, v: Any, a: Any) -> Any:
    length = q.shape[3]
    places = torch.arange(length, dtype=q.dtype)
    s = q @ k.transpose(2, 3)[:, :, None] / math.sqrt(q.shape[-1]) - a.abs()[..., None, None] * (
        places[:, None] - places
    )
    return functional.softmax(s.masked_fill(~_causal(length), -math.inf), -1) @ v[:, :, None]


def _sliding(q: Any, k: Any, v: Any) -> Any:
    places = torch.arange(q.shape[1])
    apart = places[:, None] - places
    seen = (apart >= 0) & (apart < 16)
    s = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
    return functional.softmax(s.masked_fill(~seen, -math.inf), -1) @ v


def _moving(x: Any) -> Any:
    return functional.pad(x.transpose(1, 2), (63, 0)).unfold(2, 64, 1).sum(-1).transpose(1, 2)


def _cp(x: Any, z: Any, a: Any, b: Any, c: Any) -> Any:
    return ((x @ a) * (z @ b)) @ c.T


def _machine(x: Any, w: Any, v: Any) -> Any:
    return x @ w + 0.5 * ((x @ v) ** 2 - (x**2) @ (v**2)).sum(1)


def _segment_softmax(x: Any, t: Any, r: Any) -> Any:
    m = torch.full_like(r, -math.inf).scatter_reduce(0, t[:, None].expand_as(x), x.detach(), "amax")
    g = torch.exp(x - m[t])
    total = torch.zeros_like(r).index_add(0, t, g)
    return g / total[t] * r[t]


def _geglu(x: Any, w: Any, v: Any, o: Any, a: Any) -> Any:
    h = x * a * torch.rsqrt((x**2).mean(1, keepdim=True) + 1e-5)
    return x + (functional.gelu(h @ w) * (h @ v)) @ o


def _rotary(q: Any, k: Any) -> Any:
    length, width = q.shape[1:]
    angle = torch.arange(length, dtype=q.dtype)[:, None] / 100 ** (torch.arange(width, dtype=q.dtype) / width)
    cos, sin = angle.cos(), angle.sin()
    return (q * cos) @ (k * cos).transpose(1, 2) + (q * sin) @ (k * sin).transpose(1, 2)


def _bilinear_attention(x: Any, z: Any, w: Any, v: Any) -> Any:
    return functional.silu(x @ w @ z.transpose(1, 2)) @ v


def _adapter(x: Any, w: Any, a: Any, b: Any) -> Any:
    return x @ w + 2 * (x @ a) @ b


def _rms(x: Any, g: Any) -> Any:
    return g * x * torch.rsqrt((x**2).mean(1, keepdim=True) + 1e-5)


def _distances(x: Any, m: Any) -> Any:
    return torch.exp(-((x**2).sum(1)[:, None] - 2 * x @ m.T + (m**2).sum(1)) / x.shape[1])


TWINS: Mapping[str, Callable[..., Any]] = {
    "swiglu": _swiglu,
    "cumsum": _cumsum,
    "causal linear attention": _linear_attention,
    "retention": _retention,
    "mamba": _mamba,
    "gat": _gat,
    "nerf": _nerf,
    "bilinear hats": _bilinear,
    "spatial transformer": _transformer,
    "segments": _segments,
    "experts": _experts,
    "gated experts": _gated_experts,
    "message passing": _messages,
    "s4": _s4,
    "fno": _fno,
    "non-local": _non_local,
    "kan": _kan,
    "blur": _blur,
    "alibi": _alibi,
    "sliding window": _sliding,
    "moving sum": _moving,
    "cp tensor": _cp,
    "factorisation machine": _machine,
    "segment softmax": _segment_softmax,
    "geglu block": _geglu,
    "rotary scores": _rotary,
    "bilinear attention": _bilinear_attention,
    "low-rank adapter": _adapter,
    "rms norm": _rms,
    "squared distances": _distances,
}
"""By the equation's title."""
