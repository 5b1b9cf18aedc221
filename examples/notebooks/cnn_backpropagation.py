# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Back-propagation of a CNN, derived
#
# A convolutional network is trained by gradients. Here each gradient is derived from the forward equation, checked with
# numbers, and then used: at the end LeNet learns to read digits. No gradient is written by hand.

# %%
import sys
from pathlib import Path

import numpy as np
from scipy.signal import convolve2d, correlate2d

from gradscribe import layer, network
from gradscribe.generated import SGD, LeNet, conv2d_forward, conv2d_grad_bias, conv2d_grad_input

examples = next(p for p in (Path.cwd() / "examples", *(p / "examples" for p in Path.cwd().parents)) if p.is_dir())
sys.path.append(str(examples))  # where the digits and the pictures come from

rng = np.random.default_rng(0)

# %% [markdown]
# ## Convolution and correlation
#
# What deep learning calls convolution is a correlation: the kernel slides over the image and is not turned round. The
# convolution of mathematics is the same with the kernel rotated by π. The two lines below are all that we write.

# %%
correlation = layer("u[i,j] = sum(r,t) x[i+r, j+t] * w[r,t]; weight w", "correlation")
convolution = layer("y[i,j] = sum(r,t) x[i-r, j-t] * w[r,t]; weight w", "convolution")
ours, theirs = correlation.compile(), convolution.compile()

x, w = rng.normal(size=(6, 7)), rng.normal(size=(3, 2))
assert np.allclose(ours.correlation_forward(x, w), correlate2d(x, w, mode="valid"))
assert np.allclose(theirs.convolution_forward(x, w), convolve2d(x, w, mode="full"))
assert np.allclose(correlate2d(x, w[::-1, ::-1], mode="full"), convolve2d(x, w, mode="full"))
print("SciPy agrees: a correlation with the rotated kernel is a convolution")

# %% [markdown]
# ## The gradient by the image
#
# Every element of x is read by several windows. The rows collect them: the gradient is the **full convolution** of the
# error signal δ with the kernel. A correlation forward is a convolution backward.

# %%
correlation.derivation(wrt=["x"])

# %%
delta = rng.normal(size=(4, 6))
assert np.allclose(ours.correlation_grad_input(delta, w, input_shape=x.shape), convolve2d(delta, w, mode="full"))
print("the generated kernel computes SciPy's full convolution")

# %% [markdown]
# ## The gradient by the kernel
#
# It is the **valid correlation** of the image with δ: every tap of the kernel reads a part of the image as large as δ.

# %%
correlation.derivation(wrt=["w"])

# %%
assert np.allclose(ours.correlation_grad_weight(delta, x, weight_shape=w.shape), correlate2d(x, delta, mode="valid"))
print("and SciPy's valid correlation")

# %% [markdown]
# ## Convolution to convolution
#
# With an activation between two convolutions the error signal of the first is that of the second, convolved with its
# kernel, times the slope of the activation, element by element.

# %%
network("conv2d -> tanh -> conv2d", "two_convolutions").derivation()

# %% [markdown]
# The same with numbers. A small change of u in one place changes E by the element of δ there.

# %%
u, kernel = rng.normal(size=(1, 6, 6, 2)), rng.normal(size=(3, 3, 2, 3))
above = rng.normal(size=(1, 4, 4, 3))


def energy(u):
    """E is the sum of what the second convolution makes, each element times its share."""
    return float(np.sum(above * conv2d_forward(np.tanh(u), kernel, np.zeros(3))))


signal = (1 - np.tanh(u) ** 2) * conv2d_grad_input(above, kernel, input_shape=u.shape)
step = np.zeros_like(u)
step[0, 2, 3, 1] = 1e-6
measured = (energy(u + step) - energy(u - step)) / 2e-6
print(f"derived {signal[0, 2, 3, 1]:.6f}, measured {measured:.6f}")
assert abs(signal[0, 2, 3, 1] - measured) < 1e-6

# %% [markdown]
# ## Pooling between convolutions
#
# A maximum hands its error signal to the element that it has chosen, and 0 to all others.

# %%
network("conv2d -> tanh -> max_pool2d -> conv2d", "with_pooling").derivation()

# %% [markdown]
# ## The bias
#
# Each element of u has the bias in it once. So its gradient is the sum of δ over the images and all positions.

# %%
layer("u[n,i,j,k] = b[k] + sum(r,t,c) x[n, i+r, j+t, c] * w[r,t,c,k]; weight w, b", "conv").derivation(wrt=["b"])

# %%
assert np.allclose(conv2d_grad_bias(above), above.sum(axis=(0, 1, 2)))
print("the generated kernel sums over images and positions")

# %% [markdown]
# ## LeNet
#
# Five layers with weights, pools between them, a softmax above. The whole network is a text, too.

# %%
lenet = network(
    """
    input x[N, 32, 32, 1]
    c1: conv2d(6, 5) -> tanh -> s2: max_pool2d(2)
    -> c3: conv2d(16, 5) -> tanh -> s4: max_pool2d(2) -> flatten
    -> f5: dense(120) -> tanh -> f6: dense(84) -> tanh -> output: dense(10)
    loss softmax_cross_entropy
    """,
    "lenet",
)
lenet.derivation()

# %% [markdown]
# ## It learns
#
# `LeNet` is the module that was generated from these equations. Forward, loss, backward, step: that is all of training.
# The images are scikit-learn's 1,797 digits; a fifth of each class is kept back for the test.

# %%
# %matplotlib inline
import drawing
from lenet5 import load_embedded

digits = load_embedded()
model = LeNet(rng=rng)
optimiser = SGD(model.params, lr=0.02, momentum=0.9)
losses, accuracies = [], []
for _ in range(4):
    order = rng.permutation(len(digits.train_images))
    own = []
    for start in range(0, len(order), 32):
        batch = order[start : start + 32]
        own.append(float(model.loss(model(digits.train_images[batch]), digits.train_labels[batch])))
        model.backward()
        optimiser.step(model.grads)
    losses.append(float(np.mean(own)))
    guesses = model.predict(digits.test_images).argmax(axis=1)
    accuracies.append(float(np.mean(guesses == digits.test_labels)))
    print(f"epoch {len(losses)}: loss {losses[-1]:.3f}, accuracy in the test {accuracies[-1]:.1%}")
assert losses[-1] < losses[0] / 4
assert accuracies[-1] > 0.9

# %%
drawing.curves(losses, accuracies, "LeNet on scikit-learn's digits")

# %% [markdown]
# What the kernels of the first convolution look like now, and what they make of the first image of the test.

# %%
drawing.filters(model.params["c1.w"], "kernels of the first convolution")

# %%
image = digits.test_images[:1]
maps = np.tanh(conv2d_forward(image, model.params["c1.w"], model.params["c1.b"]))
drawing.feature_maps(maps[0], "behind the first convolution", image[0, ..., 0])

# %% [markdown]
# Which digits it takes for which others.

# %%
drawing.confusion(digits.test_labels, guesses, "LeNet in the test")
