"""The gradient half of a page: rows from the chain rule to the box, and the recurrence."""
