"""What scripts/stack-sweep adds to an experiment: the smallest stack, and the threads that fit.

    smallest_size   the search for the smallest size that holds, a page above one that faults (pure)
    probes          the runs of the search, stored with the others
    fit             how many threads of a size this machine holds, and which limit applies
    memory          memory per connection by stack size and depth, as slopes, and whether it is flat
    costs           the same as table rows and lines of text
    results_text    all of that as sections of the results and as text for one screen
"""
