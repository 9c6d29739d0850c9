// One io_context run by several threads: any of them takes the next handler that is ready.
//
// Work goes to any free thread, so no worker idles while another has a queue, and nothing needs
// balancing. The cost is locks: each handler is taken from one queue, and each descriptor has a
// mutex; a connection's data move from one processor's cache to the next. It wins where handlers
// compute (--work cpu:); it breaks where they are short: one thread then does as much. Source:
// Boost.Asio's example "HTTP Server 3",
// https://www.boost.org/doc/libs/release/doc/html/boost_asio/examples.html.
// Compare: diff echo_async/shared_context.cpp echo_async/callbacks.cpp
// Try it: ./echo_async --model shared-context --workers 4 --work cpu:50us & ./client -n 1000
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>

#include "echo_async/asio/buffer.hpp"
#include "echo_async/asio/shared_loop.hpp"
#include "server/workers.hpp"

namespace echo_async {
namespace {

/// One operation is pending at a time, and its handler starts the next. While a chain writes it
/// does not read, so a peer that never reads fills socket buffers and no memory of the server. Each
/// handler may run on another thread. No strand is needed, because no two handlers of a chain are
/// pending at a time, and Asio makes what one thread wrote visible to the thread that reads it.
class CallbackChain : public std::enable_shared_from_this<CallbackChain>, public SharedConnection {
  /// The handler of an operation: calls `step`, unless there was an error, such as EOF. It owns the
  /// connection. Without a further step the last handler ends, and with it the connection, which
  /// closes its socket: FIN, in a drain only when its peer has read (late_chain.hpp). An exception
  /// in a step ends this connection only.
  template <typename Step>
  auto then(Step step) {
    return [self = shared_from_this(), step](error_code error = {}, std::size_t bytes = 0) {
      if (error && !self->has_turn(error)) return;
      try {
        step(bytes);
      } catch (const std::exception&) {
        self->serving().counters.shed(server::Shed::exception);
        self->abandon();
      }
    };
  }

 public:
  CallbackChain(Socket socket, SharedLoop& loop)
      : SharedConnection(std::move(socket), loop), buffer_(serving().options.buffer_size) {}

  void read() {
    read_some(buffer_.all(), then([this](std::size_t received) { work(received); }));
  }

 private:
  void work(std::size_t received) {
    protocol::Turn turn = answer_to(buffer_.all().first(received));
    if (!serving().work.suspends(turn.messages)) [[likely]]
      return write(turn);
    turn.bytes = buffer_.keep(turn.bytes);
    sleep(serving().work.amount(), then([this, turn](std::size_t) { write(turn); }));
  }

  void write(const protocol::Turn& turn) {
    const auto rest = send_now(turn.bytes);  // nearly always all: nothing is left to wait for
    if (rest.empty()) return wrote(turn, turn.bytes.size());
    sent(turn.bytes.size() - rest.size());
    send_rest(*this, buffer_.keep(rest), then([this, turn](std::size_t) { wrote(turn, 0); }));
  }

  /// All of the turn is sent, and `bytes` of it are not counted yet.
  void wrote(const protocol::Turn& turn, std::size_t bytes) {
    answered(turn, bytes);
    if (stays_after(turn.after)) read();
  }

  Buffer buffer_;
};

void serve(const server::Serving& serving, unsigned workers) {
  SharedLoop loop{serving, workers};
  loop.run(
      [&loop](Socket socket) { std::make_shared<CallbackChain>(std::move(socket), loop)->read(); });
}

/// CallbackChain, the control block of its shared_ptr, Asio's state per descriptor and the rounding
/// of malloc; measured.
constexpr std::uint64_t connection_bytes = 672;

limits::Demand demand(unsigned workers, std::uint64_t buffer_size, std::uint64_t connections) {
  limits::Traits traits = limits::event_traits(connection_bytes, buffer_size);
  traits.fixed_threads += workers;
  return {connections, traits};
}

server::Configured configure(CLI::App& app) {
  auto workers = std::make_shared<std::uint64_t>(server::usable_processors());
  server::add_workers(app, *workers, "Threads that run the io_context");
  const auto count = [workers] { return static_cast<unsigned>(*workers); };
  return {
      .check = {},
      .shape = [count](const server::ServerOptions&) { return server::Shape{.workers = count()}; },
      .demand =
          [count](const server::ServerOptions& common, std::uint64_t connections) {
            return demand(count(), common.buffer_size, connections);
          },
      .serve = [count](const server::Serving& serving) { serve(serving, count()); }};
}

}  // namespace

extern constinit const server::Model shared_context{
    "shared-context", "Boost.Asio callbacks: several threads run one io_context", configure};

}  // namespace echo_async
