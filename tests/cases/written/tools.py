"""The examples of other tools' documentation: Tullio, einx, Tensor Comprehensions."""

from typing import Any

import pytest

from tests.cases.written.written import Written

torch = pytest.importorskip("torch")
F = torch.nn.functional


def _circular(x: Any, size: int) -> Any:
    return F.pad(x[None, None], (size, size, size, size), mode="circular")[0, 0]


def _kernel(size: int) -> Any:
    at = torch.arange(2 * size + 1) - size
    return 1.0 / (1 + at[:, None].double() ** 2 + at.double() ** 2)


TULLIO = {
    "stencil": Written(
        "M[x,y,c] = sum(i,j) N[x+i, y+j, c] * K[i,j]",
        lambda n, k: F.conv2d(n.permute(2, 0, 1)[:, None], k[None, None])[:, 0].permute(1, 2, 0),
        "N 5,6,2; K 2,3",
    ),
    "relative_entropy": Written(
        "S[x] = sum(y) P[x,y] * log(Q[x,y] / R[y])",
        lambda p, q, r: (p * (q / r).log()).sum(1),
        "P 4,3 +; Q 4,3 +; R 3 +",
    ),
    "mttkrp": Written(
        "A[i,j] = sum(k,l) B[i,k,l] * C[l,j] * D[k,j]",
        lambda b, c, d: torch.einsum("ikl,lj,kj->ij", b, c, d),
        "B 3,4,2; C 2,5; D 4,5",
    ),
    "product_of_looked_up": Written(
        "integer ind; Z[j] = prod(k) X[ind[k],j] * exp(-Y[k])",
        lambda ind, x, y: (x[ind] * (-y).exp()[:, None]).prod(0),
        "ind 4 <3; X 3,2; Y 4",
    ),
    "offsets_modulo": Written(
        """integer a, b
        input mat[X,Y], a[K], b[K]; x < X; y < Y
        out[x,y] = sum(k) mat[(x + a[k]) % X, (y + b[k]) % Y]""",
        lambda mat, a, b: sum(torch.roll(mat, (-int(p), -int(q)), (0, 1)) for p, q in zip(a, b, strict=True)),
        "mat 4,5; a 3 <4; b 3 <5",
    ),
    "log_of_sum": Written("lse[j] = log(sum(i) exp(mat[i,j]))", lambda mat: mat.exp().sum(0).log(), "mat 3,7"),
    "kept_axis": Written(
        "S[0,c] = sum(r) M[r,c]; Q[p,c] = M[p,c] + sqrt(S[0,c])",
        lambda m: m + m.sum(0, keepdim=True).sqrt(),
        "M 3,7 +",
    ),
    "greatest_square": Written(
        "T[j,i,d] = R[d,i,j] + 10; X[i] = max(j,d) T[j,i,d]^2",
        lambda r: ((r + 10) ** 2).amax((0, 2)),
        "R 5,3,4",
    ),
    "downsample": Written("B[i] = (A[2*i] + A[2*i+1])/2", lambda a: (a[::2] + a[1::2]) / 2, "A 10"),
    "hankel": Written("M[i,j] = A[i+j]; j < 3", lambda a: a.unfold(0, 3, 1), "A 9"),
    "centred_filter": Written(
        "C[i] = sum(j) A[i+j-2] * K[j]",
        lambda a, k: F.conv1d(a[None, None], k[None, None], padding=2)[0, 0],
        "A 9; K 5",
    ),
    "integers_as_values": Written(
        "integer k; i < 5; D[i,j] = A[2*k[j]+i] / (k[j] + 1)",
        lambda k, a: torch.stack([a[2 * int(v) : 2 * int(v) + 5] / (int(v) + 1) for v in k], 1),
        "k 4 <3; A 9",
    ),
    "wrapped": Written(
        "M[i,j] = A[circular(i+j)]; i < 5; j < 4; input A[L]",
        lambda a: torch.stack([torch.roll(a, -j, 0)[:5] for j in range(4)], 1),
        "A 6",
    ),
    "wrapped_by_remainder": Written(
        "M[i,j] = A[(i+j) % L]; i < 9; j < 8; input A[L]",
        lambda a: a[(torch.arange(9)[:, None] + torch.arange(8)) % 6],
        "A 6",
    ),
    "clamped": Written(
        "M[i,j] = A[replicate(i+j)]; i < 5; j < 9; input A[L]",
        lambda a: a[(torch.arange(5)[:, None] + torch.arange(9)).clamp(max=5)],
        "A 6",
    ),
    "padded": Written(
        "M[i,j] = A[i+j-3]; i < 7; j < 4; input A[L]",
        lambda a: F.pad(a, (3, 4))[torch.arange(7)[:, None] + torch.arange(4)],
        "A 6",
    ),
    "fourier": Written(
        "k < X; F[k] = sum(x) S[x] * exp(complex(0, -pi/8*(k-1)*x)); input S[X]",
        lambda s: torch.view_as_real(
            torch.exp(-1j * torch.pi / 8 * torch.outer(torch.arange(8) - 1.0, torch.arange(8)).double())
            @ s.to(torch.complex128)
        ),
        "S 8",
    ),
    "norms": Written(
        "N2[j] = sqrt(sum(i) M[i,j]^2); n3 = (sum(j) A[j]^3)^(1/3); output N2, n3",
        lambda m, a: ((m * m).sum(0).sqrt(), (a**3).sum() ** (1 / 3)),
        "M 3,4; A 4 +",
    ),
    "product_of_neighbours": Written("P[i] = prod(k) A[i+k]; k < 3", lambda a: a.unfold(0, 3, 1).prod(1), "A 9"),
    "least_and_where": Written(
        "m[j] = min(i) D[i,j]; t[j] = argmin(i) D[i,j]; y[j] = m[j] * c[t[j]]",
        lambda d, c: d.min(0).values * c[d.argmin(0)],
        "D 4,5; c 4",
    ),
    "skewed": Written(
        "S[i] = sum(j,k) M[i+1, j-i, k]; j < 4; input M[A,B,K]",
        lambda m: torch.stack([m[i + 1, : max(0, 4 - i)].sum() for i in range(4)]),
        "M 5,4,2",
    ),
    "batch_first_of_one": Written(
        "C[i,k,b] = sum(j) A[i,j,b] * B[b,k,j]", lambda a, b: torch.einsum("ijb,bkj->ikb", a, b), "A 2,3,4; B 4,5,3"
    ),
    "chain": Written("D[i,l] = sum(j,k) A[i,j] * B[j,k] * C[k,l]", lambda a, b, c: a @ b @ c, "A 2,3; B 3,4; C 4,5"),
    "mahalanobis_of_pairs": Written(
        "R[i,j] = sum(m,v) (M[m,i] - M[m,j]) * S[m,v] * (M[v,i] - M[v,j])",
        lambda m, s: torch.einsum("mij,mv,vij->ij", d := m[:, :, None] - m[:, None], s, d),
        "M 3,4; S 3,3",
    ),
    "sum_of_opposites": Written(
        "s = sum(i,j) X[i,j] * log(Y[j,i])", lambda x, y: (x * y.T.log()).sum(), "X 4,3; Y 3,4 +"
    ),
    "strided_flipped": Written(
        "y[i,j] = sum(a,b) x[2*i-a, 2*j-b] * k[a,b]",
        lambda x, k: F.conv2d(F.pad(x[None, None], (2, 2, 2, 2)), k.flip(0, 1)[None, None], stride=2)[0, 0],
        "x 7,7; k 3,3",
    ),
    "greatest_cube": Written("res = max(i) x[i]^3", lambda x: (x**3).max(), "x 6"),
    "cyclic_kernel": Written(
        """kern[i,j] = 1/(1 + (i-1)^2 + (j-1)^2); i < 3; j < 3
        out[x,y] = sum(i,j) mat[circular(x+i-1), circular(y+j-1)] * kern[i,j]""",
        lambda mat: F.conv2d(_circular(mat, 1)[None, None], _kernel(1)[None, None])[0, 0],
        "mat 5,4",
    ),
    "clamped_offsets": Written(
        """integer a, b
        input mat[X,Y], a[K], b[K]; x < X; y < Y
        out[x,y] = sum(k) mat[min(x + a[k], X - 1), min(y + b[k], Y - 1)] * 10""",
        lambda mat, a, b: sum(
            10 * mat[(torch.arange(4) + p).clamp(max=3)[:, None], (torch.arange(5) + q).clamp(max=4)]
            for p, q in zip(a, b, strict=True)
        ),
        "mat 4,5; a 3 <3; b 3 <3",
    ),
    "functions_by_row": Written(
        "y[r,c] = [r == 0]*sin(x[r,c]) + [r == 1]*cos(x[r,c]) + [r == 2]*tan(x[r,c])",
        lambda x: torch.stack([x[0].sin(), x[1].cos(), x[2].tan()]),
        "x 3,4",
    ),
}

