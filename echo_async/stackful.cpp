// Stackful coroutines on Boost.Asio and Boost.Context: one thread, a small stack per connection.
//
// The code of a blocking server, whose reads and writes suspend (asio::spawn). Any function that it
// calls may suspend too, which a C++20 coroutine cannot do. It costs a page of stack per
// connection, and a guard page that takes no memory but a memory map (vm.max_map_count). A switch
// is ~20 instructions and no system call. It wins where blocking code is to be kept; it breaks
// where a call goes deeper than --stack-size: the guard page then ends the program. Source: Oliver
// Kowalke, Boost.Context, https://www.boost.org/doc/libs/release/libs/context/.
// Compare: diff echo_async/stackful.cpp echo_async/coroutines.cpp
// Try it: ./echo_async --model stackful & ./client -n 10000
#include <alloca.h>
#include <fmt/format.h>

#include <CLI/Error.hpp>
#include <algorithm>
#include <boost/asio/spawn.hpp>
#include <boost/context/fiber.hpp>
#include <exception>
#include <memory>
#include <new>
#include <span>

#include "echo/options.hpp"
#include "echo_async/asio/buffer.hpp"
#include "echo_async/asio/loop.hpp"
#include "echo_async/asio/stack_pool.hpp"
#include "limits/quantity.hpp"
#include "server/protocol_options.hpp"

namespace echo_async {
namespace {

using Yield = asio::basic_yield_context<Executor>;

/// Reads, works and writes what the protocol answers, until EOF, an error or the protocol ends it.
/// yield[error] suspends: the loop serves other connections until the operation is done.
void echo_until_eof(AsioConnection& connection, std::span<std::byte> buffer, const Yield& yield) {
  const server::Work& work = connection.serving().work;
  error_code error;
  protocol::Turn turn;
  do {
    std::size_t received = 0;
    if (connection.goes_on()) {
      connection.in_turn(yield);
    } else {
      received = connection.socket().async_read_some(asio::buffer(buffer.data(), buffer.size()),
                                                     yield[error]);
      if (error && !connection.has_turn(error)) return;
    }
    turn = connection.answer_to(buffer.first(received));
    if (work.suspends(turn.messages)) {
      turn.bytes = keep_in(buffer, turn.bytes);
      connection.sleep(work.amount(), yield[error]);
      if (error) return;
    }
    const auto rest = connection.send_now(turn.bytes);
    if (!rest.empty()) {
      connection.sent(turn.bytes.size() - rest.size());
      send_rest(connection, keep_in(buffer, rest), yield[error]);
      if (error) return;
    }
    connection.answered(turn, rest.empty() ? turn.bytes.size() : 0);
  } while (connection.stays_after(turn.after));
}

/// Virtual memory of which a page or two are touched, so it is as large as for a thread.
struct Options {
  std::uint64_t stack_size = 64U << 10U;
  std::uint64_t guard_size = 4096;
};

void serve(const server::Serving& serving, const Options& options) {
  StackPool stacks{options.stack_size, options.guard_size};
  Loop loop{serving};
  const auto enter = [&](Socket socket, const Yield& yield) {
    AsioConnection connection{std::move(socket), loop.connections()};
    // The buffer lies on the stack, in a page that is touched anyway; a heap block would be added
    // to it.
    const std::size_t size = serving.options.buffer_size;
    const std::span buffer{static_cast<std::byte*>(alloca(size)), size};
    try {
      echo_until_eof(connection, buffer, yield);
    } catch (const boost::context::detail::forced_unwind&) {
      // Asio destroys the coroutine: in a running loop because it had no memory for an operation.
      if (loop.executor().running_in_this_thread()) serving.counters.shed(server::Shed::memory);
      throw;
    }
  };
  const auto ended = [&serving](const std::exception_ptr& thrown) {
    if (thrown) serving.counters.shed(server::Shed::exception);
  };
  loop.run([&](Socket socket) {
    bool entered = false;
    try {
      asio::spawn(
          loop.executor(), std::allocator_arg, StackPool::Handle{stacks},
          [&enter, &entered, socket = std::move(socket)](const Yield& yield) mutable {
            entered = true;
            enter(std::move(socket), yield);
          },
          ended);
    } catch (const std::bad_alloc&) {
      if (!entered) throw;  // otherwise of its first read, and the coroutine counts it
    }
  });
}

/// Stack that a coroutine needs beside its buffer, in bytes: Boost.Context's record, Asio's frames,
/// and an exception that is thrown and caught (2.9 KiB, measured). Asio makes the system calls on
/// the loop's own stack.
constexpr std::uint64_t stack_overhead = 8U << 10U;

void check(const Options& options, const server::ServerOptions& common) {
  const std::uint64_t least =
      common.buffer_size + stack_overhead + server::stack_bytes_of_protocol(common);
  if (options.stack_size >= least) return;
  throw CLI::ValidationError(
      "--stack-size",
      fmt::format("{} cannot hold a --buffer-size of {}{}: at least {}",
                  limits::format_bytes(options.stack_size),
                  limits::format_bytes(common.buffer_size),
                  common.speaks_http ? " and --protocol http" : "", limits::format_bytes(least)));
}

/// Beside the stack: the pending operation, Asio's per-descriptor state, malloc's rounding.
constexpr std::uint64_t connection_bytes = 400;
/// Bytes of the first touched page of a stack that are left for the buffer. Measured: 4,495 bytes
/// are resident per connection with a buffer of 1 or 2 KiB, a page more with 2.6 KiB.
constexpr std::uint64_t room_in_first_page = 2048;

limits::Demand demand(const Options& options, const server::ServerOptions& common,
                      std::uint64_t connections) {
  constexpr std::uint64_t page = 4096;
  const std::uint64_t beyond =
      common.buffer_size - std::min(common.buffer_size, room_in_first_page);
  limits::Traits traits =
      limits::event_traits(connection_bytes + page, (beyond + page - 1) / page * page);
  traits.maps_per_connection = options.guard_size > 0 ? 2 : 0;
  traits.virtual_bytes = options.stack_size + options.guard_size;
  return {.connections = connections, .traits = traits};
}

server::Configured configure(CLI::App& app) {
  auto options = std::make_shared<Options>();
  echo::add_size(
      app, "-s,--stack-size", options->stack_size,
      "Stack size per connection: virtual memory, of which the touched pages are resident",
      {1, 1ULL << 40U});
  echo::add_size(app, "--guard-size", options->guard_size,
                 "Guard size below each stack; 0: none, and all stacks are one memory map",
                 {0, 1ULL << 30U});
  return {.check = [options](const server::ServerOptions& common) { check(*options, common); },
          .shape = {},
          .demand = [options](const server::ServerOptions& common,
                              std::uint64_t n) { return demand(*options, common, n); },
          .serve = [options](const server::Serving& serving) { serve(serving, *options); }};
}

}  // namespace

extern constinit const server::Model stackful{
    "stackful", "Boost.Asio with stackful coroutines: one thread, a small stack per connection",
    configure};

}  // namespace echo_async
