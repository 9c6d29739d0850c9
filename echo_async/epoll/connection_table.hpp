// The connections of one loop, indexed by descriptor: added, handled when something is due, closed.
//
// The kernel assigns the lowest free number, so a table by descriptor is dense, and a look-up is an
// index. It is a deque: it grows without moving its elements, so a Connection keeps its address.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "echo/descriptor.hpp"
#include "echo_async/epoll/nonblocking_exchange.hpp"
#include "server/model.hpp"
#include "server/send_queue.hpp"

namespace echo_async {

class ConnectionTable {
 public:
  using Clock = NonblockingExchange::Clock;

  ConnectionTable(const server::Serving& serving, unsigned worker);
  /// Closes the connections that a forced stop leaves; they count as open, and what they have not
  /// sent does not count.
  ~ConnectionTable();
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  /// Takes ownership of a connection and counts it. Null: no memory for it, so it was closed and
  /// shed.
  Connection* add(echo::Descriptor socket);
  /// Closes and counts a connection that has ended. What it has not sent is not counted as echoed.
  /// The Connection is invalid afterwards.
  void remove(Connection& connection);
  /// At WaitFor::finish: the same for one that the protocol has ended. The kernel sends the rest.
  void finish(Connection& connection);
  /// At WaitFor::eof: removes the connection, unless a drain must wait until its peer has read:
  /// then handle_due() reads again.
  void end(Connection& connection);
  /// Shuts reading down on each connection: what is queued is still echoed, then it reads EOF and
  /// ends.
  void drain();

  [[nodiscard]] Connection& operator[](int fd) { return table_[static_cast<std::size_t>(fd)]; }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// All descriptors are below it.
  [[nodiscard]] int end_fd() const { return static_cast<int>(table_.size()); }
  [[nodiscard]] NonblockingExchange& exchange() { return exchange_; }

  /// Calls `visit(Connection&)` for each; it may call remove(), which shortens the table.
  template <typename Visit>
  void for_each(Visit visit) {
    // NOLINTNEXTLINE(modernize-loop-convert): the end moves
    for (std::size_t fd = 0; fd < table_.size(); ++fd) {
      if (table_[fd].fd >= 0) visit(table_[fd]);
    }
  }

  /// Time of the next event that no descriptor reports; unset: none.
  [[nodiscard]] std::optional<Clock::time_point> next_due() const;
  /// Handles what is due: calls `then(Connection&, WaitFor)` for each connection whose sleep is
  /// over, for each that waits for a late reader, for each whose conversation has a deadline that
  /// is over, and for each to be closed because it was idle (counted here).
  template <typename Then>
  void handle_due(Clock::time_point now, Then then) {
    for (int fd = exchange_.take_woken(now); fd >= 0; fd = exchange_.take_woken(now)) {
      Connection& connection = (*this)[fd];
      then(connection, exchange_.on_wake(connection));
    }
    for (int fd = late_.take_due(now); fd >= 0; fd = late_.take_due(now)) {
      Connection& connection = (*this)[fd];
      then(connection, exchange_.on_readable(connection));
    }
    if (!next_scan_ || now < *next_scan_) return;
    exchange_.clock().advance();
    *next_scan_ = now + exchange_.clock().period();
    for_each([&](Connection& connection) {
      if (exchange_.is_overdue(connection, now))
        return then(connection, exchange_.on_deadline(connection));
      if (!exchange_.is_idle(connection) || late_.waits(connection.fd)) return;
      counters_.timed_out();
      then(connection, WaitFor::close);
    });
  }

 private:
  /// Counts what was sent of its last reply, and takes back what will not be sent.
  void discount_unsent(const Connection& connection);

  server::Counters& counters_;
  unsigned worker_;
  NonblockingExchange exchange_;
  std::deque<Connection> table_;
  std::uint64_t count_ = 0;
  std::optional<Clock::time_point> next_scan_;
  bool draining_ = false;
  server::LateReaderScan late_;
};

}  // namespace echo_async
