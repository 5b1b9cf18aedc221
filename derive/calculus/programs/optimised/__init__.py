"""Programs that say the same and are faster: factors leave sums, brackets leave products, what is shared is kept."""

from gradscribe.derive.calculus.programs.optimised.labelled import labelled_matrices
from gradscribe.derive.calculus.programs.optimised.optimise import Optimised, optimised
from gradscribe.derive.calculus.programs.optimised.rewriting import Rewriting

__all__ = ["Optimised", "Rewriting", "labelled_matrices", "optimised"]
