"""The points of curves, from the programs' documents: percentiles, connects, time series. Pure."""

import collections
import math

import compare_figures

from . import fields

#: docs/terminology.md: no percentile is given with fewer samples above it.
SAMPLES_ABOVE = compare_figures.SAMPLES_ABOVE
#: More points than this cannot be distinguished.
POINTS = 160
#: With fewer samples during the ramp a curve of it shows nothing.
RAMP_SAMPLES = 4


def nines(fraction):
    """The position of a percentile on an axis where 90 %, 99 %, 99.9 % have equal distances."""
    return -math.log10(max(1 - fraction, 1e-16))  # of very many samples it is 1, rounded


def merged(clients, name="echo"):
    """One histogram of several runs: ({bin: count}, the smallest value that is only a lower bound).

    Connections that waited throughout the run sent their message in the warm-up. They are counted
    with the measured ones, as a lower bound (compare_figures.percentile)."""
    counts, lowest = collections.Counter(), None
    for client in clients:
        histogram = fields.at(client, "latency", name)
        early = fields.at(client, "phases", "warm_up", "echo") if name == "echo" else None
        waiting = max(fields.number_at(early, "censored") or 0, 0)
        for lower, count in fields.list_at(histogram, "bins"):
            counts[lower] += count
        for one in (histogram, early if waiting else None):
            bound = fields.number_at(one, "lowest_censored")
            if fields.number_at(one, "censored") and bound is not None:
                lowest = bound if lowest is None else min(lowest, bound)
        bound = fields.number_at(early, "lowest_censored")
        if waiting and bound is not None:
            counts[int(bound)] += int(waiting)
    return counts, lowest


def percentiles(counts, lowest_bound=None):
    """[(fraction, ns)] as long as ten samples lie above and the value is not just a lower bound."""
    total = sum(counts.values())
    points, below = [], 0
    for lower in sorted(counts):
        below += counts[lower]
        value = compare_figures.middle(lower)
        if total - below < SAMPLES_ABOVE or (lowest_bound is not None and value >= lowest_bound):
            break
        points.append((below / total, value))
    return points


def percentile(counts, fraction, lowest_bound=None):
    """ns; None with too few samples above it, or where it is only a lower bound."""
    total = sum(counts.values())
    rank = math.ceil(total * fraction - 1e-9)
    if not total or total - rank < SAMPLES_ABOVE:
        return None
    below = 0
    for lower in sorted(counts):
        below += counts[lower]
        if below >= rank:
            value = compare_figures.middle(lower)
            return None if lowest_bound is not None and value >= lowest_bound else value
    return None


def thinned(points, place):
    """At most POINTS points, evenly spaced by `place`; the first and the last are kept."""
    if len(points) <= POINTS:
        return points
    first, last = place(points[0]), place(points[-1])
    step = (last - first) / POINTS or 1
    kept, due = [], first
    for point in points[:-1]:
        if place(point) >= due:
            kept.append(point)
            due = place(point) + step
    return [*kept, points[-1]]


def shares(counts):
    """[(ns, share of the samples up to it)]."""
    total, below, points = sum(counts.values()), 0, []
    for lower in sorted(counts):
        below += counts[lower]
        points.append((compare_figures.middle(lower), below / total))
    return thinned(points, lambda point: point[1])


def over_time(lines, name):
    """[(s, value)] of a field of the series; absent values are left out."""
    points = [(line["at_ns"] / 1e9, fields.number_at(line, name)) for line in lines]
    return [point for point in points if point[1] is not None]


def shows_ramp(lines):
    return sum(fields.text_at(line, "phase") == "connect" for line in lines) >= RAMP_SAMPLES


def established(lines):
    """[(s, connections)] during the ramp, and one sample after it."""
    points = over_time(lines, "established")
    if not points:
        return []
    most = points[-1][1]
    done = next(index for index, point in enumerate(points) if point[1] >= most)
    return [(0.0, 0), *points[: done + 2]]


def workers(server):
    """[[(s, messages/s)]], one list per worker, from a server's document."""
    found = collections.defaultdict(list)
    for interval in fields.list_at(server, "series"):
        begun, ended = interval["from_ns"], interval["to_ns"]
        if ended <= begun:
            continue
        for worker, told in enumerate(interval["workers"]):
            messages = fields.number_at(told, "messages")
            if messages is not None:
                found[worker].append(((begun + ended) / 2e9, messages * 1e9 / (ended - begun)))
    return [found[worker] for worker in sorted(found)]
