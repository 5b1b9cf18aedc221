"""How much the tests notice: small faults are put into derive/ and codegen/, one at a time, and the tests have to fail.

    python -m tests.mutants record          which tests reach which lines, once per state of the checkout
    python -m tests.mutants run             200 mutants, drawn by a seed; goes on where it was interrupted
    python -m tests.mutants report          the figures, and the mutants that no test noticed

stage       input                       output                                          where
sites       the sources                 every mutant that there is, in order            sites, operators
sample      mutants, a seed             those to be tried                               sites
record      the tests                   the lines that each test reaches, its seconds   reach, plugin
run         a mutant, a copy of         killed, timeout or survived, and by what test   trial, copy
            the checkout
report      the results                 a table                                         report

The checkout is never altered: the tests run in copies of it. Imported by nothing; needs coverage (`.[mutants]`).
"""
