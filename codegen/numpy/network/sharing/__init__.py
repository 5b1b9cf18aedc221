"""What functions of one module compute alike, under other names and at other sizes -> functions that they share.

likeness           two records, names and sizes        what of the one stands for what of the other
runs               drafts of functions                 records that several places have alike
shared_functions   drafts, such runs                   drafts that call functions, and these
"""
