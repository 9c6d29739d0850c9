#include "client/activity/open_loop.hpp"

#include <algorithm>
#include <limits>

namespace client {
namespace {

/// Number of unsent messages up to which each is recorded separately.
constexpr std::uint64_t most_apart = 1'000'000;

}  // namespace

OpenLoop::OpenLoop(Table& table, const Traffic& traffic)
    : TrafficActivity(table, traffic),
      participants_(table),
      total_(traffic.messages == 0 ? std::numeric_limits<std::uint64_t>::max()
                                   : std::uint64_t{traffic.messages} * participants_.size()) {}

std::optional<Nanoseconds> OpenLoop::step() {
  if (table_.at() < traffic_.start) return traffic_.start;
  if (table_.standing() == 0) return std::nullopt;
  if (!over()) send_due();
  const bool all_begun = over() || (cursor_ >= total_ && overdue_.waiting() == 0);
  if (all_begun && table_.in_flight() == 0) return std::nullopt;
  if (over()) return never;
  return std::min(cursor_ < total_ ? next_due() : never, traffic_.stop_at);
}

/// Begins the messages that are due, at most a batch. Message k goes to connection k modulo their
/// number.
void OpenLoop::send_due() {
  for (std::size_t i = 0; i < send_batch && cursor_ < total_; ++i, ++cursor_) {
    const Nanoseconds due = next_due();
    if (due > table_.at() || due >= traffic_.stop_at) return;
    traffic_.pace->advance();
    const std::uint32_t index = participants_[cursor_ % participants_.size()];
    Connection& connection = table_[index];
    if (connection.state != State::standing) {
      overdue_.push_abandoned(due);
    } else if (connection.waits() || connection.in_flight() >= table_.depth()) {
      overdue_.push(connection, due);
    } else {
      table_.tick();
      table_.recorder().lateness(due, table_.at());
      table_.begin(index, due);
      table_.flush(index);
    }
  }
}

void OpenLoop::on_echoes(std::uint32_t index) {
  if (table_[index].waits()) send_waiting(index);
}

/// Fills the connection up to `depth` messages in flight, with those that wait.
void OpenLoop::send_waiting(std::uint32_t index) {
  Connection& connection = table_[index];
  if (!table_.running() || over()) return;
  while (connection.waits() && connection.in_flight() < table_.depth()) {
    const Nanoseconds due = overdue_.pop(connection);
    table_.recorder().waited(due, table_.at());
    table_.begin(index, due);
  }
  table_.flush(index);
}

void OpenLoop::on_end(std::uint32_t index) {
  overdue_.abandon(table_[index]);
}

void OpenLoop::finish() {
  for (const std::uint32_t index : participants_) overdue_.abandon(table_[index]);
  participants_.end_untried(table_, phase());
  record_unsent(std::min(table_.at(), traffic_.stop_at));
  TrafficActivity::finish();
}

/// Records messages that were due and will never be sent as censored: they took at least until
/// `until`.
void OpenLoop::record_unsent(Nanoseconds until) {
  Recorder& recorder = table_.recorder();
  for (const Nanoseconds due : overdue_.take_abandoned()) recorder.never_sent(due, until, 1);
  // Messages that became due without the client having had time to begin them. If there are too
  // many, each recorded one also counts for its neighbours.
  while (cursor_ < total_ && next_due() < until) {
    const Nanoseconds due = next_due();
    const std::uint64_t stride =
        std::max<std::uint64_t>(traffic_.pace->due_within(until - due) / most_apart, 1);
    recorder.never_sent(due, until, stride);
    traffic_.pace->skip(stride);
    cursor_ += stride;
  }
}

}  // namespace client
