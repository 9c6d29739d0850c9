#include "client/measure/tally.hpp"

#include <numeric>

namespace client {

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::served:
      return "served";
    case Outcome::refused:
      return "refused";
    case Outcome::connect_timeout:
      return "connect_timeout";
    case Outcome::unreachable:
      return "unreachable";
    case Outcome::local_limit:
      return "local_limit";
    case Outcome::reset:
      return "reset";
    case Outcome::closed_early:
      return "closed_early";
    case Outcome::short_echo:
      return "short";
    case Outcome::timeout:
      return "timeout";
    case Outcome::mismatch:
      return "mismatch";
    case Outcome::foreign:
      return "foreign";
    case Outcome::extra:
      return "extra";
    case Outcome::status_4xx:
      return "status_4xx";
    case Outcome::status_5xx:
      return "status_5xx";
    case Outcome::status_other:
      return "status_other";
    case Outcome::parse_error:
      return "parse_error";
    case Outcome::stale_connection:
      return "stale_connection";
    case Outcome::closed_by_server:
      return "closed_by_server";
    case Outcome::server_lost:
      return "server_lost";
    case Outcome::interrupted:
      return "interrupted";
    case Outcome::deadline:
      return "deadline";
    case Outcome::not_attempted:
      return "not_attempted";
    case Outcome::other_error:
      return "other_error";
  }
  return "unknown";
}

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::connect:
      return "connect";
    case Phase::echo:
      return "echo";
    case Phase::idle:
      return "idle";
    case Phase::drain:
      return "drain";
  }
  return "unknown";
}

void Tally::end(const Failure& how, std::uint64_t count) {
  if (count == 0) return;
  ended[static_cast<std::size_t>(how.outcome)] += count;
  if (how.outcome != Outcome::served) failures[how] += count;
}

void Tally::reclassify(const Failure& from, Outcome to, std::uint64_t count) {
  ended[static_cast<std::size_t>(from.outcome)] -= count;
  if ((failures[from] -= count) == 0) failures.erase(from);
  ended[static_cast<std::size_t>(to)] += count;
  failures[{to, from.phase, from.error}] += count;
}

std::uint64_t Tally::failed() const {
  return std::accumulate(ended.begin(), ended.end(), std::uint64_t{0}) - count(Outcome::served);
}

std::uint64_t Tally::verified() const {
  return (ramp ? ramp->verified : 0) + (warm_up ? warm_up->verified : 0) + measured.verified;
}

Echoes& Echoes::operator+=(const Echoes& other) {
  sent += other.sent;
  verified += other.verified;
  bytes_verified += other.bytes_verified;
  late += other.late;
  unsent += other.unsent;
  latency += other.latency;
  return *this;
}

Tally& Tally::operator+=(const Tally& other) {
  established += other.established;
  total += other.total;
  for (std::size_t i = 0; i < ended.size(); ++i) ended[i] += other.ended[i];
  for (const auto& [failure, count] : other.failures) failures[failure] += count;
  late_resets += other.late_resets;
  reconnects += other.reconnects;
  slow_connects += other.slow_connects;
  partial_timeouts += other.partial_timeouts;
  if (!first_mismatch) first_mismatch = other.first_mismatch;
  if (!first_fault) first_fault = other.first_fault;
  if (protocol.empty()) protocol = other.protocol;
  connect += other.connect;
  for (const auto phase : {&Tally::ramp, &Tally::warm_up}) {
    if (!(other.*phase)) continue;
    if (!(this->*phase)) (this->*phase).emplace();
    *(this->*phase) += *(other.*phase);
  }
  measured += other.measured;
  wire += other.wire;
  lateness += other.lateness;
  receive_lateness += other.receive_lateness;
  retransmissions += other.retransmissions;
  echoes_within += other.echoes_within;
  bytes_within += other.bytes_within;
  connections_within += other.connections_within;
  waits_within += other.waits_within;
  return *this;
}

}  // namespace client
