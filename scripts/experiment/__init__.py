"""What every experiment shares: a plan, its runs, the folder that keeps them, and the answers.

    figures    what one run tells, by name and unit         plan      cells, blocks, their order
    runs       one server, one client, what became of them  folder    a results folder on disk
    foreign    somebody else's server                       answer    comparisons and their verdicts
    slope      memory of a connection, over N               phrases   answers in words
    row        a run as runs.jsonl keeps it                 claim     one writer in a folder
    manifest   where and with what it was measured          live      progress in a terminal
    session    the loop over the runs, and its end          table     cells, as text
    options    what the programs take, asked of them        machine   what it tells of itself
    arguments  what a client's words ask for                index     the list of experiments
    atomic     a document on disk, whole or not at all
    sweeping   what --factor means                          ending    what is told at the end
    comparing  two servers, or two folders                  command   what entry points share

scripts/sweep, compare, stack-sweep and tune plan different runs; from there on all is the same, so
that one reader (scripts/report) and one rule for a verdict do for all of them. docs/experiments.md
tells how to read the results. Nothing here prints but live, table's callers and session.
"""
