#include "client/mpi/clock_exchange.hpp"

#include <sched.h>

#include <cstdint>
#include <vector>

#include "client/mpi/note.hpp"
#include "client/result/clock_offset.hpp"

namespace client::mpi {
namespace {

constexpr std::chrono::milliseconds patience{250};
constexpr int all_trips = warm_up_trips + clock_trips;

/// A question and its answer. What is left of an earlier turn, which one end gave up, has its
/// number.
struct Ping {
  std::int64_t turn = 0;
  std::int64_t number = 0;  ///< of the round trip
  std::int64_t ns = 0;      ///< of the answer: the time
};

/// Waits for a Ping with this tag and turn, and number `at_least`; earlier ones are dropped.
/// Afterwards `at` is the time at which it was seen. false: none came.
bool receive(Ping& ping, int peer, Tag tag, int turn, std::int64_t at_least, Nanoseconds& at) {
  const Nanoseconds until = now() + patience;
  for (;;) {
    MPI_Request request = MPI_REQUEST_NULL;
    if (MPI_Irecv(&ping, sizeof ping, MPI_BYTE, peer, tag, MPI_COMM_WORLD, &request) != MPI_SUCCESS)
      return false;
    while (!is_complete(request)) {
      if (now() >= until) {
        cancel(request);
        return false;
      }
      ::sched_yield();  // the other end may need this processor
    }
    at = now();
    if (ping.turn == turn && ping.number >= at_least) return true;
  }
}

/// Sends `ping`. What is not taken at once is small, and kept by MPI; false: the peer is gone.
bool send(Ping& ping, int peer, Tag tag) {
  MPI_Request request = MPI_REQUEST_NULL;
  if (MPI_Isend(&ping, sizeof ping, MPI_BYTE, peer, tag, MPI_COMM_WORLD, &request) != MPI_SUCCESS)
    return false;
  const Nanoseconds until = now() + patience;
  while (!is_complete(request)) {
    if (now() >= until) {
      MPI_Request_free(&request);
      return false;
    }
    ::sched_yield();
  }
  return true;
}

}  // namespace

std::optional<ClockOffset> measure_clock(int turn) {
  std::vector<RoundTrip> trips;
  trips.reserve(clock_trips);
  for (int number = 0; number < all_trips; ++number) {
    Ping question{turn, number};
    Ping answer;
    RoundTrip trip;
    trip.sent = now();
    if (!send(question, 0, ping_tag) || !receive(answer, 0, pong_tag, turn, number, trip.received))
      break;
    trip.answered = Nanoseconds{answer.ns};
    if (number >= warm_up_trips) trips.push_back(trip);
  }
  return offset_of(trips);
}

bool answer_clock(int rank, int turn) {
  for (int number = 0; number < all_trips; ++number) {
    Ping ping;
    Nanoseconds at{};
    if (!receive(ping, rank, ping_tag, turn, number, at)) return false;
    ping.ns = at.count();
    if (!send(ping, rank, pong_tag)) return false;
  }
  return true;
}

}  // namespace client::mpi
