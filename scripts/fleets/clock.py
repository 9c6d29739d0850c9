"""How far the clock of another machine is ahead of this one's. Pure but for the clock it is handed.

Each round trip gives an offset: the time that the other machine answered, less the middle between
sending and receiving. It is wrong by half of the round trip at most, whatever the way there and the
way back took. So the shortest of many round trips gives the offset, and its half the bound.

    clock = Clock(send)              send(id): asks the other machine
    clock.begin(now_ns)
    clock.answered(id, ns, now_ns)   its answer
    clock.offset                     Offset(...), once clock.busy is False; None: no answer
"""

import dataclasses

TRIPS, WARM_UP = 200, 20
#: Nanoseconds: for all round trips together, and for one that has no answer.
BUDGET, PATIENCE = 2_000_000_000, 500_000_000


@dataclasses.dataclass(frozen=True)
class Offset:
    """In nanoseconds."""

    ns: int  #: its clock less this one's
    bound: int  #: the error is at most this
    at: int  #: when, on its clock

    def there(self, here):
        """A time of this machine on the other's clock."""
        return here + self.ns

    def here(self, there):
        return there - self.ns


class Clock:
    def __init__(self, send, budget=BUDGET):
        self.send, self.budget = send, budget
        self.busy, self.offset = False, None
        self.last_id = 0
        self.asked_at = None  #: of the request whose answer is awaited
        self.left = self.give_up = 0

    def begin(self, now):
        self.busy, self.offset = True, None
        self.left, self.give_up = TRIPS + WARM_UP, now + self.budget
        self._ask(now)

    def ask_once(self, now):
        """Whether it still answers. Nothing is measured."""
        if not self.busy:
            self.left, self.give_up = 0, now
            self._ask(now)

    def _ask(self, now):
        self.last_id += 1
        self.asked_at = now
        self.send(self.last_id)

    def answered(self, number, ns, now):
        if number != self.last_id or self.asked_at is None:
            return  # of a request that was given up
        trip, middle = now - self.asked_at, (now + self.asked_at) // 2
        self.asked_at = None
        if not self.busy:
            return
        self.left -= 1
        # The first ones find caches cold and a host whose address is not known yet.
        if self.left < TRIPS and (self.offset is None or trip < 2 * self.offset.bound):
            self.offset = Offset(ns - middle, (trip + 1) // 2, ns)
        self._go_on(now)

    def look(self, now):
        """Asks again where an answer was lost, and ends in time."""
        if self.busy and self.asked_at is not None and now - self.asked_at > PATIENCE:
            self._go_on(now)

    def _go_on(self, now):
        if self.left <= 0 or now > self.give_up:
            self.busy = False
        else:
            self._ask(now)
