"""Fast correlation: Cook-Toom algorithms, also called Winograd's minimal filtering."""

from gradscribe.derive.catalogue.winograd.cook_toom import CookToom, cook_toom
from gradscribe.derive.catalogue.winograd.points import parse_points, standard_points
from gradscribe.derive.catalogue.winograd.proof import prove

__all__ = ["CookToom", "cook_toom", "parse_points", "prove", "standard_points"]
