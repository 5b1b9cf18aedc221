"""One pass over elements, row by row: what is computed of each, and what is added up along rows and over them."""
