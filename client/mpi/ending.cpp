#include "client/mpi/ending.hpp"

#include <algorithm>
#include <thread>

namespace client::mpi {
namespace {

constexpr std::chrono::milliseconds after_a_signal{430};
constexpr std::chrono::microseconds pause{300};

/// Of a rank whose document is here. Its receipt is complete.
bool is_here(Other& other) {
  return other.sends_document && is_complete(other.receipt);
}

/// Until `is_done` or `bound`. Returns false at `bound`.
bool wait_until(const std::function<bool()>& is_done, const EndBound& bound) {
  while (!is_done()) {
    if (bound.has_passed()) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

/// A rank that a signal ended has no time to measure its clock.
void ask(Coordinator& coordinator, Other& other, const EndBound& bound) {
  const bool hurries = bound.is_urgent() || *other.ended >= echo::exit_signal;
  if (hurries) {
    coordinator.tell(other, Kind::hand_over);
  } else {
    coordinator.give_turn(other);
  }
}

}  // namespace

bool EndBound::is_urgent() const {
  return signals.last_signal() != 0 && signals.last_signal() != end_in_peace;
}

bool EndBound::has_passed() const {
  const Nanoseconds at = now();
  if (at >= latest) return true;
  if (signals.signal() == 0) return false;
  const Nanoseconds since = at - signals.signalled_at().time_since_epoch();
  return since >= after_any_signal || (is_urgent() && since >= after_a_signal);
}

std::vector<Part> gather_parts(Coordinator& coordinator, const EndBound& bound) {
  std::deque<Other>& others = coordinator.others();
  std::vector<bool> asked(others.size(), false);
  const auto all_are_here = [&] {
    coordinator.listen();
    for (std::size_t i = 0; i < others.size(); ++i) {
      if (asked[i] || !others[i].ended) continue;
      asked[i] = true;
      ask(coordinator, others[i], bound);
    }
    return std::all_of(others.begin(), others.end(), is_here);
  };
  wait_until(all_are_here, bound);
  std::vector<Part> parts;
  for (Other& other : others) {
    Part part{.rank = static_cast<std::uint32_t>(other.rank),
              .host = other.host,
              .code = other.ended.value_or(echo::exit_fail),
              .lost_its_server = other.lost_its_server,
              .document = is_here(other) ? std::move(other.document) : ""};
    parts.push_back(std::move(part));
  }
  return parts;
}

std::optional<int> hand_over(Member& member, const std::function<std::string()>& document_of,
                             const EndBound& bound) {
  const auto may_send = [&] {
    while (const std::optional<Note> note = member.take()) {
      if (note->kind == Kind::turn || note->kind == Kind::hand_over) return true;
    }
    return bound.is_urgent();
  };
  if (!wait_until(may_send, bound)) return std::nullopt;
  member.send_document(document_of());
  std::optional<int> code;
  const auto is_merged = [&] {
    while (const std::optional<Note> note = member.take()) {
      if (note->kind == Kind::merged) code = note->code;
    }
    return member.document_is_sent() && code.has_value();
  };
  wait_until(is_merged, bound);
  return code;
}

}  // namespace client::mpi
