#include "server/acceptor.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <system_error>

namespace server {
namespace {

/// Connections shed in a row before a pause. Each took 23 to 31 us, the kernel's part included, so
/// one batch in 10 ms takes about 3 % of a core.
constexpr int batch = 10;
/// Connections beyond --max-connections closed in a row, ~25 us each, before the caller has its
/// turn: a crowd that connects again and again must not keep it from its connections and its stop.
constexpr int refusals_in_a_row = 64;

echo::Descriptor open_reserve() {
  return echo::Descriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
}

}  // namespace

AcceptAdvice advice_for(int accept_errno) {
  switch (accept_errno) {
    case EAGAIN:
      return AcceptAdvice::nothing_waits;
    case EMFILE:
    case ENFILE:
      return AcceptAdvice::shed;
    case ENOBUFS:
    case ENOMEM:
      return AcceptAdvice::back_off;
    case EBADF:
    case EFAULT:
    case EINVAL:
    case ENOTSOCK:
      return AcceptAdvice::fatal;
    default:
      // Those that accept(2) lists (ECONNABORTED, EPROTO, EPERM, ...), and what protocols and
      // security modules return beside them (EACCES, ENOSR, ...): errors of one connection.
      return AcceptAdvice::retry;
  }
}

ReserveDescriptor::ReserveDescriptor() : reserve_(open_reserve()) {}

bool ReserveDescriptor::shed_one(int listener) {
  reserve_.reset();
  echo::Descriptor connection{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
  const bool shed = static_cast<bool>(connection);
  connection.reset();  // before the reserve is opened again: there is room for only one of the two
  reserve_ = open_reserve();
  return shed;
}

bool ReserveDescriptor::shed_batch(int listener, Counters& counters) {
  int shed = 0;
  while (shed < batch && shed_one(listener)) ++shed;
  for (int i = 0; i < shed; ++i) counters.shed(Shed::descriptors);
  return shed > 0;
}

std::chrono::milliseconds BackOff::next() {
  const auto now = next_;
  next_ = std::min(next_ * 2, last);
  return now;
}

bool admit(Counters& counters, std::uint64_t open, std::optional<std::uint64_t> limit) {
  if (!limit || open < *limit) return true;
  counters.shed(Shed::max_connections);
  return false;
}

echo::Descriptor Acceptor::take_one() {
  const int flags = SOCK_CLOEXEC | (nonblocking_ ? SOCK_NONBLOCK : 0);
  std::shared_lock<std::shared_mutex> lock;
  if (shared_accept_ != nullptr) lock = std::shared_lock(shared_accept_->mutex);
  return echo::Descriptor{::accept4(listener_, nullptr, nullptr, flags)};
}

bool Acceptor::shed() {
  std::unique_lock<std::shared_mutex> lock;
  if (shared_accept_ != nullptr) lock = std::unique_lock(shared_accept_->mutex);
  return reserve_.shed_batch(listener_, counters_);
}

void Acceptor::pause() {
  const int acceptors = shared_accept_ != nullptr ? shared_accept_->acceptors : 1;
  paused_until_ = Clock::now() + back_off_.next() * acceptors;
}

echo::Descriptor Acceptor::accept(std::uint64_t open) {
  if (paused_until_) {
    if (Clock::now() < *paused_until_) return echo::Descriptor{};
    paused_until_.reset();
  }
  for (int refusals = 0; refusals < refusals_in_a_row;) {
    echo::Descriptor socket = take_one();
    if (socket) {
      back_off_.reset();
      if (admit(counters_, open, max_connections_)) return socket;
      ++refusals;
      continue;
    }
    switch (advice_for(errno)) {
      case AcceptAdvice::retry:
        if (back_off_.retries_at_once()) continue;
        pause();
        return echo::Descriptor{};
      case AcceptAdvice::nothing_waits:
        return echo::Descriptor{};
      case AcceptAdvice::shed:
        if (shed()) back_off_.reset();
        pause();
        return echo::Descriptor{};
      case AcceptAdvice::back_off:  // the connection is still in the queue
        pause();
        return echo::Descriptor{};
      case AcceptAdvice::fatal:
        throw std::system_error(errno, std::generic_category(), "accept");
    }
  }
  return echo::Descriptor{};
}

int Acceptor::pause_ms() const {
  if (!paused_until_) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*paused_until_ - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

}  // namespace server
