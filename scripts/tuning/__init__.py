"""What scripts/tune adds to the experiments: the file of an experiment (spec), private network
namespaces to run it in (namespace, namespace_settings, feasibility, arm_runner), host-wide settings
and how they are restored (host, journal, snapshot), and the text of the results (results_text).

Nothing here changes a network setting of the host. Settings named `net.` are written in a namespace
that was created for one run, except the host-wide ones that host.py lists by name.
"""
