// Boost.Asio as its documentation shows it: one thread, one io_context, one chain of callbacks per
// connection.
//
// The model to learn Asio from: echo_async/asio/callback_chain.hpp is the chain, asio/loop.hpp
// starts and stops it. It wins with many connections and little work in each; it breaks where a
// handler blocks or computes for a long time, because all other connections then wait. Source: the
// reference server of 10kthreads, the program that this one descends from ("Is thread per
// connection scalable?"). Try it: ./echo_async & ./client -n 10000
#include <memory>

#include "echo_async/asio/callback_chain.hpp"
#include "echo_async/asio/loop.hpp"

namespace echo_async {
namespace {

void serve(const server::Serving& serving) {
  Loop loop{serving};
  loop.run([&loop](Socket socket) {
    // Its pending handler owns it: with no operation pending it is gone.
    std::make_shared<CallbackChain<AsioConnection>>(std::move(socket), loop)->read();
  });
}

/// Bytes per connection beside the read buffer, which event_traits adds: CallbackChain, the control
/// block of its shared_ptr, Asio's state per descriptor and the rounding of malloc. Measured.
constexpr std::uint64_t connection_bytes = 672;

server::Configured configure(CLI::App&) {
  return {.check = {},
          .shape = {},
          .demand =
              [](const server::ServerOptions& common, std::uint64_t connections) {
                return limits::Demand{connections,
                                      limits::event_traits(connection_bytes, common.buffer_size)};
              },
          .serve = serve};
}

}  // namespace

extern constinit const server::Model callbacks{
    "callbacks", "Boost.Asio as its documentation has it: one thread, callbacks", configure};

}  // namespace echo_async
