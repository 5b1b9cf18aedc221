"""The catalogue: every layer by name. A file of this folder holds forward equations of one family, nothing else."""

from collections.abc import Callable

from gradscribe.derive.interface import Layer
from gradscribe.derive.layers.activation import ACTIVATIONS
from gradscribe.derive.layers.adaptive import ADAPTIVE_POOLINGS
from gradscribe.derive.layers.attention import ATTENTION
from gradscribe.derive.layers.classification import CLASSIFICATION
from gradscribe.derive.layers.combination import COMBINATIONS
from gradscribe.derive.layers.convolution import CONVOLUTIONS
from gradscribe.derive.layers.dense import DENSE
from gradscribe.derive.layers.dropout import DROPOUTS
from gradscribe.derive.layers.lenet import LENET
from gradscribe.derive.layers.local import LOCAL_CONVOLUTIONS
from gradscribe.derive.layers.loss import LOSSES
from gradscribe.derive.layers.normalisation import NORMALISATIONS
from gradscribe.derive.layers.padding import PADDINGS
from gradscribe.derive.layers.pooling import POOLINGS
from gradscribe.derive.layers.rectifier import RECTIFIERS
from gradscribe.derive.layers.recurrent import RECURRENT
from gradscribe.derive.layers.resampling import RESAMPLINGS
from gradscribe.derive.layers.softmax import SOFTMAXES
from gradscribe.derive.layers.transposed import TRANSPOSED_CONVOLUTIONS

LAYERS: dict[str, Callable[[], Layer]] = {
    **CONVOLUTIONS,
    **TRANSPOSED_CONVOLUTIONS,
    **LOCAL_CONVOLUTIONS,
    **POOLINGS,
    **ADAPTIVE_POOLINGS,
    **RESAMPLINGS,
    **PADDINGS,
    **DENSE,
    **ACTIVATIONS,
    **RECTIFIERS,
    **SOFTMAXES,
    **NORMALISATIONS,
    **DROPOUTS,
    **COMBINATIONS,
    **ATTENTION,
    **RECURRENT,
    **LENET,
    **CLASSIFICATION,
    **LOSSES,
}
