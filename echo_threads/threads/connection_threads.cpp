#include "echo_threads/threads/connection_threads.hpp"

#include <alloca.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <new>
#include <system_error>
#include <utility>

#include "server/shortage.hpp"

namespace echo_threads {
namespace {

constexpr std::uint64_t word = 8;
/// An event that could not be written is not waited for longer than this.
constexpr int longest_wait_ms = 100;

void wait_for(int fd, int timeout_ms) {
  pollfd entry{fd, POLLIN, 0};
  if (::poll(&entry, 1, timeout_ms) < 0 && errno != EINTR) echo::pause_after_failed_wait();
}

}  // namespace

ConnectionThreads::ConnectionThreads(const server::Serving& serving, const StackOptions& stack,
                                     Work work)
    : serving_(serving),
      stack_(stack),
      work_(work),
      ordinary_stacks_(
          is_ordinary(stack, serving.options.buffer_size + serving.protocol.bytes_per_thread())),
      running_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      ended_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!running_event_ || !ended_event_)
    throw std::system_error(errno, std::generic_category(), "eventfd");
  apply(stack, attributes_.native_handle());
  if (stack.allocator == StackAllocator::region) region_.emplace(stack.size, stack.guard);
  if (stack.report) serving.measurements.stacks.emplace(server::StackUse::of_this_machine());
}

ConnectionThreads::~ConnectionThreads() {
  if (unjoined_ == 0) return;
  serving_.stop.request_force();  // the acceptor has failed
  stop();
}

void ConnectionThreads::start(echo::Descriptor socket) {
  std::unique_ptr<Connection> connection{new (std::nothrow) Connection};
  if (!connection) return serving_.counters.shed(server::Shed::memory);
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
  release_stack(placed);
  server::note_task_shortage(serving_.measurements, stack_.size, stack_.guard);
  const std::lock_guard lock(mutex_);
  live_.erase(live_.iterator_to(placed));
  --unjoined_;
  serving_.counters.shed(server::Shed::threads);
}

/// The thread that is started next gets a stack of the region; glibc then adds no guard.
void ConnectionThreads::place_on_region(Connection& connection) {
  if (connection.stack == nullptr) connection.stack = region_->allocate();
  // Cannot fail: apply() has checked the size.
  ::pthread_attr_setstack(attributes_.native_handle(), connection.stack, region_->stack_size());
}

void ConnectionThreads::release_stack(Connection& connection) {
  if (connection.stack == nullptr) return;
  region_->deallocate(connection.stack);
  connection.stack = nullptr;
}

/// pthread_create fails with EAGAIN for a dozen causes. Some are temporary, such as threads that
/// have ended but are not freed yet. So it tries a few times, then gives up this connection only.
/// The same holds for the memory of the thread's object and of its stack.
bool ConnectionThreads::start_thread(Connection& connection) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    try {
      if (region_) place_on_region(connection);
      connection.thread = boost::thread(attributes_, [this, &connection] { serve(connection); });
      wait_for_starting_threads();
      return true;
    } catch (const boost::thread_resource_error&) {
    } catch (const std::bad_alloc&) {
    }
    join_ended();
    wait_for(ended_event_.get(), 1);
  }
  return false;
}

/// Keeps the number of threads that have been started but have not run yet small. Thousands of
/// them would each get as much of the processor as the acceptor, which would then not run for so
/// long that the accept queue overflows: it holds about 80 ms of a burst.
void ConnectionThreads::wait_for_starting_threads() {
  constexpr std::uint64_t most = 16;
  ++started_;
  while (started_ - running_.load(std::memory_order_relaxed) > most) {
    eventfd_t ignored = 0;
    wait_for(running_event_.get(), longest_wait_ms);
    ::eventfd_read(running_event_.get(), &ignored);
  }
}

/// Runs on the connection's own thread.
void ConnectionThreads::serve(Connection& connection) {
  serving_.counters.opened(0);
  running_.fetch_add(1, std::memory_order_relaxed);
  ::eventfd_write(running_event_.get(), 1);
  // On the stack, whose pages are touched already: a heap block would need further pages.
  const std::size_t size = serving_.options.buffer_size;
  const std::size_t of_protocol = serving_.protocol.bytes_per_thread();
  const auto work = [&](std::byte* bytes) {
    if (of_protocol > 0) serving_.protocol.lend({bytes + size, of_protocol});
    work_(connection.socket.get(), std::span(bytes, size), serving_, 0);
  };
  if (ordinary_stacks_) {
    work(static_cast<std::byte*>(alloca(size + of_protocol)));
  } else {
    const auto high_water = on_stack(stack_, size + of_protocol, work);
    connection.high_water_words = static_cast<std::uint32_t>(high_water.value_or(0) / word);
  }
  end(connection);
}

void ConnectionThreads::end(Connection& connection) {
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
    first = ended_.empty();
    ended_.push_back(connection);
  }
  if (first) ::eventfd_write(ended_event_.get(), 1);
}

/// Each join takes ~15 us, because the stack is freed; ten thousand in a row would stop the
/// acceptor while the next burst arrives.
void ConnectionThreads::join_ended() {
  constexpr int batch = 64;
  eventfd_t ignored = 0;
  ::eventfd_read(ended_event_.get(), &ignored);
  Connections ended;
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < batch && !ended_.empty(); ++i) {
      Connection& connection = ended_.front();
      ended_.pop_front();
      ended.push_back(connection);
    }
    more = !ended_.empty();
  }
  if (more) ::eventfd_write(ended_event_.get(), 1);
  ended.clear_and_dispose([this](Connection* connection) {
    connection->thread.join();
    release_stack(*connection);  // no code runs on it any more
    try {
      if (const std::uint64_t words = connection->high_water_words; words > 0)
        serving_.measurements.stacks->add(words * word);
    } catch (const std::bad_alloc&) {  // the report counts one thread less
    }
    delete connection;
    --unjoined_;
  });
}

void ConnectionThreads::drain() {
  shut_down(SHUT_RD);
}

void ConnectionThreads::stop() {
  join_until_none_or_forced();
  forced_ = serving_.stop.forced();
  if (forced_) shut_down(SHUT_RDWR);
  while (unjoined_ > 0) {
    wait_for(ended_event_.get(), longest_wait_ms);
    join_ended();
  }
}

void ConnectionThreads::join_until_none_or_forced() {
  const echo::Stop& stop = serving_.stop;
  for (;;) {
    join_ended();
    if (unjoined_ == 0 || stop.forced()) return;
    pollfd entries[2] = {{ended_event_.get(), POLLIN, 0}, {stop.force_fd(), POLLIN, 0}};
    if (::poll(entries, 2, longest_wait_ms) < 0 && errno != EINTR) echo::pause_after_failed_wait();
  }
}

void ConnectionThreads::shut_down(int how) {
  const std::lock_guard lock(mutex_);
  for (const Connection& connection : live_) ::shutdown(connection.socket.get(), how);
}

}  // namespace echo_threads
