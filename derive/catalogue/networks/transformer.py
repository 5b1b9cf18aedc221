"""Transformers: a language model and one for images. A block of both is the same, a layer norm before each branch."""

from gradscribe.derive.catalogue.network_text import network
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.composition import Network, Normal

BLOCKS = """\
block head(heads, width) = dense(width) -> rearrange('n l (h d) -> n h l d', h=heads)
block attention(heads, width, causal) = norm: layer_norm
  -> (query: head(heads, width), key: head(heads, width), value: head(heads, width))
  -> attend: scaled_dot_product_attention(is_causal=causal) -> merge: rearrange('n h l d -> n l (h d)')
  -> project: dense(width)
block perceptron(width, hidden) = norm: layer_norm -> expand: dense(hidden) -> act: gelu -> project: dense(width)
block transformer(heads, width, hidden, causal) =
  mixed: residual(mix: attention(heads, width, causal)) -> sum: residual(think: perceptron(width, hidden))
"""
"""A block of a transformer: heads of attention that are split and merged, then a perceptron at every position."""


def gpt() -> Network:
    """A small GPT: causal attention, learned positions, and a table of letters that also makes the scores."""
    return network(
        f"""\
input tokens[N, 32]
{BLOCKS}\
tokens -> embed: embedding(65, 64) -> place: position_embedding
-> repeat 2: layer: transformer(4, 64, 256, true)
-> norm: layer_norm -> scores: unembedding(w=embed.w)
loss cross_entropy
""",
        "gpt",
        class_name="GPT",
        title=NETWORKS["gpt"].title,
        starts={"w": Normal(1.0), "b": 0.0, "embed.w": Normal(0.02), "place.w": 0.0},
        source="Radford et al., Language models are unsupervised multitask learners, 2019, section 2.3; "
        "Press and Wolf, Using the output embedding to improve language models, 2017",
    )


def vit() -> Network:
    """A small vision transformer: patches of 4x4 pixels are the words, and their mean is what is classified."""
    return network(
        f"""\
input x[N, 32, 32, 3]
{BLOCKS}\
x -> patches: rearrange('n (h p) (w q) c -> n (h w) (p q c)', p=4, q=4)
-> embed: dense(64) -> place: position_embedding
-> repeat 2: layer: transformer(4, 64, 128, false)
-> norm: layer_norm -> pool: global_avg_pool -> output: dense(10)
loss softmax_cross_entropy
""",
        "vit",
        class_name="ViT",
        title=NETWORKS["vit"].title,
        starts={"w": Normal(1.0), "b": 0.0, "place.w": 0.0},
        source="Dosovitskiy et al., An image is worth 16x16 words, 2021, section 3.1, with the mean of all words",
    )
