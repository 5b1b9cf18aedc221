"""What is raised for a mistake in an equation. It stands alone so that who only reports it does not load SymPy."""


class EquationError(ValueError):
    """An equation that is not well formed; the message names the tensor or index and says what is expected."""
