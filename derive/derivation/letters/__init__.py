"""Letters of a page: what each name is written with, so that no letter has two meanings."""
