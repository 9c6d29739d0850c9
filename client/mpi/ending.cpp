#include "client/mpi/ending.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "echo/output/status_lines.hpp"
#include "limits/proc_text.hpp"

namespace client::mpi {
namespace {

constexpr std::chrono::milliseconds after_a_signal{430};
constexpr std::chrono::microseconds pause_of_an_end{300};
constexpr std::chrono::seconds until_told{2};

/// Of a rank whose document is here. Its receipt is complete.
bool is_here(Other& other) {
  return other.sends_document && is_complete(other.receipt);
}

/// Until `is_done` or `bound`. Returns false at `bound`.
bool wait_until(const std::function<bool()>& is_done, const EndBound& bound) {
  while (!is_done()) {
    if (bound.has_passed()) return false;
    std::this_thread::sleep_for(pause_of_an_end);
  }
  return true;
}

void tell_who_is_missing(std::deque<Other>& others) {
  std::string text;
  for (Other& other : others) {
    if (is_here(other)) continue;
    text += fmt::format("{}rank {} on {}", text.empty() ? "" : ", ", other.rank,
                        limits::printable(other.host));
  }
  echo::write_message("client-mpi: waiting for the results of " + text + "\n");
}

/// A rank that a signal ended sends its document unasked, and may be gone by now: Open MPI ends a
/// program that sends to a rank which is gone.
void ask(Coordinator& coordinator, Other& other, const EndBound& bound) {
  if (*other.ended >= echo::exit_signal) return;
  if (bound.is_urgent()) {
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
  const Nanoseconds told_at = now() + until_told;
  bool told = false;
  const auto all_are_here_or_told = [&] {
    if (all_are_here()) return true;
    if (!told && now() >= told_at) tell_who_is_missing(others);
    told = told || now() >= told_at;
    return false;
  };
  wait_until(all_are_here_or_told, bound);
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

std::optional<Merged> hand_over(Member& member, const std::function<std::string()>& document_of,
                                const EndBound& bound) {
  const auto may_send = [&] {
    while (const std::optional<Note> note = member.take()) {
      if (note->kind == Kind::turn || note->kind == Kind::hand_over) return true;
    }
    return bound.signals.signal() != 0;
  };
  if (!wait_until(may_send, bound)) return std::nullopt;
  member.send_document(document_of());
  std::optional<Merged> merged;
  const auto is_merged = [&] {
    while (const std::optional<Note> note = member.take()) {
      if (note->kind == Kind::merged) merged = {note->code, note->value != 0};
    }
    return member.document_is_sent() && merged.has_value();
  };
  wait_until(is_merged, bound);
  return merged;
}

}  // namespace client::mpi
