"""Checkpoints of recurrences: which statements go along with one, so that they can be computed stretch by stretch.

A stretch is so many consecutive positions. What happens before it is known by the states at its border: then nothing
else of the forward pass need be kept, and what gradients read of a stretch is computed again from these.

    h[n,t,k] = tanh(v[n,t,k] + s[n,t,k])    s[n,t,k] = sum over j of h[n,t-1,j] u[j,k]    v[n,t,k] = sum x[n,t,d] w[d,k]

placed         statements with a position, and stretches of them
going_along    program -> statements, and stretches that hold the others
border_states  what has to be kept at borders, and the statement that keeps it
"""

from gradscribe.derive.calculus.programs.checkpoints.border_states import Checkpoints, State, keeping, states
from gradscribe.derive.calculus.programs.checkpoints.going_along import going_along, stretches
from gradscribe.derive.calculus.programs.checkpoints.placed import Along, Placed, Stretch, distance

__all__ = [
    "Along",
    "Checkpoints",
    "Placed",
    "State",
    "Stretch",
    "distance",
    "going_along",
    "keeping",
    "states",
    "stretches",
]
