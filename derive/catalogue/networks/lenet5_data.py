"""The two tables of LeNet-5: which maps C3 reads, and the codes of the ten digits.

Source: LeCun et al., Gradient-based learning applied to document recognition, 1998, table I and figure 3.
"""

_CONNECTIONS = """
X...XXX..XXXX.XX
XX...XXX..XXXX.X
XXX...XXX..X.XXX
.XXX..XXXX..X.XX
..XXX..XXXX.XX.X
...XXX..XXXX.XXX
"""

# The digits of figure 3, 7 pixels wide and 12 high. Those that letters resemble (0, 2, 4, 5) are drawn as letters with
# a bar above: the codes of characters that are easily confused are to differ little.
_PICTURES = """
.#####. ...##.. .#####. ####### .#####. .#####. ..####. ####### .#####. .#####.
....... ..###.. ....... .....## ....... ....... .##.... .....## ##...## ##..###
..###.. .####.. .#####. ....##. ....... ####### ##..... .....## ##...## ##...##
.##.##. ...##.. ##...## ...##.. .##..## ##..... ##..... ....##. ##...## ##...##
##...## ...##.. #....## ..####. .##..## ##..... ######. ...##.. .#####. ##..###
##...## ...##.. ....##. .....## ###..## .####.. ###..## ...##.. ##...## .######
##...## ...##.. ..###.. .....## ##...## ..####. ##...## ..##... ##...## .....##
##...## ...##.. .##.... .....## ##...## .....## ##...## ..##... ##...## .....##
.##.##. ...##.. ##..... ##...## ##..### ##...## ###..## ..##... ##...## ....##.
..###.. .###### ####### .#####. .###### .#####. .#####. ..##... .#####. .####..
....... ....... ....... ....... .....## ....... ....... ....... ....... .......
....... ....... ....... ....... .....## ....... ....... ....... ....... .......
"""

TABLE = tuple(tuple(int(mark == "X") for mark in row) for row in _CONNECTIONS.split())
"""1 where a map of S2 (row, 6) is read by a map of C3 (column, 16), else 0."""

BITMAPS = tuple(
    tuple(1 if pixel == "#" else -1 for row in _PICTURES.strip().splitlines() for pixel in row.split()[digit])
    for digit in range(10)
)
"""The code of every digit (10 of 84): its picture row by row, 1 for ink and -1 for paper."""
