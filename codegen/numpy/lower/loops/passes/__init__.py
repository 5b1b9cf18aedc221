"""Statements that one pass over elements computes, alone or with others: what is read and written at one place."""
