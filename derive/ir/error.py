"""What is raised for a mistake in an equation. It stands alone so that who only reports it does not load SymPy."""

from typing import Self


class EquationError(ValueError):
    """An equation that is not well formed; the message names the tensor or index and says what is expected.

    Attributes:
        message: what is wrong and what was expected, where that is told apart from the place; "" elsewhere.
        line: where in the text it is, counted from 1; 0 where no place is known.
        column: the same of the column.
        length: how many characters of that line are meant.
    """

    message = ""
    line = column = length = 0

    def placed(self, message: str, line: int, column: int, end: int) -> Self:
        """The same, which now knows where in the text it is: from a column to before another."""
        self.message, self.line, self.column, self.length = message, line, column, max(end - column, 1)
        return self
