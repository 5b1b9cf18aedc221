"""A perceptron and a transformer's block as users write them: as the equations of one layer, and as a network."""

PERCEPTRON = """
u[n,h] = b[h] + sum(c) x[n,c] * w[c,h]
a[n,h] = max(u[n,h], 0)
v[n,g] = d[g] + sum(h) a[n,h] * p[h,g]
e[n,g] = max(v[n,g], 0)
y[n,k] = f[k] + sum(g) e[n,g] * q[g,k]
weight w, b, p, d, q, f
"""
BLOCK = """
input x[N,T,C], gain[C], shift[C], wq[C,A,E], wk[C,A,E], wv[C,A,E], wo[A,E,C]
input gain2[C], shift2[C], w1[C,F], b1[F], w2[F,C], b2[C]
m[n,t] = sum(c) x[n,t,c] / C
d[n,t,c] = x[n,t,c] - m[n,t]
r[n,t] = 1/sqrt(sum(c) d[n,t,c]^2 / C + 0.00001)
h[n,t,c] = gain[c]*d[n,t,c]*r[n,t] + shift[c]
q[n,a,t,e] = sum(c) h[n,t,c]*wq[c,a,e]
k[n,a,t,e] = sum(c) h[n,t,c]*wk[c,a,e]
v[n,a,t,e] = sum(c) h[n,t,c]*wv[c,a,e]
s[n,a,t,j] = sum(e) q[n,a,t,e]*k[n,a,j,e] / sqrt(E)
z[n,a,t] = max(j) s[n,a,t,j]
g[n,a,t,j] = exp(s[n,a,t,j] - z[n,a,t])
l[n,a,t] = sum(j) g[n,a,t,j]
p[n,a,t,j] = g[n,a,t,j] / l[n,a,t]
o[n,a,t,e] = sum(j) p[n,a,t,j]*v[n,a,j,e]
i[n,t,c] = x[n,t,c] + sum(a,e) o[n,a,t,e]*wo[a,e,c]
m2[n,t] = sum(c) i[n,t,c] / C
d2[n,t,c] = i[n,t,c] - m2[n,t]
r2[n,t] = 1/sqrt(sum(c) d2[n,t,c]^2 / C + 0.00001)
h2[n,t,c] = gain2[c]*d2[n,t,c]*r2[n,t] + shift2[c]
u[n,t,f] = b1[f] + sum(c) h2[n,t,c]*w1[c,f]
ga[n,t,f] = max(u[n,t,f], 0)
y[n,t,c] = i[n,t,c] + b2[c] + sum(f) ga[n,t,f]*w2[f,c]
weight gain, shift, wq, wk, wv, wo, gain2, shift2, w1, b1, w2, b2
"""
LAYERS = {"perceptron": PERCEPTRON, "block": BLOCK}
"""Each as the text of one layer."""

NODES = {
    "heads": "input x[N,T,C], w[C,{A},{E}]; y[n,a,t,e] = sum(c) x[n,t,c] * w[c,a,e]; weight w",
    "attend": """
input q[N,A,T,E], k[N,A,T,E], v[N,A,T,E]
s[n,a,t,j] = sum(e) q[n,a,t,e]*k[n,a,j,e] / sqrt(E)
z[n,a,t] = max(j) s[n,a,t,j]
g[n,a,t,j] = exp(s[n,a,t,j] - z[n,a,t])
l[n,a,t] = sum(j) g[n,a,t,j]
p[n,a,t,j] = g[n,a,t,j] / l[n,a,t]
y[n,a,t,e] = sum(j) p[n,a,t,j]*v[n,a,j,e]
""",
    "merge": "input x[N,A,T,E], w[A,E,{C}]; y[n,t,c] = sum(a,e) x[n,a,t,e] * w[a,e,c]; weight w",
    "wide": "input x[N,T,C], w[C,{F}]; y[n,t,k] = b[k] + sum(c) x[n,t,c] * w[c,k]; weight w, b",
    "narrow": "input x[N,T,F], w[F,{C}]; y[n,t,k] = b[k] + sum(c) x[n,t,c] * w[c,k]; weight w, b",
}
"""Layers of the block's network; how many numbers come out of one is a size of its weight."""
NETWORKS = {
    "perceptron": """
input x[N, {C}]
hidden1: dense({H}) -> relu -> hidden2: dense({G}) -> relu -> output: dense({K})
""",
    "block": """
input x[N, {T}, {C}]
normalised = x -> norm1: layer_norm
query = normalised -> q: heads
key = normalised -> k: heads
value = normalised -> v: heads
attended = (query, key, value) -> attend -> o: merge
inner = (x, attended) -> residual_add
outer = inner -> norm2: layer_norm -> w1: wide -> relu -> w2: narrow
(inner, outer) -> output: residual_add
""",
}
"""Each as a network; weights in the order of the text of one layer."""
