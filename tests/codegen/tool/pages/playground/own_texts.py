"""Equations and networks of no catalogue, as people type them."""

OWN = (
    "u[n,i] = sum(r) w[r]*x[n, 3*i + r]\nweight w",
    "u[n,i] = sum(r) w[r]*x[n, i + d*r - p]\nd = 2\np = 1\nweight w",
    "y[n,k] = x[n,k]^3 - 2*x[n,k]",
    "h[n,k] = sum(c) w[c,k]*x[n,c]\ny[n,k] = h[n,k]*sigmoid(h[n,k])\nweight w",
    "p[n,k] = exp(x[n,k]) / sum(j) exp(x[n,j])",
    "e = sum(n,k) t[n,k]*(y[n,k] - x[n,k])^2",
    "m[n] = max(k) x[n,k]\ny[n,k] = x[n,k]*m[n]",
    "y[n,i] = max(r) x[n, s*i + r]",
    "z[n] = sum(k) x[n,k]^2\ny[n,k] = x[n,k]/sqrt(z[n] + eps)\neps = 1e-5",
    "s[n,i,j] = sum(d) q[n,i,d]*k[n,j,d]\ny[n,i,d] = sum(j) s[n,i,j]*v[n,j,d]",
    "y[i] = x[i,i]",
    "y[n,2*i + a] = sum(c) w[a,c]*x[n,i,c]\nweight w",
    "y[b,i,o] = sum(r,c) w[r,c,o]*x[b, i + r, c]*a[b,i]",
    "y[n] = log(sum(k) exp(x[n,k]))",
    "y[n,i] = relu(x[n,i] - b[i]) + tanh(x[n,i])\nweight b",
    "constant m; m[n] = max(k) x[n,k]; z[n] = sum(k) exp(x[n,k] - m[n]); y[n,k] = exp(x[n,k] - m[n])/z[n]",
    "m[n,i] = max(j) [j <= i] s[n,i,j]",
    "y[n,k] = abs(x[n,k])*cos(x[n,k]/2)",
    "input x[N, 5]\nx -> dense(3) -> tanh -> dense(2)\nloss softmax_cross_entropy",
    "conv2d(2, 3, padding=1) -> relu -> max_pool2d(2)",
)
