"""The answer of a demo in sentences, computed from its figures (demo_figures.answer_of) alone.

Each sentence holds whatever the figures are: a thread per connection may be slower or faster than
the event loop, a connection may not have been served, a figure may be missing, a latency may be
only a lower bound, no limit may be known. Plain text, which reads the same in Markdown.
"""

from demo_table import duration, size

THREADS, LOOP = "thread-per-connection", "callbacks"
NAMES = {THREADS: "a thread per connection", LOOP: "an event loop"}
NO_DIFFERENCE = 1.2  # single runs vary by 20 %: a smaller ratio is none


def joined(clauses):
    return clauses[0] if len(clauses) == 1 else ", ".join(clauses[:-1]) + " and " + clauses[-1]


def sentence(text):
    return text[0].upper() + text[1:] + "."


# ---- served? -------------------------------------------------------------------------------------
def whole(answer, model):
    figures = answer["models"][model]
    served = all(figures[f"served_{part}"] == answer["connections"] for part in ("burst", "paced"))
    return served and all(figures[f"exit_{part}"] == 0 for part in ("burst", "paced", "server"))


def count(value):
    return "no result" if value is None else f"{value:,}"


def shortfall(answer, model):
    figures, wanted = answer["models"][model], answer["connections"]
    served = [figures["served_burst"], figures["served_paced"]]
    if served == [wanted, wanted]:
        return f"{NAMES[model]} served all of {wanted:,} connections, but a program failed"
    return (
        f"{NAMES[model]} did not serve all of {wanted:,} connections: {count(served[0])} in the "
        f"burst, {count(served[1])} paced"
    )


def verdict(answer):
    connections = f"{answer['connections']:,} concurrent connections"
    if answer["connections_wanted"] > answer["connections"]:
        connections += f" ({answer['connections_wanted']:,} do not fit on this machine)"
    if whole(answer, THREADS) and whole(answer, LOOP):
        compared = f"as an event loop ({LOOP}) does"
        return [f"Yes: a thread per connection serves {connections}, {compared}."]
    said = []
    for model in (THREADS, LOOP):
        complete = f"{NAMES[model]} serves {connections}"
        said.append(sentence(complete if whole(answer, model) else shortfall(answer, model)))
    return said


# ---- costs ---------------------------------------------------------------------------------------
def times(ratio):
    if ratio < 0.01:
        return "less than 0.01"
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"


class Comparison:
    """One figure of both models: `mine` of the threads, `other` of the loop. `bounds`: whether each
    is only a lower bound. `unit`: a function that makes a figure text."""

    def __init__(self, what, mine, other, unit, bounds=(False, False), remark=""):
        self.what, self.mine, self.other, self.bounds = what, mine, other, bounds
        texts = [(">= " if bound else "") + unit(v) for v, bound in zip((mine, other), bounds)]
        self.figures = f"({texts[0]} against {texts[1]}{remark})"

    def possible(self):
        return None not in (self.mine, self.other) and self.other > 0 and not all(self.bounds)

    def clause(self):
        ratio = self.mine / self.other
        same = 1 / NO_DIFFERENCE < ratio < NO_DIFFERENCE
        if same and not any(self.bounds):
            return f"about the same {self.what} {self.figures}"
        bound = "at least " if self.bounds[0] else "at most " if self.bounds[1] else ""
        return f"{bound}{times(ratio)} times the {self.what} {self.figures}"


def cpu_compared(mine, other):
    seen = mine["cpu_per_echo_paced_includes_softirq"], other["cpu_per_echo_paced_includes_softirq"]
    remark = ", without softirq threads" if seen == (False, False) else ""
    values = [figures["cpu_per_echo_paced_ns"] for figures in (mine, other)]
    if seen[0] != seen[1]:  # one sum holds them and one does not
        values[0 if not seen[0] else 1] = None
    return Comparison("CPU per echo", *values, duration, remark=remark)


def memory_compared(mine, other):
    lost = [figures["free_memory_bytes_per_connection"] for figures in (mine, other)]
    if None not in lost:
        return Comparison("memory per connection", *lost, size, remark=", both ends and kernel")
    sums = []
    for figures in (mine, other):
        parts = figures["resident_bytes_per_connection"], figures["kernel_bytes_per_connection"]
        sums.append(None if None in parts else sum(parts))
    remark = ", resident in the server and kernel of both ends"
    return Comparison("memory per connection", *sums, size, remark=remark)


def costs(answer):
    if not (whole(answer, THREADS) and whole(answer, LOOP)):
        return ["The costs are not compared, because a run was not complete."]
    mine, other = answer["models"][THREADS], answer["models"][LOOP]
    rate = answer["paced_echoes_per_s"]
    bounds = mine["echo_p99_is_lower_bound"], other["echo_p99_is_lower_bound"]
    compared = [
        cpu_compared(mine, other),
        Comparison(
            "p99",
            mine["echo_p99_ns"],
            other["echo_p99_ns"],
            duration,
            bounds,
            f" at {rate:,.0f} echoes/s" if rate else "",
        ),
        memory_compared(mine, other),
    ]
    possible = [c.clause() for c in compared if c.possible()]
    missing = [f"{c.what} {c.figures}" for c in compared if not c.possible()]
    said = []
    if possible:
        said.append(f"Compared with the event loop it costs {joined(possible)}.")
    if missing:
        said.append(f"Not comparable here: {joined(missing)}.")
    return said


# ---- how far -------------------------------------------------------------------------------------
def named(limit):
    return f"{limit['name']} ({limit['source']})"


def room(limit):
    return f"{limit['bites_at'] - 1:,}"


def then(limits):
    return f", the next is {named(limits[1])} at {room(limits[1])}" if len(limits) > 1 else ""


def rounded_down(value):
    """Three significant digits: an estimate has no more."""
    step = 10 ** max(0, len(str(value)) - 3)
    return value - value % step


def limits_met(answer):
    mine, other = (answer["models"][model]["limits"] for model in (THREADS, LOOP))
    if mine is None:
        return ["The limits of this machine were not read."]
    if not mine:
        return ["limits finds no limit that ends it on this machine."]
    said = [
        f"This machine's limits would allow {room(mine[0])} such connections (computed, not run): the "
        f"first limit is {named(mine[0])}{then(mine)}."
    ]
    if other == []:
        said.append("limits finds none that ends the event loop.")
    elif other and all(other[0][key] == mine[0][key] for key in ("name", "bites_at")):
        said.append("The event loop has the same first limit.")
    elif other:
        said.append(f"The event loop's first limit is {named(other[0])} at {room(other[0])}.")
    return said


def memory_would_hold(answer):
    available = answer["available_memory_bytes"]
    held = []
    for model, whose in ((THREADS, "connections with a thread each"), (LOOP, "of the event loop's")):
        each = answer["models"][model]["free_memory_bytes_per_connection"]
        if available and each:
            held.append(f"{rounded_down(available // each):,} {whose}")
    if not held or not held[0].endswith("a thread each"):  # the second clause needs the first
        return []
    memory = f"{available / 2**30:.1f} GiB"
    return [f"The machine's {memory} of available memory would hold {' or '.join(held)}."]


# ---- all of it -----------------------------------------------------------------------------------
def paragraphs(answer):
    """Two lists of sentences: what was measured; how far it goes, which is computed."""
    return [verdict(answer) + costs(answer), limits_met(answer) + memory_would_hold(answer)]
