"""Texts to start from in the playground, by what they are."""

from gradscribe.said import Message

STARTING_TEXTS = {
    Message("A window that slides"): "u[n,i] = sum(r) w[r] * x[n, s*i + r]\ns = 2\nweight w",
    Message("A layer of one's own"): "h[n,k] = sum(c) w[c,k]*x[n,c]\ny[n,k] = h[n,k] * sigmoid(h[n,k])\nweight w",
    Message("Softmax with cross-entropy"): (
        "p[n,k] = exp(x[n,k]) / sum(j) exp(x[n,j])\ne = -sum(n,k) t[n,k] * log(p[n,k])"
    ),
    Message("Attention"): (
        "s[n,i,j] = sum(d) q[n,i,d]*k[n,j,d] / sqrt(D)\na[n,i,j] = exp(s[n,i,j]) / sum(m) exp(s[n,i,m])\n"
        "y[n,i,d] = sum(j) a[n,i,j]*v[n,j,d]"
    ),
    Message("The largest of a window"): "y[n,i] = max(r) x[n, s*i + r]",
    Message("2-D convolution (of the catalogue)"): "conv2d",
    Message("Adam (of the catalogue)"): "adam",
    Message("A network"): "conv2d -> tanh -> conv2d",
    Message("A classifier"): "input x[N, 8]\nx -> dense(4) -> relu -> dense(3)\nloss softmax_cross_entropy",
}
