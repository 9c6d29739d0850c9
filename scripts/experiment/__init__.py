"""What all experiments share: a plan, its runs, the folder that stores them, and the answers.

    plan            cells, blocks, their order     answer        comparisons and their verdicts
    runs            one run: server and client     answer_text   answers in words
    run_record      a line of runs.jsonl           slope         memory per connection, over N
    figures         named figures of one run       table         cells and values, as text
    arguments       values of a command line       summary       the report at the end
    foreign_server  a server of another project    live_table    progress on stderr
    folder          a results folder               session       the loop over the runs
    folder_lock     one writer per folder          command       options all entry points have
    atomic          atomic writes of a document    manifest      machine and build of an experiment
    index           the list of results folders    machine       what /proc and /sys report
    csv_table       the runs for other programs    design_form   the form of experiment.json
    quantity        the value of a level
    sweep_design    factors of scripts/sweep       options       what the programs accept
    comparison      two servers or two folders

scripts/sweep, compare, stack-sweep and tune plan different runs. Everything after the plan is
shared, so one reader (scripts/report) and one rule for a verdict serve all of them.
docs/experiments.md describes how to read the results. Only live_table, session and the callers of
table print.
"""
