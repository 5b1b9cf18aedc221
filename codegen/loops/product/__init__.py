"""Kernel -> functions of C for people without Python: readable, in files of their own, with a plain interface.

Nothing here is called by other code of this house. Loops are written from Forms, statement by statement, in the records
and by the printer that compiled loops have, too.
"""