EINX = {
    "flipped_pairs": Written("y[...,g,c] = x[...,g,1 - c]; c < 2; input x[...,G,C]", lambda x: x.flip(-1), "x 2,3,2"),
    "flipped_pairs_of_one_axis": Written(
        "y[n,c] = x[n, 2*(c//2) + 1 - c%2]; c < C; input x[N,C]", lambda x: x.view(2, 3, 2).flip(2).view(2, 6), "x 2,6"
    ),
    "spatial_mean": Written("y[b,c] = mean(x[b,...,c], ...)", lambda x: x.flatten(1, -2).mean(1), "x 2,3,4,5"),
    "sum_pool": Written(
        "r < 2; t < 2; y[b,i,j,c] = sum(r,t) x[b, 2*i+r, 2*j+t, c]",
        lambda x: F.avg_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1) * 4,
        "x 2,4,6,3",
    ),
    "outer_sum": Written("y[a,b] = x[a] + z[b]", lambda x, z: x[:, None] + z, "x 3; z 4"),
    "gather_at_coordinates": Written(
        "integer p; y[b,i,c] = x[b, p[b,i,0], p[b,i,1], c]",
        lambda p, x: torch.stack([x[b, p[b, :, 0], p[b, :, 1]] for b in range(2)]),
        "p 2,4,2 <3; x 2,3,3,5",
    ),
    "split": Written(
        "q = 2; l[b,i] = x[b,i]; r[b,k] = x[b,q+k]; i < q; input x[B,C]; output l, r",
        lambda x: (x[:, :2], x[:, 2:]),
        "x 3,5",
    ),
    "append_number": Written("d < 1; y[b,c] = x[b,c]; y[b,C+d] += 42", lambda x: F.pad(x, (0, 1), value=42), "x 3,4"),
    "class_token": Written(
        "y[b,0,c] = t[c]; y[b,1+s,c] += x[b,s,c]; input x[B,S,C], t[C]",
        lambda x, t: torch.cat([t.expand(2, 1, 4), x], 1),
        "x 2,3,4; t 4",
    ),
    "joined_heads": Written(
        """h < 2
        a[b,q,k,h] = sum(c) x[b,q,h*C+c] * z[b,k,h*C+c]
        p[b,q,k,h] = softmax(a[b,q,k,h], k)
        y[b,q,h*C+c] = sum(k) p[b,q,k,h] * v[b,k,h*C+c]
        C = E // 2; c < C
        input x[B,Q,E], z[B,K,E], v[B,K,E]""",
        lambda x, z, v: torch.einsum(
            "bqkh,bkhc->bqhc",
            torch.einsum("bqhc,bkhc->bqkh", x.view(2, 3, 2, 2), z.view(2, 5, 2, 2)).softmax(2),
            v.view(2, 5, 2, 2),
        ).flatten(2),
        "x 2,3,4; z 2,5,4; v 2,5,4",
    ),
    "grouped_linear": Written(
        "y[..., g*K + k] = sum(c) x[..., g*C + c] * w[g,c,k]",
        lambda x, w: torch.einsum("ngc,gck->ngk", x.view(5, 2, 3), w).flatten(1),
        "x 5,6; w 2,3,4",
    ),
    "kronecker": Written("y[a*C + c, b*D + d] = x[a,b] * z[c,d]", torch.kron, "x 2,3; z 4,2"),
    "where": Written(
        "y[a,b] = [x[a] > 0]*z[a,b] + [x[a] <= 0]*w[b]",
        lambda x, z, w: torch.where(x[:, None] > 0, z, w),
        "x 4; z 4,3; w 3",
    ),
    "roll": Written("s = 2; y[a] = x[(a - s) % A]; input x[A]; a < A", lambda x: torch.roll(x, 2), "x 5"),
    "add_at": Written(
        "integer t; y[h,c] = x[h,c] + sum(i) [h == t[i]] * v[i,c]",
        lambda t, x, v: x.index_add(0, t, v),
        "t 5 <3; x 3,2; v 5,2",
    ),
    "patch_embedding": Written(
        "r < 2; t < 2; y[n,i,j,k] = sum(r,t,c) x[n, 2*i+r, 2*j+t, c] * w[r,t,c,k]",
        lambda x, w: F.conv2d(x.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1), stride=2).permute(0, 2, 3, 1),
        "x 2,4,6,3; w 2,2,3,5",
    ),
    "group_norm": Written(
        "g < G; z[n,s,g,c] = x[n,s,g*C+c]; y[n,s,g*C+c] = norm(z[n,s,g,c], s, c); G = 2; C = E//G; c < C; "
        "input x[N,S,E]",
        lambda x: F.group_norm(x.transpose(1, 2), 2).transpose(1, 2),
        "x 2,3,6",
    ),
}

