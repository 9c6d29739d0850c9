"""What scripts/stack-sweep adds to an experiment: where a stack's true edge lies, and what fits.

    edge      the search for the smallest size that holds, one page above one that faults (pure)
    probing   the runs that the search makes, kept with the others
    fit       how many threads of a size this machine holds, and which limit it is (pure, but ask)
    memory    what a connection costs by stack size and depth, as slopes, and whether it is flat
    costs     the same as rows and lines for people
    telling   all of that as findings and as text for one screen
"""
