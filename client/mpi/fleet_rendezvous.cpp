#include "client/mpi/fleet_rendezvous.hpp"

#include <poll.h>

#include <boost/json/object.hpp>
#include <thread>

#include "echo/report.hpp"

namespace client::mpi {
namespace {

constexpr std::chrono::microseconds pause{300};

/// Returns at once when `fd` is readable.
void sleep_beside(int fd) {
  pollfd entry{fd, POLLIN, 0};
  const timespec time{.tv_sec = 0, .tv_nsec = Nanoseconds{pause}.count()};
  if (::ppoll(&entry, 1, &time, nullptr) < 0) echo::pause_after_failed_wait();
}

}  // namespace

FleetRendezvous::FleetRendezvous(Share share, const echo::SignalWatch& signals)
    : signals_(signals) {
  rank_.share = share;
  rank_.host = host_name();
}

void FleetRendezvous::tell_in(FrameOutput& frames, Nanoseconds length) {
  frames_ = &frames;
  length_ = length;
  frames.add("hello", hello_text(rank_.host, rank_.share.ranks));
}

void FleetRendezvous::tell_ready() {
  if (frames_ == nullptr) return;
  const boost::json::object ready{{"deadline_ns", length_.count()}};
  frames_->add("ready", echo::text_of_document(ready));
}

void FleetRendezvous::tell_standing() {
  if (frames_ != nullptr) frames_->add("standing", "{}");
}

Waited wait_for(const std::function<bool()>& is_done, const echo::Stop& stop, Nanoseconds give_up) {
  for (;;) {
    if (is_done()) return Waited::done;
    if (stop.draining()) return Waited::stopped;
    if (now() >= give_up) return Waited::late;
    sleep_beside(stop.drain_fd());
  }
}

bool wait_briefly(const std::function<bool()>& is_done, Nanoseconds at_most) {
  const Nanoseconds until = now() + at_most;
  while (!is_done()) {
    if (now() >= until) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

}  // namespace client::mpi