COMPREHENSIONS = {
    "maxpool": Written(
        "sH = 2; sW = 3; kh < 2; kw < 3; output[b,c,h,w] = max(kh,kw) input[b,c, h*sH + kh, w*sW + kw]",
        lambda x: F.max_pool2d(x, (2, 3)),
        "input 2,3,4,6",
    ),
    "avgpool": Written(
        "sH = 2; sW = 2; output[b,c,h,w] = sum(kh,kw) input[b,c, h*sH + kh, w*sW + kw] / (KH*KW)",
        lambda x: F.avg_pool2d(x, (3, 2), 2),
        "input 2,3,7,6",
        {"KH": 3, "KW": 2},
    ),
    "convolution_strided": Written(
        """O[n,m,h,w] = sum(c,kh,kw) I[n,c, sh*h + kh, sw*w + kw] * W1[m,c,kh,kw]
        O[n,m,h,w] += B[m]""",
        lambda i, w, b: F.conv2d(i, w, b, stride=(2, 1)),
        "I 2,3,5,4; W1 2,3,3,2; B 2",
        {"sh": 2, "sw": 1},
    ),
    "group_convolution": Written(
        "O[n,g,f,h,w] = B[g,f] + sum(c,kh,kw) I[n,g,c,h+kh,w+kw] * W1[g,f,c,kh,kw]",
        lambda b, i, w: F.conv2d(i.flatten(1, 2), w.flatten(0, 1), b.flatten(), groups=2).view(1, 2, 3, 3, 3),
        "B 2,3; I 1,2,2,4,5; W1 2,3,2,2,3",
    ),
    "softmax_of_four": Written(
        """maxVal[n] = max(d) I[n,d]
        expDistance[n,d] = exp(I[n,d] - maxVal[n])
        expSum[n] = sum(d) expDistance[n,d]
        O[n,d] = expDistance[n,d] / expSum[n]
        output O, maxVal, expDistance, expSum""",
        lambda i: (i.softmax(1), m := i.amax(1), e := (i - m[:, None]).exp(), e.sum(1)),
        "I 3,4",
    ),
    "tensordot": Written(
        "O[n,c1,c3,h,w] = sum(c2) I0[n,c1,c2,h,w] * I1[n,c2,c3,h,w]",
        lambda a, b: torch.einsum("nabhw,nbchw->nachw", a, b),
        "I0 2,2,3,2,3; I1 2,3,2,2,3",
    ),
    "indexing": Written("integer index; O[l,w] = I[index[l],w]", lambda t, i: i[t], "index 4 <3; I 3,5"),
    "lut": Written("integer I; O[b,n] = sum(r) LUT[I[b,n],r]", lambda i, t: t[i].sum(-1), "I 2,4 <3; LUT 3,5"),
    "concat": Written(
        "i < 2; O[n,i,m] = [i == 0]*A[m,n] + [i != 0]*B[m,n]",
        lambda a, b: torch.stack([a.T, b.T], 1),
        "A 3,4; B 3,4",
    ),
    "small_mobilenet": Written(
        """U[c1,h,w] = max(B1[c1] + sum(kh,kw) I[c1, h + kh, w + kw] * W1[c1,kh,kw], 0)
        O[c2,h,w] = max(B2[c2] + sum(c1) U[c1,h,w] * W2[c2,c1], 0)
        output U, O""",
        lambda b1, i, w1, b2, w2: (
            u := F.conv2d(i[None], w1[:, None], b1, groups=3)[0].relu(),
            F.conv2d(u[None], w2[:, :, None, None], b2)[0].relu(),
        ),
        "B1 3; I 3,5,6; W1 3,2,3; B2 2; W2 2,3",
    ),
    "batchnorm": Written(
        """momentum = 0.1; eps = 1e-5
        mean[c] = sum(nn,hh,ww) I[nn,c,hh,ww] / (N*H*W)
        centered[n,c,h,w] = I[n,c,h,w] - mean[c]
        variance[c] = sum(n,h,w) centered[n,c,h,w]^2 / (N*H*W)
        rMeanOut[c] = (1 - momentum)*rMeanIn[c] + momentum*mean[c]
        rVarOut[c] = (1 - momentum)*rVarIn[c] + momentum*variance[c]
        O[n,c,h,w] = centered[n,c,h,w] / sqrt(variance[c] + eps)
        output O, rMeanOut, rVarOut""",
        lambda i, m, v: (
            F.batch_norm(i, None, None, training=True),
            0.9 * m + 0.1 * i.mean((0, 2, 3)),
            0.9 * v + 0.1 * i.var((0, 2, 3), unbiased=False),
        ),
        "I 3,2,2,2; rMeanIn 2; rVarIn 2 +",
    ),
    "cosine_similarity": Written(
        """eps = 1e-8
        a[m] = sum(n) I1[m,n]^2; b[m] = sum(n) I2[m,n]^2
        O[m] = sum(n) I1[m,n]*I2[m,n] / max(sqrt(a[m])*sqrt(b[m]), eps)""",
        F.cosine_similarity,
        "I1 3,4; I2 3,4",
    ),
    "two_tables_and_three_layers": Written(
        """integer I1, I2
        P1[b,d] = sum(l) LUT1[I1[b,l],d]; P2[b,e] = sum(m) LUT2[I2[b,m],e]
        x[b,d] = P1[b,d]; x[b,D+e] += P2[b,e]
        O2[b,o] = max(B2[o] + sum(n) x[b,n]*W2[o,n], 0)
        O3[b,p] = max(B3[p] + sum(o) O2[b,o]*W3[p,o], 0)
        O4[b,q] = max(B4[q] + sum(p) O3[b,p]*W4[q,p], 0)
        input I1[B,L], I2[B,M], LUT1[V,D], LUT2[U,E], W2[O,N], B2[O], W3[P,O], B3[P], W4[Q,P], B4[Q]""",
        lambda i1, i2, t1, t2, w2, b2, w3, b3, w4, b4: F.linear(
            F.linear(F.linear(torch.cat([t1[i1].sum(1), t2[i2].sum(1)], 1), w2, b2).relu(), w3, b3).relu(), w4, b4
        ).relu(),
        "I1 3,2 <4; I2 3,5 <4; LUT1 4,3; LUT2 4,2; W2 4,5; B2 4; W3 3,4; B3 3; W4 2,3; B4 2",
    ),
    "kronecker_of_three": Written(
        """a[m,p,q,k] = sum(r) W2[r,k] * X[m,p,q,r]
        b[m,p,j,k] = sum(q) W1[q,j] * a[m,p,q,k]
        Y[m,i,j,k] = sum(p) W0[p,i] * b[m,p,j,k]""",
        lambda w2, x, w1, w0: torch.einsum("pi,qj,rk,mpqr->mijk", w0, w1, w2, x),
        "W2 3,2; X 2,2,3,3; W1 3,2; W0 2,4",
    ),
    "transposed_batch_matmul": Written(
        "Z[b,n,k] = sum(m) X[b,n,m] * Y[b,k,m]", lambda x, y: x @ y.mT, "X 2,3,4; Y 2,5,4"
    ),
    "moments": Written(
        "mean[n] = sum(k) I[n,k]/K; var[n] = sum(k) I[n,k]^2/K - mean[n]^2; output mean, var",
        lambda i: (i.mean(1), i.var(1, unbiased=False)),
        "I 3,5",
    ),
    "cast": Written(
        "constant_ = 0.3; integer o; o[m,n] = floor(A[m,n] + constant_); y[m,n] = o[m,n] * A[m,n]",
        lambda a: (a + 0.3).detach().floor() * a,
        "A 3,4",
    ),
}
