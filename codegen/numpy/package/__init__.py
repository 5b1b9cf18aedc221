"""What packages on NumPy consist of.

numpy_target   the backend as others see it, see `codegen.target`
module_text    Module -> text, and what it may say
runtime        the files that every package has; tables and loops in them are computed
"""
