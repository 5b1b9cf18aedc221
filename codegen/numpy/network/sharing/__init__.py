"""What functions of one module compute alike, under other names and at other sizes -> functions that they share.

runs               drafts              records that several places have alike          runs.py
extents            such runs           sizes in place of numbers that differ           general_extents.py
functions          drafts, such runs   drafts that call functions, and these           shared_functions.py
"""
