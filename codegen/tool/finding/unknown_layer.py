"""What is raised for a name that is no layer. It stands alone: who only reports it does not load the catalogue."""


class UnknownLayerError(ValueError):
    """A name that is no layer; the message says what was expected and what is near."""
