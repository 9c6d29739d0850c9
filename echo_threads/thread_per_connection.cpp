// A thread per connection: blocking reads and writes, one stack for each peer.
//
// The straight-line program: what a connection does is what its function says. It wins in
// simplicity and with few connections; it pays a kernel stack (16 KiB), a task (~7 KiB of slab) and
// two touched stack pages (--one-page-stacks: one) for each, and a context switch for each message.
// --stack-size is virtual memory only: what is resident is what was touched. Source: 10kthreads,
// "Is thread per connection scalable?" Try it: ./echo_threads --stack-size 16K & ./client -n 10000
#include <alloca.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <CLI/Error.hpp>
#include <atomic>
#include <boost/intrusive/list.hpp>
#include <boost/thread/thread.hpp>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <system_error>
#include <thread>

#include "echo/options.hpp"
#include "echo_threads/accept/pending_connections.hpp"
#include "echo_threads/blocking.hpp"
#include "echo_threads/stack/stack.hpp"
#include "echo_threads/stack/static_tls.hpp"
#include "server/model.hpp"

namespace echo_threads {
namespace {

namespace intrusive = boost::intrusive;

/// One peer and the thread that serves it. The hook places it among the live or the finished.
struct Connection : intrusive::list_base_hook<> {
  echo::Descriptor socket;
  /// Of its painted stack, in words of 8 bytes; 0: not painted. The thread's until it is joined.
  /// Of 32 bits, so that it lies in what would be padding: there may be a million of these.
  std::uint32_t high_water_words = 0;
  boost::thread thread;
};
using Connections = intrusive::list<Connection>;

/// Owns every connection and joins every thread. One acceptor thread runs it.
class Server {
 public:
  Server(const server::Serving& serving, const StackOptions& stack)
      : serving_(serving),
        stack_(stack),
        ordinary_(is_ordinary(stack, serving.options.buffer_size)),
        pending_(serving),
        started_event_(::eventfd(0, EFD_CLOEXEC)),
        finished_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!started_event_ || !finished_event_)
      throw std::system_error(errno, std::generic_category(), "eventfd");
    apply(stack, attributes_.native_handle());
    if (stack.report) serving.measurements.stacks.emplace(server::StackUse::of_this_machine());
  }

  void run() {
    accept_until_drained();
    pending_.close();
    // Each reader sees EOF after what is queued, echoes it, and ends; forced at once, none is to.
    if (!serving_.stop.forced()) shut_down_open(SHUT_RD);
    join_until_none_or_forced();
    cut_ = serving_.stop.forced();
    if (cut_) shut_down_open(SHUT_RDWR);
    while (live_count_ > 0) {
      wait_for(finished_event_.get(), -1);
      join_finished();
    }
  }

 private:
  static constexpr std::uint64_t word = 8;
  /// New threads between two looks at the stop: ~30 us each.
  static constexpr int spawn_batch = 16;

  void accept_until_drained() {
    while (pending_.wait(finished_event_.get())) {
      join_finished();
      for (int i = 0; i < spawn_batch; ++i) {
        echo::Descriptor socket = pending_.next(live_count_);
        if (!socket) break;
        spawn(std::move(socket));
      }
    }
  }

  static void wait_for(int fd, int timeout_ms) {
    pollfd entry{fd, POLLIN, 0};
    ::poll(&entry, 1, timeout_ms);
  }

  void spawn(echo::Descriptor socket) {
    auto connection = std::make_unique<Connection>();
    connection->socket = std::move(socket);
    Connection& placed = *connection;
    {
      const std::lock_guard lock(mutex_);
      live_.push_back(placed);
      ++live_count_;
    }
    if (start_thread(placed)) {
      [[maybe_unused]] const auto* owned_by_the_lists = connection.release();
      return;
    }
    const std::lock_guard lock(mutex_);
    live_.erase(live_.iterator_to(placed));
    --live_count_;
    serving_.counters.shed(server::Shed::threads);
  }

  /// pthread_create says EAGAIN for a dozen causes, and some pass: threads that have ended but are
  /// not yet gone. So a few tries, then this connection alone is given up.
  bool start_thread(Connection& connection) {
    for (int attempt = 0; attempt < 3; ++attempt) {
      try {
        connection.thread = boost::thread(attributes_, [this, &connection] { serve(connection); });
        wait_for_starting_threads();
        return true;
      } catch (const boost::thread_resource_error&) {
        join_finished();
        wait_for(finished_event_.get(), 1);
      }
    }
    return false;
  }

  /// Thousands of runnable newcomers would each get as much of the processor as the acceptor, which
  /// then is away for longer than the accept queue lasts (80 ms of a burst): so few at a time.
  void wait_for_starting_threads() {
    constexpr std::uint64_t most = 16;
    ++not_yet_running_;
    while (not_yet_running_ > most) {
      eventfd_t running = 0;
      if (::eventfd_read(started_event_.get(), &running) == 0) not_yet_running_ -= running;
    }
  }

