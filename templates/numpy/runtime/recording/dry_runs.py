"""Dry runs, which ask for functions in C before they are called, see `machine.ahead`."""

import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from ..machine.ahead import collecting, make_together


def compile_ahead(call: Callable[[], Any]) -> int:
    """Compile what a call needs, as many functions at a time as there are cores.

    Args:
        call: is called once, and must write nothing that anyone reads: functions in C do nothing meanwhile. An error
            ends the dry run: the contents of arrays are arbitrary, and the call itself will say what is wrong. What has
            been asked for by then is compiled.

    Returns:
        How many functions it needs.
    """
    from ..machine.native.library import made

    with collecting() as requests, np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(Exception):
            call()
    return make_together(requests, made)
