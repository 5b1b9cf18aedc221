"""The catalogue: every layer by name. A file of this folder holds forward equations of one family, nothing else."""

from collections.abc import Callable

from derive.interface import Layer
from derive.layers.activation import ACTIVATIONS
from derive.layers.adaptive import ADAPTIVE_POOLINGS
from derive.layers.attention import ATTENTION
from derive.layers.classification import CLASSIFICATION
from derive.layers.combination import COMBINATIONS
from derive.layers.convolution import CONVOLUTIONS
from derive.layers.dense import DENSE
from derive.layers.dropout import DROPOUTS
from derive.layers.lenet import LENET
from derive.layers.local import LOCAL_CONVOLUTIONS
from derive.layers.loss import LOSSES
from derive.layers.normalisation import NORMALISATIONS
from derive.layers.padding import PADDINGS
from derive.layers.pooling import POOLINGS
from derive.layers.rectifier import RECTIFIERS
from derive.layers.recurrent import RECURRENT
from derive.layers.resampling import RESAMPLINGS
from derive.layers.softmax import SOFTMAXES
from derive.layers.transposed import TRANSPOSED_CONVOLUTIONS

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
