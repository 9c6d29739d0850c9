#include "client/mpi/clock_exchange.hpp"

#include <sched.h>

#include <cstdint>
#include <vector>

#include "client/mpi/note.hpp"
#include "client/result/clock_offset.hpp"

namespace client::mpi {
namespace {

constexpr std::chrono::milliseconds patience{250};
/// Where a round trip takes long, fewer must do: the ranks measure one after the other, and their
/// results wait for the last.
constexpr std::chrono::milliseconds longest_exchange{250};

/// A question and its answer. What is left of an earlier turn, which one end gave up, has its
/// number.
struct Ping {
  std::int64_t turn = 0;
  std::int64_t number = 0;   ///< of the round trip
  std::int64_t ns = 0;       ///< of the answer: the time
  std::int64_t is_last = 0;  ///< of the question: 1 if no other one follows
};

/// One end of the exchanges with `peer`. Both wait until patience is over, or a signal has come.
class PingPeer {
 public:
  PingPeer(int peer, const echo::SignalWatch& signals) : peer_(peer), signals_(signals) {}

  /// Waits for a Ping with this tag and turn, and number `at_least`; earlier ones are dropped.
  /// Afterwards `at` is the time at which it was seen. false: none came.
  bool receive(Ping& ping, Tag tag, int turn, std::int64_t at_least, Nanoseconds& at) const {
    const Nanoseconds until = now() + patience;
    for (;;) {
      MPI_Request request = MPI_REQUEST_NULL;
      if (MPI_Irecv(&ping, sizeof ping, MPI_BYTE, peer_, tag, MPI_COMM_WORLD, &request) !=
          MPI_SUCCESS)
        return false;
      if (!wait_for(request, until)) {
        cancel(request);
        return false;
      }
      at = now();
      if (ping.turn == turn && ping.number >= at_least) return true;
    }
  }

  /// Sends `ping`. What is not taken at once is small, and kept by MPI; false: the peer is gone.
  bool send(const Ping& ping, Tag tag) const {
    MPI_Request request = MPI_REQUEST_NULL;
    if (MPI_Isend(&ping, sizeof ping, MPI_BYTE, peer_, tag, MPI_COMM_WORLD, &request) !=
        MPI_SUCCESS)
      return false;
    if (wait_for(request, now() + patience)) return true;
    MPI_Request_free(&request);
    return false;
  }

 private:
  bool wait_for(MPI_Request& request, Nanoseconds until) const {
    while (!is_complete(request)) {
      if (now() >= until || signals_.signal() != 0) return false;
      ::sched_yield();  // the other end may need this processor
    }
    return true;
  }

  int peer_;
  const echo::SignalWatch& signals_;
};

}  // namespace

std::optional<ClockOffset> measure_clock(int turn, const echo::SignalWatch& signals) {
  const PingPeer peer{0, signals};
  const Nanoseconds until = now() + longest_exchange;
  std::vector<RoundTrip> trips;
  trips.reserve(clock_trips);
  Ping question{.turn = turn};
  while (question.is_last == 0) {
    Ping answer;
    RoundTrip trip;
    trip.sent = now();
    question.is_last = question.number + 1 == clock_trips || trip.sent >= until ? 1 : 0;
    if (!peer.send(question, ping_tag) ||
        !peer.receive(answer, pong_tag, turn, question.number, trip.received))
      break;
    trip.answered = Nanoseconds{answer.ns};
    trips.push_back(trip);
    ++question.number;
  }
  return offset_of(trips);
}

bool answer_clock(int rank, int turn, const echo::SignalWatch& signals) {
  const PingPeer peer{rank, signals};
  Ping ping;
  for (std::int64_t number = 0; ping.is_last == 0; ++number) {
    Nanoseconds at{};
    if (!peer.receive(ping, ping_tag, turn, number, at)) return false;
    ping.ns = at.count();
    if (!peer.send(ping, pong_tag)) return false;
  }
  return true;
}

}  // namespace client::mpi
