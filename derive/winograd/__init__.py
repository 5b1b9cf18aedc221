"""Fast correlation: Cook-Toom algorithms, also called Winograd's minimal filtering."""

from derive.winograd.cook_toom import CookToom, cook_toom
from derive.winograd.points import parse_points, standard_points
from derive.winograd.proof import prove

__all__ = ["CookToom", "cook_toom", "parse_points", "prove", "standard_points"]
