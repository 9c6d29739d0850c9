#include "client/connection/receive_sampler.hpp"

#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "echo/splitmix64.hpp"

namespace client {
namespace {

bool switch_on_timestamps(int fd) {
  const int on = 1;
  return ::setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) == 0;
}

/// The kernel's stamp of the last segment that `message` holds.
std::optional<Nanoseconds> stamp_of(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec time{};
    std::memcpy(&time, CMSG_DATA(part), sizeof time);
    return std::chrono::seconds{time.tv_sec} + Nanoseconds{time.tv_nsec};
  }
  return std::nullopt;
}

/// Of all reads, one in this many is sampled.
constexpr std::uint64_t reads_per_sample = 64;

}  // namespace

PacketTimestamps::PacketTimestamps(bool on) {
  if (!on) return;
  socket_.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (socket_) switch_on_timestamps(socket_.get());
}

void ReceiveSampler::begin(std::uint32_t connections, Record record) {
  record_ = std::move(record);
  const std::uint64_t stamped = (std::uint64_t{connections} + of_each - 1) / of_each;
  gap_ = static_cast<std::uint32_t>(reads_per_sample * stamped / std::max(connections, 1U));
  choose_next();
  wall_clock_.emplace(read_clocks());
}

/// 1 to 2 gap_ - 1. They vary, or connections that are served in turns would be sampled at the same
/// one in each turn.
void ReceiveSampler::choose_next() {
  const std::uint64_t chosen = echo::splitmix64(sampled_) % (2 * std::max(gap_, 1U) - 1);
  until_next_ = static_cast<std::int32_t>(chosen) + 1;
}

void ReceiveSampler::stamp(Connection& connection) {
  connection.stamped = switch_on_timestamps(connection.fd);
}

ssize_t ReceiveSampler::receive(int fd, std::span<std::byte> room) {
  iovec part{room.data(), room.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(timespec))> control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(fd, &message, 0);
  if (got <= 0) return got;
  const ClockReading reading = read_clocks();
  ++sampled_;
  choose_next();
  const std::optional<Nanoseconds> stamp = stamp_of(message);
  // The check must see each reading, with a stamp or without.
  if (!wall_clock_->was_set(reading) && stamp) record_(reading.wall - *stamp);
  return got;
}

}  // namespace client
