// C++20 coroutines on Boost.Asio: one thread, one io_context, one coroutine per connection.
//
// Straight-line code at the cost of callbacks: the function of a connection reads in the order in
// which it runs, and its state between two messages lies in a frame on the heap instead of on a
// stack. asio/task.hpp defines what co_await does. The buffer lies beside the frame, because its
// size is an option and a frame cannot grow. It wins where the protocol has many steps; it breaks
// where a function blocks, or holds a reference across a co_await to something that ended
// meanwhile. Source: Christopher Kohlhoff, "Talking Async".
// Compare: diff echo_async/coroutines.cpp echo_async/callbacks.cpp
// Try it: ./echo_async --model coroutines & ./client -n 10000
#include <boost/asio/buffer.hpp>
#include <cstddef>
#include <span>
#include <utility>

#include "echo_async/asio/buffer.hpp"
#include "echo_async/asio/loop.hpp"
#include "echo_async/asio/task.hpp"

namespace echo_async {
namespace {

/// Reads some bytes. 0: EOF, or an error; or the protocol has a turn without them.
auto read_some(AsioConnection& connection, std::span<std::byte> room) {
  return Operation{
      [&connection, room](auto handler) { connection.read_some(room, std::move(handler)); }};
}

/// Waits for the time of --work sleep:. 0: the connection was closed meanwhile.
auto sleep(AsioConnection& connection) {
  return Operation{[&connection](auto handler) {
    connection.sleep(connection.serving().work.amount(), std::move(handler));
  }};
}

/// Sends all of `rest`. 0: the connection can no longer be written to.
auto send(AsioConnection& connection, std::span<const std::byte> rest) {
  return Operation{
      [&connection, rest](auto handler) { send_rest(connection, rest, std::move(handler)); }};
}

/// Reads, works and writes what the protocol answers, until EOF, an error or the protocol ends it.
/// The frame owns the connection.
Task echo_until_eof(Socket socket, Loop& loop) {
  AsioConnection connection{std::move(socket), loop.connections()};
  const server::Serving& serving = connection.serving();
  const Buffer buffer{serving.options.buffer_size};
  protocol::Turn turn;
  do {
    const std::size_t received = co_await read_some(connection, buffer.all());
    if (received == 0 && !connection.has_turn()) co_return;
    turn = connection.answer_to(buffer.all().first(connection.goes_on() ? 0 : received));
    if (serving.work.suspends(turn.messages)) {
      turn.bytes = buffer.keep(turn.bytes);
      if (co_await sleep(connection) == 0) co_return;
    }
    const auto rest = connection.send_now(turn.bytes);
    if (!rest.empty()) {
      connection.sent(turn.bytes.size() - rest.size());
      if (co_await send(connection, buffer.keep(rest)) == 0) co_return;
    }
    connection.answered(turn, rest.empty() ? turn.bytes.size() : 0);
  } while (connection.stays_after(turn.after));
}

void serve(const server::Serving& serving) {
  Loop loop{serving};
  loop.run([&loop](Socket socket) { echo_until_eof(std::move(socket), loop); });
}

/// A frame, the pending operation, Asio's per-descriptor state and malloc's rounding; measured.
constexpr std::uint64_t connection_bytes = 992;

server::Configured configure(CLI::App&) {
  return configured_loop(connection_bytes, serve);
}

}  // namespace

extern constinit const server::Model coroutines{
    "coroutines", "Boost.Asio with C++20 coroutines: one thread, co_await", configure,
    server::TableUse::loop};

}  // namespace echo_async
