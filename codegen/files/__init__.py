"""Texts of modules -> files: audited before anybody runs them, written whole or not at all."""