  /// Runs on the connection's own thread.
  void serve(Connection& connection) {
    serving_.counters.opened(0);
    ::eventfd_write(started_event_.get(), 1);
    // On the stack, where the pages are touched already: a heap block would come on top of them.
    const std::size_t size = serving_.options.buffer_size;
    const auto echo = [&](std::byte* buffer) {
      echo_until_eof(connection.socket.get(), std::span(buffer, size), serving_, 0);
    };
    if (ordinary_) {
      echo(static_cast<std::byte*>(alloca(size)));
    } else {
      const auto high_water = on_stack(stack_, size, echo);
      connection.high_water_words = static_cast<std::uint32_t>(high_water.value_or(0) / word);
    }
    finish(connection);
  }

  void finish(Connection& connection) {
    echo::Descriptor socket;
    {
      // Out of the live list before the descriptor is closed: a stop must never shut down a number
      // that the kernel has given to someone else by then.
      const std::lock_guard lock(mutex_);
      live_.erase(live_.iterator_to(connection));
      socket = std::move(connection.socket);
    }
    socket.reset();
    if (!cut_) serving_.counters.closed(0);
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      first = finished_.empty();
      finished_.push_back(connection);
    }
    if (first) ::eventfd_write(finished_event_.get(), 1);
  }

  /// Joins a batch of those that have ended: each costs ~15 us, for its stack is given back, and
  /// ten thousand at once would keep the acceptor away while the next burst comes in.
  void join_finished() {
    constexpr int batch = 64;
    eventfd_t ignored = 0;
    ::eventfd_read(finished_event_.get(), &ignored);
    Connections ended;
    bool more = false;
    {
      const std::lock_guard lock(mutex_);
      for (int i = 0; i < batch && !finished_.empty(); ++i) {
        Connection& connection = finished_.front();
        finished_.pop_front();
        ended.push_back(connection);
      }
      more = !finished_.empty();
    }
    if (more) ::eventfd_write(finished_event_.get(), 1);
    ended.clear_and_dispose([this](Connection* connection) {
      connection->thread.join();
      if (const std::uint64_t words = connection->high_water_words; words > 0) {
        serving_.measurements.stacks->add(words * word);
      }
      delete connection;
      --live_count_;
    });
  }

  void join_until_none_or_forced() {
    for (;;) {
      join_finished();
      if (live_count_ == 0 || serving_.stop.forced()) return;
      pollfd entries[2] = {{finished_event_.get(), POLLIN, 0},
                           {serving_.stop.force_fd(), POLLIN, 0}};
      ::poll(entries, 2, -1);
    }
  }

  void shut_down_open(int how) {
    const std::lock_guard lock(mutex_);
    for (const Connection& connection : live_) ::shutdown(connection.socket.get(), how);
  }

  const server::Serving& serving_;
  const StackOptions& stack_;
  bool ordinary_;  ///< nothing is asked of the stacks
  boost::thread::attributes attributes_;
  PendingConnections pending_;
  std::atomic<bool> cut_{false};  ///< by a forced stop: what ends from now on was open
  std::uint64_t live_count_ = 0;  ///< threads not yet joined; the acceptor's own

  std::mutex mutex_;
  Connections live_;
  Connections finished_;
  std::uint64_t not_yet_running_ = 0;  ///< threads created that have not said that they run
  echo::Descriptor started_event_;     ///< counts those that have
  echo::Descriptor finished_event_;    ///< readable when `finished_` holds something
};

struct Options {
  StackOptions stack;
  bool one_page_stacks = false;
};

/// What is left of a stack's first page for the buffer, without the surplus of static TLS: struct
/// pthread takes 2.3 KiB of it, what runs the thread 0.7. How much differs from one machine to the
/// next, with the same binary: 800 fitted once, and 736 and no more another time.
constexpr std::uint64_t one_page_buffer = 512;

void check(const Options& options, const server::ServerOptions& common) {
  check(options.stack, common.buffer_size);
  if (!options.one_page_stacks) return;
  if (common.buffer_size > one_page_buffer) {
    throw CLI::ValidationError(
        "--one-page-stacks",
        fmt::format("the buffer lies on the stack too: with --buffer-size {} or less",
                    one_page_buffer));
  }
  if (options.stack.touch > 0 || options.stack.report) {
    throw CLI::ValidationError(
        "--one-page-stacks",
        "one page is touched, where --touch-stack and --stack-report touch more");
  }
}

limits::Demand demand(const Options& options, std::uint64_t connections) {
  limits::Traits traits = limits::thread_traits(options.stack.size, options.stack.guard);
  if (options.one_page_stacks) traits.resident_bytes -= 4096;
  traits.resident_bytes += touched_bytes(options.stack);
  return {connections, traits};
}

server::Configured configure(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_stack_options(app, options->stack);
  echo::add_flag(app, "--one-page-stacks", options->one_page_stacks,
                 "Touch one page of each stack instead of two; with --buffer-size 512 or less");
  return {.check = [options](const server::ServerOptions& common) { check(*options, common); },
          .prepare =
              [options](const server::ServerOptions&) {
                if (options->one_page_stacks) start_again_without_tls_surplus();
              },
          .shape = {},
          .demand = [options](const server::ServerOptions&,
                              std::uint64_t connections) { return demand(*options, connections); },
          .serve =
              [options](const server::Serving& serving) {
                Server{serving, options->stack}.run();
              }};
}

}  // namespace

extern constinit const server::Model thread_per_connection{
    "thread-per-connection", "a thread for each connection, blocking reads and writes", configure};

}  // namespace echo_threads
