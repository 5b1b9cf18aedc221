"""The catalogue: every layer by name and title. A file of this folder holds forward equations of one family.

A title stands here only: the layer takes it from here.
"""

from typing import TYPE_CHECKING

from gradscribe.derive.catalogue.entry import Entry, entries
from gradscribe.said import Message

if TYPE_CHECKING:  # SymPy takes its time: whoever looks at names and titles does not wait for it
    from gradscribe.derive.layer.interface import Layer

LAYERS: "dict[str, Entry[Layer]]" = entries(
    __name__,
    {
        "convolutions.convolution": {
            "conv1d": Message("1-D convolution (correlation with a learned kernel)"),
            "conv2d": Message("2-D convolution (correlation with a learned kernel)"),
            "conv3d": Message("3-D convolution (correlation with a learned kernel)"),
        },
        "convolutions.transposed": {
            "conv_transpose1d": Message("1-D transposed convolution"),
            "conv_transpose2d": Message("2-D transposed convolution"),
            "conv_transpose3d": Message("3-D transposed convolution"),
        },
        "convolutions.deformable": {
            "deform_conv2d": Message("2-D deformable convolution"),
        },
        "convolutions.locally_connected": {
            "depthwise_conv1d": Message("1-D depthwise convolution"),
            "depthwise_conv2d": Message("2-D depthwise convolution"),
            "locally_connected1d": Message("1-D locally connected layer (a convolution without shared weights)"),
            "locally_connected2d": Message("2-D locally connected layer (a convolution without shared weights)"),
            "connected_conv2d": Message("2-D convolution with a table of connections"),
        },
        "poolings.pooling": {
            "max_pool1d": Message("1-D max pooling"),
            "max_pool2d": Message("2-D max pooling"),
            "max_pool3d": Message("3-D max pooling"),
            "avg_pool1d": Message("1-D average pooling"),
            "avg_pool2d": Message("2-D average pooling"),
            "avg_pool3d": Message("3-D average pooling"),
            "lp_pool1d": Message("1-D power-average (Lp) pooling"),
            "lp_pool2d": Message("2-D power-average (Lp) pooling"),
            "lp_pool3d": Message("3-D power-average (Lp) pooling"),
        },
        "poolings.adaptive": {
            "global_avg_pool": Message("global average pooling"),
            "global_max_pool": Message("global max pooling"),
            "adaptive_avg_pool1d": Message("1-D average pooling to a given size"),
            "adaptive_avg_pool2d": Message("2-D average pooling to a given size"),
            "adaptive_max_pool1d": Message("1-D max pooling to a given size"),
            "adaptive_max_pool2d": Message("2-D max pooling to a given size"),
            "subsampling2d": Message("LeNet's trainable subsampling"),
        },
        "poolings.resampling": {
            "upsample_nearest1d": Message("1-D nearest-neighbour upsampling"),
            "upsample_nearest2d": Message("2-D nearest-neighbour upsampling"),
            "upsample_bilinear1d": Message("1-D linear upsampling"),
            "upsample_bilinear2d": Message("2-D bilinear upsampling"),
            "pixel_shuffle": Message("channels to pixels (pixel shuffle)"),
            "pixel_unshuffle": Message("pixels to channels (pixel unshuffle)"),
        },
        "poolings.interpolation": {
            "grid_sample": Message("bilinear sampling of images at given points"),
            "resize_bilinear2d": Message("2-D bilinear resizing"),
            "roi_align": Message("boxes of images as maps of one size (RoIAlign)"),
        },
        "poolings.padding": {
            "zero_pad2d": Message("2-D padding by zeros"),
            "constant_pad2d": Message("2-D padding by a constant"),
            "reflection_pad1d": Message("1-D padding by reflection"),
            "reflection_pad2d": Message("2-D padding by reflection"),
            "replication_pad1d": Message("1-D padding by replication of the border"),
            "replication_pad2d": Message("2-D padding by replication of the border"),
            "circular_pad1d": Message("1-D padding by periodic continuation"),
            "circular_pad2d": Message("2-D padding by periodic continuation"),
        },
        "linear.dense": {
            "dense": Message("dense (fully connected) layer"),
            "flatten": Message("flattening of images to vectors"),
            "bilinear": Message("bilinear layer"),
            "embedding": Message("a learned vector per label"),
            "unembedding": Message("scores of labels by their learned vectors"),
            "position_embedding": Message("a learned vector per position, added"),
            "vector_quantizer": Message("nearest vector of a learned codebook"),
        },
        "activations.activation": {
            "sigmoid": Message("logistic function"),
            "log_sigmoid": Message("logarithm of the logistic function"),
            "tanh": Message("hyperbolic tangent"),
            "scaled_tanh": Message("LeNet's scaled hyperbolic tangent"),
            "softplus": Message("smooth rectifier"),
            "softsign": Message("softsign"),
            "silu": Message("sigmoid linear unit (swish)"),
            "gelu": Message("Gaussian error linear unit"),
            "gelu_tanh": Message("Gaussian error linear unit, approximated by tanh"),
            "mish": Message("mish"),
        },
        "activations.rectifier": {
            "relu": Message("rectified linear unit"),
            "leaky_relu": Message("leaky rectified linear unit"),
            "prelu": Message("rectified linear unit with a learned slope"),
            "elu": Message("exponential linear unit"),
            "selu": Message("scaled exponential linear unit"),
            "celu": Message("continuously differentiable exponential linear unit"),
            "relu6": Message("rectified linear unit up to 6"),
            "hard_tanh": Message("clipped identity"),
            "hard_sigmoid": Message("logistic function by three lines"),
            "hard_swish": Message("swish with a logistic function by three lines"),
        },
        "activations.softmax": {
            "softmax": Message("softmax over the last axis"),
            "log_softmax": Message("logarithm of softmax over the last axis"),
        },
        "normalisation": {
            "batch_norm": Message("batch normalisation in training"),
            "batch_norm_inference": Message("batch normalisation after training"),
            "layer_norm": Message("layer normalisation over the last axis"),
            "rms_norm": Message("root mean square normalisation over the last axis"),
            "group_norm": Message("group normalisation"),
            "instance_norm": Message("instance normalisation"),
            "local_response_norm": Message("local response normalisation across channels"),
        },
        "activations.dropout": {
            "dropout": Message("inverted dropout with a given mask"),
        },
        "linear.combination": {
            "residual_add": Message("residual addition"),
            "elementwise_product": Message("elementwise product of branches (gating)"),
            "channel_product": Message("channels times factors of their own"),
            "concatenation": Message("concatenation along the last axis"),
            "alpha_compositing": Message("compositing along a ray, from front to back"),
        },
        "linear.attention": {
            "scaled_dot_product_attention": Message("scaled dot-product attention"),
        },
        "linear.recurrent": {
            "simple_rnn_cell": Message("one step of a simple recurrent layer"),
            "lstm_cell": Message("one step of a long short-term memory"),
            "gru_cell": Message("one step of a gated recurrent unit"),
        },
        "linear.sequences": {
            "simple_rnn": Message("simple recurrent layer over a sequence"),
            "lstm": Message("long short-term memory over a sequence"),
            "gru": Message("gated recurrent unit over a sequence"),
            "bidirectional_lstm": Message("long short-term memory over a sequence in both directions"),
        },
        "linear.state_space": {
            "state_space": Message("diagonal linear state-space layer"),
            "selective_scan": Message("Mamba's selective scan"),
            "delta_rule": Message("gated delta rule"),
        },
        "lenet_layers": {
            "rbf": Message("Euclidean radial basis functions"),
        },
        "losses.classification": {
            "softmax_cross_entropy": Message("softmax with cross-entropy, mean over the batch"),
            "cross_entropy": Message("softmax with weighted cross-entropy, mean over the labels that count"),
            "nll_loss": Message("negative log-likelihood, mean over the labels that count"),
            "map_criterion": Message("LeNet-5's maximum a posteriori criterion, mean over the batch"),
        },
        "losses.loss": {
            "mean_squared_error": Message("mean squared error over all elements"),
            "l1_loss": Message("mean absolute error over all elements"),
            "huber_loss": Message("Huber loss, mean over all elements"),
            "smooth_l1_loss": Message("smooth absolute error, mean over all elements"),
            "binary_cross_entropy": Message("binary cross-entropy of probabilities, mean over all elements"),
            "binary_cross_entropy_with_logits": Message("sigmoid with binary cross-entropy, mean over all elements"),
            "kl_divergence": Message("Kullback-Leibler divergence, mean over the batch"),
            "hinge_loss": Message("hinge loss, mean over all elements"),
        },
        "losses.structured": {
            "ctc_loss": Message("connectionist temporal classification, mean over the batch"),
            "crf_loss": Message("negative log-likelihood of a linear-chain conditional random field"),
        },
    },
)

JOINS = ("residual_add", "elementwise_product", "concatenation")
"""Layers of any number of inputs: their functions are given that number, else 2."""
