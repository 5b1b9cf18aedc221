"""A museum of hand-written backwards: each wrong as one that was published, beside its corrected version.

The comments cite the thread or source that each is modelled on; the code is written anew, with the mistake kept. All
arrays are channels-last unless the exhibit says otherwise.
"""

from tests.codegen.tool.check.wrong_convolutions import CONVOLUTIONS
from tests.codegen.tool.check.wrong_functions import FUNCTIONS
from tests.codegen.tool.check.wrong_poolings import POOLINGS
from tests.codegen.tool.check.wrong_sums import SUMS

MUSEUM = (*CONVOLUTIONS, *POOLINGS, *FUNCTIONS, *SUMS)
