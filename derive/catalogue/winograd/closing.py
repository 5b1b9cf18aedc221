"""What closes the derivation of an algorithm: rows evaluated, its proof in symbols, its error and its operations."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gradscribe.derive.catalogue.winograd.accuracy import measured_error, plain_error
from gradscribe.derive.catalogue.winograd.cook_toom import CookToom
from gradscribe.derive.catalogue.winograd.fast_correlation import derive_winograd
from gradscribe.derive.catalogue.winograd.points import ERRORS, standard_points
from gradscribe.derive.catalogue.winograd.proof import prove
from gradscribe.derive.derivation.certificate.certificate import Certificate, Figure, Label
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.page_record import Derivation


@dataclass(frozen=True)
class ProvedCertificate:
    """The figures of an algorithm that is proved.

    Attributes:
        algorithm: the 1-D algorithm.
        dims: how many axes it is nested along.
        rows: how the rows of its derivation compare.
        error: in float32, as `derive.catalogue.winograd.accuracy` measures it.
        plain: the same of the plain correlation.
    """

    algorithm: CookToom
    dims: int
    rows: Certificate
    error: float
    plain: float

    @property
    def notation(self) -> Notation:
        """For printing."""
        return self.rows.notation

    @property
    def rounded(self) -> frozenset[Label]:
        """The rows that are marked, as they were evaluated in float64 and others exactly."""
        return self.rows.rounded

    def sentence(self, write: Callable[[Figure], str], mark: str = "†") -> str:
        """The figures in words; `write` formats mantissa and power of ten, `mark` stands beside what is rounded."""
        f = self.algorithm
        nested = "" if self.dims == 1 else ", and so along each axis"
        few, many = f.n**self.dims, (f.m * f.r) ** self.dims
        return (
            f"{self.rows.sentence(write, mark)} Proved in symbols: the outputs of {f.name}, expanded, are those of the "
            f"correlation for all g and d{nested}. Multiplications: {few} instead of {many}, "
            f"{many / few:.3g} times fewer. Error in float32, relative to the greatest output of 128 channels: "
            f"{write(two_digits(self.error))}; of the plain correlation {write(two_digits(self.plain))}."
        )


def close(derivation: Derivation, algorithm: CookToom, dims: int) -> ProvedCertificate:
    """Prove an algorithm, evaluate the rows of its derivation and measure its error.

    Args:
        derivation: what `derive_winograd` returned.
        algorithm: what was derived.
        dims: how many axes it is nested along.

    Raises:
        EquationError: when the algorithm is not the correlation.
    """
    prove(algorithm)
    rows, drawn = certify(derivation), "random inputs"
    if dims > 1 and not rows.shapes:  # the index boxes are too large for the oracle
        rows, drawn = certify(derive_winograd(algorithm, 1)), f"{drawn} along one axis"
    known = dims == 2 and algorithm.points == standard_points(algorithm.n)
    error = ERRORS.get((algorithm.m, algorithm.r)) if known else None
    error = measured_error(algorithm, dims) if error is None else error
    return ProvedCertificate(algorithm, dims, replace(rows, drawn=drawn), error, plain_error(algorithm, dims))


def two_digits(value: float) -> Figure:
    """2.5e-06 is ("2.5", -6)."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return mantissa, int(exponent)
