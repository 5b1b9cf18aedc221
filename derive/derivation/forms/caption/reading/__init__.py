"""Row -> Caption: what counts along axes, how they are read, which operand windows slide over."""
