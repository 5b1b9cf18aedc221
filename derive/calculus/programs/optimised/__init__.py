"""Programs that say the same and are faster: factors leave sums, brackets leave products, what is shared is kept."""

from gradscribe.derive.calculus.programs.optimised.optimise import Optimised, optimised
from gradscribe.derive.calculus.programs.optimised.rewriting import Rewriting
from gradscribe.derive.calculus.programs.optimised.ways.labelled import labelled_matrices

__all__ = ["Optimised", "Rewriting", "labelled_matrices", "optimised"]
