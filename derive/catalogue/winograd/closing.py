"""What closes the derivation of an algorithm: rows evaluated, its proof in symbols, its error and its operations."""

from dataclasses import dataclass, replace

from gradscribe.derive.catalogue.winograd.accuracy import measured_error, plain_error
from gradscribe.derive.catalogue.winograd.cook_toom import CookToom
from gradscribe.derive.catalogue.winograd.fast_correlation import derive_winograd
from gradscribe.derive.catalogue.winograd.points import ERRORS, standard_points
from gradscribe.derive.catalogue.winograd.proof import prove
from gradscribe.derive.derivation.certificate.certificate import Certificate, Label, figure
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.sentence import Words, joined
from gradscribe.said import say


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

    @property
    def words(self) -> Words:
        """The figures in words."""
        f = self.algorithm
        few, many = f.n**self.dims, (f.m * f.r) ** self.dims
        proved = (
            say(
                "Proved in symbols: the outputs of {name}, expanded, are those of the correlation for all g and d.",
                name=f.name,
            )
            if self.dims == 1
            else say(
                "Proved in symbols: the outputs of {name}, expanded, are those of the correlation for all g and d, and "
                "so along each axis.",
                name=f.name,
            )
        )
        ratio = f"{many / few:.3g}"
        saved = say(
            "Multiplications: {few} instead of {many}, {ratio} times fewer.",
            few=str(few),
            many=str(many),
            ratio=ratio,
        )
        errors = say(
            "Error in float32, relative to the greatest output of 128 channels: {error}; of the plain correlation "
            "{plain}.",
            error=figure(self.error, 2),
            plain=figure(self.plain, 2),
        )
        return joined([self.rows.words, proved, saved, errors], " ", " ")


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
    rows, drawn = certify(derivation), say("random inputs")
    if dims > 1 and not rows.shapes:  # the index boxes are too large for the oracle
        rows, drawn = certify(derive_winograd(algorithm, 1)), say("random inputs along one axis")
    known = dims == 2 and algorithm.points == standard_points(algorithm.n)
    error = ERRORS.get((algorithm.m, algorithm.r)) if known else None
    error = measured_error(algorithm, dims) if error is None else error
    return ProvedCertificate(algorithm, dims, replace(rows, drawn=drawn), error, plain_error(algorithm, dims))
