"""A tagger: what every word of a sentence is, by the words before it and behind it."""

from gradscribe.derive.catalogue.network_text import network
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.composition import Network, Normal


def tagger() -> Network:
    """A small tagger: an LSTM in both directions over embedded words, a label for each. Padding has the label -100."""
    return network(
        """\
input words[N, T]
words -> embed: embedding(1000, 32) -> states: bidirectional_lstm(32) -> output: dense(17)
loss cross_entropy
""",
        "tagger",
        class_name="Tagger",
        title=NETWORKS["tagger"].title,
        starts={"embed.w": Normal(1000.0)},  # one word of 1000 is read: of variance 1
        source="Huang, Xu and Yu, Bidirectional LSTM-CRF models for sequence tagging, 2015, section 2.2",
    )
