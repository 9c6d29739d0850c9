// C++20 coroutines on Boost.Asio: one thread, one io_context, a coroutine for each connection.
//
// Straight-line code at the price of callbacks: what a connection does is what its function says,
// and what it must remember between two messages is a frame on the heap instead of a stack. The
// awaits cost no frame of their own (asio::deferred, where use_awaitable would allocate one for
// each operation) and no exception (as_tuple: an EOF is a value). The buffer lies beside the frame:
// its size is an option, and a frame cannot grow. It wins where the protocol has many steps; it
// breaks where a function blocks, or holds a reference across a co_await that ended meanwhile.
// Source: Kohlhoff, "Talking Async". Try it: ./echo_async --model coroutines & ./client -n 10000
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/defer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <memory>
#include <span>
#include <tuple>

#include "echo_async/loop.hpp"

namespace echo_async {
namespace {

constexpr auto as_value = asio::as_tuple(asio::deferred);

/// What is seldom needed is a coroutine of its own: its frame, with the state of async_write, is
/// there only while somebody waits for it, which saves each connection 64 bytes (measured). False:
/// the connection cannot be written to any more.
asio::awaitable<bool, Executor> send_rest(Connection& connection, std::span<const std::byte> rest) {
  const auto [error, written] = co_await asio::async_write(
      connection.socket(), asio::buffer(rest.data(), rest.size()), as_value);
  co_return !error;
}

/// Reads some, works, writes it all, until EOF or an error. The frame owns the connection.
asio::awaitable<void, Executor> echo_until_eof(Socket socket, Loop& loop) {
  Connection connection{std::move(socket), loop};
  const echo::Serving& serving = loop.serving();
  const std::size_t size = serving.options.buffer_size;
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(size);
  const auto read = [&] {
    return connection.socket().async_read_some(asio::buffer(buffer.get(), size), asio::deferred);
  };
  for (;;) {
    std::tuple<error_code, std::size_t> came;
    if (connection.reads_in_turn()) {
      // One await for both: the coroutine is resumed when there is something to answer.
      came = co_await asio::defer(loop.executor(), asio::deferred(read))(as_value);
    } else {
      came = co_await read()(as_value);
    }
    const auto [read_error, received] = came;
    if (read_error) co_return;
    connection.touch();
    serving.work.compute();
    if (serving.work.sleeps()) {
      const auto [cut] = co_await connection.nap(serving.work.amount(), as_value);
      if (cut) co_return;
      connection.touch();
    }
    const auto reply = serving.protocol.reply_to(std::span(buffer.get(), received));
    if (const auto rest = connection.send_now(reply); !rest.empty()) {
      if (!co_await send_rest(connection, rest)) co_return;
    }
    connection.echoed(reply.size());
  }
}

void serve(const echo::Serving& serving) {
  Loop loop{serving};
  loop.run([&](Socket socket) {
    asio::co_spawn(loop.executor(), echo_until_eof(std::move(socket), loop),
                   [&serving](std::exception_ptr thrown) {
                     if (thrown) serving.counters.shed(echo::Shed::exception);
                   });
  });
}

/// Two frames (co_spawn's own and ours), the pending operation, Asio's per-descriptor state and
/// malloc's rounding; measured.
constexpr std::uint64_t session_bytes = 1320;

echo::Configured configure(CLI::App&) {
  return {.check = {},
          .shape = {},
          .demand =
              [](const echo::ServerOptions& common, std::uint64_t connections) {
                return limits::Demand{connections,
                                      limits::event_traits(session_bytes, common.buffer_size)};
              },
          .serve = serve};
}

}  // namespace

extern constinit const echo::Model coroutines{
    "coroutines", "Boost.Asio with C++20 coroutines: one thread, co_await", configure};

}  // namespace echo_async
