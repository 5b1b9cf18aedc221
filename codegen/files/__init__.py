"""Texts of modules, as a backend hands them over -> files: audited before anybody runs them, written whole or not."""
