# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # A layer of your own in ten lines
#
# You write the forward pass in index notation. gradscribe derives the gradients, and writes the code.

# %%
import numpy as np

from gradscribe import integers, layer, network
from gradscribe.generated import Adam

# %% [markdown]
# ## The equations
#
# A gated convolution over a sequence: one convolution says what passes, another one how much of it. The last line names
# the numbers that its class is made with.

# %%
C, K, R = integers("C K R")
gated = layer(
    """
    p = 0
    u[n,i,k] = b[k] + sum(r,c) x[n, i + r - p, c] * w[r,c,k]
    g[n,i,k] = a[k] + sum(r,c) x[n, i + r - p, c] * v[r,c,k]
    y[n,i,k] = u[n,i,k] * sigmoid(g[n,i,k])
    weight w, b, v, a
    """,
    "gated",
    features=(("in_channels", C), ("out_channels", K), ("kernel_size", R)),
)
gated.derivation(wrt=["w", "v"])

# %% [markdown]
# ## The code
#
# `compile` makes a module in memory, `generate` writes it into a folder. It has functions, and a class with weights.

# %%
kernels = gated.compile()
print([name for name in dir(kernels) if name.startswith("gated")])

# %% [markdown]
# ## Is it right?
#
# A gradient says how E changes with a weight. Here E is the sum of y times numbers of our choice. We change one weight.

# %%
rng = np.random.default_rng(0)
x, share = rng.normal(size=(2, 8, 3)), rng.normal(size=(2, 6, 4))
mine = kernels.Gated(3, 4, 3, rng=rng, dtype=np.float64)
mine(x)
mine.backward(share)
derived = mine.grads["v"][1, 2, 3]

change = 1e-6
mine.params["v"][1, 2, 3] += change
more = np.sum(share * mine(x))
mine.params["v"][1, 2, 3] -= 2 * change
less = np.sum(share * mine(x))
measured = (more - less) / (2 * change)
print(f"derived {derived:.6f}, measured {measured:.6f}")
assert abs(derived - measured) < 1e-6

# %% [markdown]
# ## In a network
#
# A layer of your own is a word of a network's text. Here is one more: the greatest value of each channel.

# %%
greatest = layer("y[n,k] = max(i) x[n,i,k]", "greatest")
text = """
input x[N, 16, 1]
gated(8, 5) -> tanh -> gated(8, 5) -> greatest -> dense(1)
loss mean_squared_error
"""
small = network(text, "small", layers={"gated": gated, "greatest": greatest})
small.derivation()

# %% [markdown]
# It learns the frequency of a sine wave from 16 of its values.

# %%
model = small.compile().Small(rng=0)
optimiser = Adam(model.params, lr=0.01)
losses = []
for _ in range(300):
    frequency = rng.uniform(0.2, 1.0, (64, 1)).astype(np.float32)
    waves = np.sin(frequency * np.arange(16, dtype=np.float32) + rng.uniform(0, 6.3, (64, 1)).astype(np.float32))
    losses.append(float(model.loss(model(waves[..., None]), frequency)))
    model.backward()
    optimiser.step(model.grads)
first, last = np.mean(losses[:10]), np.mean(losses[-10:])
print(f"mean squared error {first:.3f} at the start, {last:.4f} at the end")
assert last < first / 10

# %% [markdown]
# ## In a cell
#
# In a notebook the text can stand alone. `%load_ext gradscribe` brings cells that begin with `%%layer NAME` or
# `%%network NAME`; what they describe becomes the variable NAME.

# %%
# %load_ext gradscribe

# %% tags=["active-ipynb"]
# %%layer swish
# beta = 1.0
# y[n] = x[n] * sigmoid(beta * x[n])
