#include "client/activity/closed_loop.hpp"

namespace client {
namespace {

/// Sockets sent on between two reads of the events at the start of a stream: some 100 ms of
/// sending, for which a signal may have to wait.
constexpr std::size_t stream_batch = 16'384;

}  // namespace

ClosedLoop::ClosedLoop(Table& table, const Traffic& traffic)
    : TrafficActivity(table, traffic), participants_(table) {}

std::optional<Nanoseconds> ClosedLoop::step() {
  if (table_.at() < traffic_.start) return traffic_.start;
  if (started_ < participants_.size()) {
    send_first_messages();
    return table_.at();
  }
  if (table_.in_flight() == 0) return std::nullopt;
  return never;
}

/// Sends the first messages of each connection, in the order in which the connections were opened.
/// Connections opened one after another are adjacent in kernel memory. A stream that begins in that
/// order keeps it, round after round, and client and server find more of it in their caches. So a
/// stream reads no echoes before its batch is complete. A burst does, because its first echoes are
/// measured.
void ClosedLoop::send_first_messages() {
  const std::size_t batch = traffic_.messages == 0 ? stream_batch : send_batch;
  for (std::size_t i = 0; i < batch && started_ < participants_.size(); ++i) {
    if (i % send_batch == 0) table_.tick();
    const std::uint32_t index = participants_[started_++];
    if (table_[index].state != State::standing) continue;  // it has ended since
    begin_next(index);
    table_.flush(index);
  }
}

void ClosedLoop::on_echoes(std::uint32_t index) {
  begin_next(index);
  const Connection& connection = table_[index];
  if (connection.writing < connection.begun) table_.flush(index);
}

void ClosedLoop::finish() {
  participants_.end_untried(table_, phase());
  TrafficActivity::finish();
}

}  // namespace client
