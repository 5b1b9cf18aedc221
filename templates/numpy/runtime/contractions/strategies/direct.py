"""Contractions as one loop nest in C."""

import numpy as np

from ...arguments.arrays import Array
from ...machine.configuration import Settings
from ...machine.memory import scratch_memory
from ...machine.native.library import kernel
from ...machine.native.sources import CONTRACTION
from ...machine.threads import thread_count
from ..contraction import Contraction
from ..costs import CACHE_RATE, CALL, COPY_RATE, Cost, full_rate
from ..direct.plan import Direct, direct
from ..operands import Bound, Terms
from ..views import padded
