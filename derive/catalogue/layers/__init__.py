"""The catalogue: every layer by name and title. A file of this folder holds forward equations of one family.

A title stands here only: the layer takes it from here.
"""

from typing import TYPE_CHECKING

from gradscribe.derive.catalogue.entry import Entry, entries

if TYPE_CHECKING:  # SymPy takes its time: whoever looks at names and titles does not wait for it
    from gradscribe.derive.layer.interface import Layer

LAYERS: "dict[str, Entry[Layer]]" = entries(
    __name__,
    {
        "convolutions.convolution": {
            "conv1d": "1-D convolution (correlation with a learned kernel)",
            "conv2d": "2-D convolution (correlation with a learned kernel)",
            "conv3d": "3-D convolution (correlation with a learned kernel)",
        },
        "convolutions.transposed": {
            "conv_transpose1d": "1-D transposed convolution",
            "conv_transpose2d": "2-D transposed convolution",
            "conv_transpose3d": "3-D transposed convolution",
        },
        "convolutions.locally_connected": {
            "depthwise_conv1d": "1-D depthwise convolution",
            "depthwise_conv2d": "2-D depthwise convolution",
            "locally_connected1d": "1-D locally connected layer (a convolution without shared weights)",
            "locally_connected2d": "2-D locally connected layer (a convolution without shared weights)",
            "connected_conv2d": "2-D convolution with a table of connections",
        },
        "poolings.pooling": {
            "max_pool1d": "1-D max pooling",
            "max_pool2d": "2-D max pooling",
            "max_pool3d": "3-D max pooling",
            "avg_pool1d": "1-D average pooling",
            "avg_pool2d": "2-D average pooling",
            "avg_pool3d": "3-D average pooling",
            "lp_pool1d": "1-D power-average (Lp) pooling",
            "lp_pool2d": "2-D power-average (Lp) pooling",
            "lp_pool3d": "3-D power-average (Lp) pooling",
        },
        "poolings.adaptive": {
            "global_avg_pool": "global average pooling",
            "global_max_pool": "global max pooling",
            "adaptive_avg_pool1d": "1-D average pooling to a given size",
            "adaptive_avg_pool2d": "2-D average pooling to a given size",
            "adaptive_max_pool1d": "1-D max pooling to a given size",
            "adaptive_max_pool2d": "2-D max pooling to a given size",
            "subsampling2d": "LeNet's trainable subsampling",
        },
        "poolings.resampling": {
            "upsample_nearest1d": "1-D nearest-neighbour upsampling",
            "upsample_nearest2d": "2-D nearest-neighbour upsampling",
            "pixel_shuffle": "channels to pixels (pixel shuffle)",
            "pixel_unshuffle": "pixels to channels (pixel unshuffle)",
        },
        "poolings.padding": {
            "zero_pad2d": "2-D padding by zeros",
            "constant_pad2d": "2-D padding by a constant",
            "reflection_pad1d": "1-D padding by reflection",
            "reflection_pad2d": "2-D padding by reflection",
            "replication_pad1d": "1-D padding by replication of the border",
            "replication_pad2d": "2-D padding by replication of the border",
            "circular_pad1d": "1-D padding by periodic continuation",
            "circular_pad2d": "2-D padding by periodic continuation",
        },
        "linear.dense": {
            "dense": "dense (fully connected) layer",
            "flatten": "flattening of images to vectors",
            "bilinear": "bilinear layer",
            "embedding": "a learned vector per label",
        },
        "activations.activation": {
            "sigmoid": "logistic function",
            "log_sigmoid": "logarithm of the logistic function",
            "tanh": "hyperbolic tangent",
            "scaled_tanh": "LeNet's scaled hyperbolic tangent",
            "softplus": "smooth rectifier",
            "softsign": "softsign",
            "silu": "sigmoid linear unit (swish)",
            "gelu": "Gaussian error linear unit",
            "gelu_tanh": "Gaussian error linear unit, approximated by tanh",
            "mish": "mish",
        },
        "activations.rectifier": {
            "relu": "rectified linear unit",
            "leaky_relu": "leaky rectified linear unit",
            "prelu": "rectified linear unit with a learned slope",
            "elu": "exponential linear unit",
            "selu": "scaled exponential linear unit",
            "celu": "continuously differentiable exponential linear unit",
            "relu6": "rectified linear unit up to 6",
            "hard_tanh": "clipped identity",
            "hard_sigmoid": "logistic function by three lines",
            "hard_swish": "swish with a logistic function by three lines",
        },
        "activations.softmax": {
            "softmax": "softmax over the last axis",
            "log_softmax": "logarithm of softmax over the last axis",
        },
        "normalisation": {
            "batch_norm": "batch normalisation in training",
            "batch_norm_inference": "batch normalisation after training",
            "layer_norm": "layer normalisation over the last axis",
            "rms_norm": "root mean square normalisation over the last axis",
            "group_norm": "group normalisation",
            "instance_norm": "instance normalisation",
            "local_response_norm": "local response normalisation across channels",
        },
        "activations.dropout": {
            "dropout": "inverted dropout with a given mask",
        },
        "linear.combination": {
            "residual_add": "residual addition",
            "concatenation": "concatenation along the last axis",
        },
        "linear.attention": {
            "scaled_dot_product_attention": "scaled dot-product attention",
        },
        "linear.recurrent": {
            "simple_rnn_cell": "one step of a simple recurrent layer",
            "lstm_cell": "one step of a long short-term memory",
            "gru_cell": "one step of a gated recurrent unit",
        },
        "lenet_layers": {
            "rbf": "Euclidean radial basis functions",
        },
        "losses.classification": {
            "softmax_cross_entropy": "softmax with cross-entropy, mean over the batch",
            "cross_entropy": "softmax with weighted cross-entropy, mean over the labels that count",
            "nll_loss": "negative log-likelihood, mean over the labels that count",
            "map_criterion": "LeNet-5's maximum a posteriori criterion, mean over the batch",
        },
        "losses.loss": {
            "mean_squared_error": "mean squared error over all elements",
            "l1_loss": "mean absolute error over all elements",
            "huber_loss": "Huber loss, mean over all elements",
            "smooth_l1_loss": "smooth absolute error, mean over all elements",
            "binary_cross_entropy": "binary cross-entropy of probabilities, mean over all elements",
            "binary_cross_entropy_with_logits": "sigmoid with binary cross-entropy, mean over all elements",
            "kl_divergence": "Kullback-Leibler divergence, mean over the batch",
            "hinge_loss": "hinge loss, mean over all elements",
        },
    },
)
