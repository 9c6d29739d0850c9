"""What scripts/tune adds to the experiments: files that describe one (spec), private network
namespaces to run it in (namespace, inside, rehearsal, arms), host-wide settings that are put back
(host, journal, snapshot), and what is said of all that (tell).

Nothing here changes a network setting of the host: whatever begins with `net.` is written inside a
namespace that was made for one run, except the host-wide ones that host.py lists by name.
"""
