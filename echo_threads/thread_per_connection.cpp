// A thread per connection: blocking reads and writes, one stack per connection.
//
// What a connection does is straight-line code, echo_until_eof() in blocking.cpp; this file starts,
// counts and joins the threads that run it. It wins in simplicity and with few connections. It
// costs a kernel stack (16 KiB), the kernel's task_struct and what belongs to it (~7 KB of slab)
// and two touched stack pages (--one-page-stacks: one) per connection, and a context switch per
// message.
// --stack-size is virtual memory only: a page becomes resident when it is first touched.
// Source: 10kthreads, "Is thread per connection scalable?"
// Try it: ./echo_threads --stack-size 16K & ./client -n 10000
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
#include <exception>
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

/// One connection and the thread that serves it. The hook puts it into the list of live or of
/// finished connections.
struct Connection : intrusive::list_base_hook<> {
  echo::Descriptor socket;
  /// High water of its painted stack (stack/stack.hpp), in words of 8 bytes; 0: not painted. Only
  /// the thread uses it until it is joined. 32 bits fit into the padding and keep the struct small.
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
        plain_stacks_(is_ordinary(stack, serving.options.buffer_size)),
        pending_(serving),
        started_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        finished_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!started_event_ || !finished_event_)
      throw std::system_error(errno, std::generic_category(), "eventfd");
    apply(stack, attributes_.native_handle());
    if (stack.report) serving.measurements.stacks.emplace(server::StackUse::of_this_machine());
  }

  void run() {
    std::exception_ptr failure;
    try {
      accept_until_drained();
    } catch (...) {  // a listener that does not work: the threads still have to be joined
      failure = std::current_exception();
      serving_.stop.request_force();
    }
    pending_.drain();
    // Each thread reads what is queued and then EOF, echoes it, and ends. When the stop is already
    // forced, no thread should echo any more.
    if (!serving_.stop.forced()) shut_down_open(SHUT_RD);
    while (start_pending() > 0) join_finished();
    pending_.close();
    join_until_none_or_forced();
    forced_ = serving_.stop.forced();
    if (forced_) shut_down_open(SHUT_RDWR);
    while (unjoined_ > 0) {
      wait_for(finished_event_.get(), longest_wait_ms);
      join_finished();
    }
    if (failure) std::rethrow_exception(failure);
  }

 private:
  static constexpr std::uint64_t word = 8;
  /// Threads to start before the stop is checked again; each takes ~30 us.
  static constexpr int spawn_batch = 16;
  /// An event that could not be written is not waited for longer than this.
  static constexpr int longest_wait_ms = 100;

  void accept_until_drained() {
    while (pending_.wait(finished_event_.get())) {
      join_finished();
      start_pending();
    }
  }

  /// Starts the threads of some pending connections; returns their number.
  int start_pending() {
    int started = 0;
    for (; started < spawn_batch; ++started) {
      echo::Descriptor socket = pending_.next(unjoined_);
      if (!socket) break;
      spawn(std::move(socket));
    }
    return started;
  }

  static void wait_for(int fd, int timeout_ms) {
    pollfd entry{fd, POLLIN, 0};
    if (::poll(&entry, 1, timeout_ms) < 0 && errno != EINTR) echo::pause_after_failed_wait();
  }

  void spawn(echo::Descriptor socket) {
    auto connection = std::make_unique<Connection>();
    connection->socket = std::move(socket);
    Connection& placed = *connection;
    {
      const std::lock_guard lock(mutex_);
      live_.push_back(placed);
      ++unjoined_;
    }
    if (start_thread(placed)) {
      [[maybe_unused]] const auto* owned_by_the_lists = connection.release();
      return;
    }
    const std::lock_guard lock(mutex_);
    live_.erase(live_.iterator_to(placed));
    --unjoined_;
    serving_.counters.shed(server::Shed::threads);
  }

  /// pthread_create fails with EAGAIN for a dozen causes. Some are temporary, such as threads that
  /// have ended but are not freed yet. So it tries a few times, then gives up this connection only.
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

  /// Keeps the number of threads that have been started but have not run yet small. Thousands of
  /// them would each get as much of the processor as the acceptor, which would then not run for so
  /// long that the accept queue overflows: it holds about 80 ms of a burst.
  void wait_for_starting_threads() {
    constexpr std::uint64_t most = 16;
    ++started_;
    while (started_ - running_.load(std::memory_order_relaxed) > most) {
      eventfd_t ignored = 0;
      wait_for(started_event_.get(), longest_wait_ms);
      ::eventfd_read(started_event_.get(), &ignored);
    }
  }

  /// Runs on the connection's own thread.
  void serve(Connection& connection) {
    serving_.counters.opened(0);
    running_.fetch_add(1, std::memory_order_relaxed);
    ::eventfd_write(started_event_.get(), 1);
    // On the stack, whose pages are touched already: a heap block would need further pages.
    const std::size_t size = serving_.options.buffer_size;
    const auto echo = [&](std::byte* buffer) {
      echo_until_eof(connection.socket.get(), std::span(buffer, size), serving_, 0);
    };
    if (plain_stacks_) {
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
      // Removed from the live list before the descriptor is closed: a stop must never shut down a
      // descriptor number that the kernel has already given to another socket.
      const std::lock_guard lock(mutex_);
      live_.erase(live_.iterator_to(connection));
      socket = std::move(connection.socket);
    }
    socket.reset();
    if (!forced_) serving_.counters.closed(0);
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      first = finished_.empty();
      finished_.push_back(connection);
    }
    if (first) ::eventfd_write(finished_event_.get(), 1);
  }

  /// Joins a batch of the threads that have ended. Each join takes ~15 us, because the stack is
  /// freed; ten thousand in a row would stop the acceptor while the next burst arrives.
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
      --unjoined_;
    });
  }

  void join_until_none_or_forced() {
    for (;;) {
      join_finished();
      if (unjoined_ == 0 || serving_.stop.forced()) return;
      pollfd entries[2] = {{finished_event_.get(), POLLIN, 0},
                           {serving_.stop.force_fd(), POLLIN, 0}};
      if (::poll(entries, 2, longest_wait_ms) < 0 && errno != EINTR)
        echo::pause_after_failed_wait();
    }
  }

  void shut_down_open(int how) {
    const std::lock_guard lock(mutex_);
    for (const Connection& connection : live_) ::shutdown(connection.socket.get(), how);
  }

  const server::Serving& serving_;
  const StackOptions& stack_;
  bool plain_stacks_;  ///< no paint, no depth to touch, no buffer that could step over the guard
  boost::thread::attributes attributes_;
  PendingConnections pending_;
  /// The stop was forced: connections that end after this count as open at the stop.
  std::atomic<bool> forced_{false};
  std::uint64_t unjoined_ = 0;             ///< threads not yet joined; used by the acceptor only
  std::uint64_t started_ = 0;              ///< threads started in all; likewise
  std::atomic<std::uint64_t> running_{0};  ///< of these, those that have begun to run

  std::mutex mutex_;  ///< of the two lists
  Connections live_;
  Connections finished_;
  echo::Descriptor started_event_;   ///< written by each thread that has begun to run
  echo::Descriptor finished_event_;  ///< readable when `finished_` is not empty
};

struct Options {
  StackOptions stack;
  bool one_page_stacks = false;
};

/// The largest buffer with which one page of stack suffices, in bytes. Without the surplus of
/// static TLS, struct pthread takes 2.3 KiB of the page and the code that runs the thread 0.7 KiB.
/// What is left differs between machines with the same binary: 800 fitted on one, at most 736 on
/// another.
constexpr std::uint64_t one_page_buffer = 512;

void check(const Options& options, const server::ServerOptions& common) {
  check(options.stack, common.buffer_size);
  if (!options.one_page_stacks) return;
  if (common.buffer_size > one_page_buffer) {
    throw CLI::ValidationError(
        "--one-page-stacks",
        fmt::format("the buffer is on the stack too: give --buffer-size {} or less",
                    one_page_buffer));
  }
  if (options.stack.touch > 0 || options.stack.report) {
    throw CLI::ValidationError(
        "--one-page-stacks",
        "cannot be given with --touch-stack or --stack-report, which touch more than one page");
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
                 "Touch one page of each stack instead of two; needs --buffer-size 512 or less");
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
