"""The plans of a network's functions, in which memory is used again.

network_plan    kernel            the function's own statements, and calls of blocks  network_plans.py
planned         Plan              Memory: buffers given back after their last use     memory.py
without_copies  records           records without copies that only rename             copies.py
"""
