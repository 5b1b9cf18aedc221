"""Plan -> Plan in which memory is used again.

planned         Plan              Memory: buffers given back after their last use    memory.py
without_copies  records           records without copies that only rename            copies.py
"""
