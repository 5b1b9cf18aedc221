"""The forward half of a page: equations, settings put in, lets written out."""
