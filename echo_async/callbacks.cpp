// Canonical Boost.Asio: one thread, one io_context, a chain of callbacks for each connection.
//
// The file to learn Asio from. A session reads some, writes all of it, reads again: while it writes
// it does not read, so a peer that never reads fills its own socket buffers and nothing of ours
// (that is the back-pressure). A session lives as long as an operation of its own is pending,
// because each handler holds a shared_ptr to it. Asio hands the memory of a finished handler to the
// next one on the same thread, so an echo allocates nothing. It wins with many connections and
// little work in each; it breaks where a handler blocks or computes for long: everyone waits.
// Source: 10kthreads' reference server. Try it: ./echo_async & ./client -n 10000
#include <boost/asio/write.hpp>
#include <memory>
#include <span>
#include <vector>

#include "echo_async/loop.hpp"

namespace echo_async {
namespace {

/// One connection: read some, write it all, until EOF or an error.
class Session : public std::enable_shared_from_this<Session>, Connection {
 public:
  Session(Socket socket, Loop& loop)
      : Connection(std::move(socket), loop), buffer_(loop.serving().options.buffer_size) {}

  void read() {
    // An error ends the session: nobody holds it any more. So does EOF.
    socket().async_read_some(asio::buffer(buffer_),
                             [self = shared_from_this()](error_code error, std::size_t received) {
                               if (!error) self->work_on(std::span(self->buffer_).first(received));
                             });
  }

 private:
  void work_on(std::span<std::byte> received) {
    touch();
    const echo::Work& work = loop().serving().work;
    work.compute();
    if (!work.sleeps()) return write(received);
    nap(work.amount(), [self = shared_from_this(), received](error_code error) {
      if (!error) self->write(received);
    });
  }

  void write(std::span<std::byte> received) {
    touch();
    const auto reply = loop().serving().protocol.reply_to(received);
    const auto rest = send_now(reply);
    if (rest.empty()) return wrote(reply.size());
    // async_write goes on until all is out: a partial write is its business.
    asio::async_write(
        socket(), asio::buffer(rest.data(), rest.size()),
        [self = shared_from_this(), size = reply.size()](error_code error, std::size_t) {
          if (!error) self->wrote(size);
        });
  }

  void wrote(std::size_t bytes) {
    touch();
    loop().serving().counters.echoed(0, 1, bytes);
    read();
  }

  std::vector<std::byte> buffer_;
};

void serve(const echo::Serving& serving) {
  Loop loop{serving};
  loop.run([&loop](Socket socket) { std::make_shared<Session>(std::move(socket), loop)->read(); });
}

/// Session, its shared_ptr block, Asio's per-descriptor state and malloc's rounding; measured.
constexpr std::uint64_t session_bytes = 560;

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

extern constinit const echo::Model callbacks{
    "callbacks", "Boost.Asio as its documentation has it: one thread, callbacks", configure};

}  // namespace echo_async
