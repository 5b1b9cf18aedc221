"""A page evaluated: its rows, its boxes and its slopes, by numbers."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradscribe.derive.derivation.certificate.certificate import Certificate
    from gradscribe.derive.derivation.record.page_record import Derivation


def certificate_of(derivation: "Derivation") -> "Certificate | None":
    """The certificate of a derivation; None where it has no rows to evaluate, or where there is no NumPy."""
    if not derivation.sections or find_spec("numpy") is None:
        return None
    from gradscribe.derive.derivation.certificate.certify import certify

    return certify(derivation)
