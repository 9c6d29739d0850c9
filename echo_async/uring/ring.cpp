#include "echo_async/uring/ring.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>

#if defined(TESTBED_SANITIZES_ADDRESS)
#include <sanitizer/asan_interface.h>
#endif

#include "echo/exit_code.hpp"
#include "echo/stop.hpp"

namespace echo_async {
namespace {

std::string_view advice_on(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return "forbidden here; as root: sysctl kernel.io_uring_disabled=0, and in a container a "
             "seccomp profile that allows it";
    case ENOSYS:
      return "this kernel was built without it, or a container's seccomp profile blocks it";
    case EINVAL:
      return "this kernel is too old: multishot recv needs Linux 6.0";
    case ENOMEM:
      return "no memory for it: raise ulimit -l, or use fewer --ring-buffers or a smaller "
             "--buffer-size";
    default:
      return "no ring can be set up";
  }
}

[[noreturn]] void refuse(const char* call, int error) {
  throw echo::Exit(
      echo::exit_refused,
      fmt::format("io_uring is refused: {}: {} ({}): {}", call, ::strerrorname_np(error),
                  std::generic_category().message(error), advice_on(error)));
}

/// Set-ups of a ring, the best first. The kernel processes completions when the thread waits for
/// them (6.1), or in any of its system calls (6.0), but never interrupts it.
constexpr unsigned setups[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN,
};

/// Calls in a row that may fail, each followed by a pause of 5 ms, while nothing completes. After
/// them the ring is taken for broken: neither a request nor a stop would ever get through.
constexpr unsigned most_failures = 400;

std::uint64_t tag(RingOp op, int fd) {
  return std::uint64_t{static_cast<std::uint32_t>(op)} << 32U | static_cast<std::uint32_t>(fd);
}

}  // namespace

/// Throws on an error of this program. Every other is transient (a full completion queue, no memory
/// for a moment, a signal), and the next submit takes the requests that this one did not.
void Ring::check(int result) {
  if (result >= 0) {
    failures_ = 0;
    return;
  }
  switch (-result) {
    case EBADF:
    case EBADFD:
    case EEXIST:  // of IORING_SETUP_SINGLE_ISSUER: not the thread that made the ring
    case EFAULT:
    case EINVAL:
    case ENXIO:
    case EOPNOTSUPP:
      throw std::system_error(-result, std::generic_category(), "io_uring_enter");
    case EINTR:
    case ETIME:
      return;
    default:
      if (++failures_ >= most_failures) {
        throw std::system_error(-result, std::generic_category(),
                                "io_uring_enter, which has failed for seconds");
      }
      // A full completion queue: what can be fetched now makes room.
      if (result == -EBUSY && failures_ == 1) return;
      echo::pause_after_failed_wait();
  }
}

Ring::Ring(unsigned requests, unsigned completions) {
  int result = 0;
  for (const unsigned setup : setups) {
    io_uring_params params{};
    params.flags = setup | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    params.cq_entries = completions;
    result = ::io_uring_queue_init_params(requests, &ring_, &params);
    if (result != -EINVAL) break;
  }
  if (result < 0) refuse("io_uring_setup", -result);
  ::io_uring_register_ring_fd(&ring_);  // saves a look-up of the descriptor in each call
#if defined(TESTBED_SANITIZES_ADDRESS)
  // The library maps the queues by system calls that the sanitizer does not see. Where a thread's
  // stack was before, it would take them for that stack.
  __asan_unpoison_memory_region(ring_.sq.sqes, ring_.sq.ring_entries * sizeof *ring_.sq.sqes);
  __asan_unpoison_memory_region(ring_.sq.ring_ptr, ring_.sq.ring_sz);
  __asan_unpoison_memory_region(ring_.cq.ring_ptr, ring_.cq.ring_sz);
#endif
}

Ring::~Ring() {
  ::io_uring_queue_exit(&ring_);
}

io_uring_sqe* Ring::request(RingOp op, int fd) {
  io_uring_sqe* request = ::io_uring_get_sqe(&ring_);
  while (request == nullptr) {
    // A kernel that was too busy takes more once its completions are fetched.
    get_events();
    request = ::io_uring_get_sqe(&ring_);
  }
  request->user_data = tag(op, fd);  // the one field that io_uring_prep_*() leaves unchanged
  return request;
}

void Ring::cancel(RingOp op, int fd) {
  ::io_uring_prep_cancel64(request(RingOp::cancel, fd), tag(op, fd), 0);
}

void Ring::submit() {
  check(::io_uring_submit(&ring_));
}

void Ring::get_events() {
  check(::io_uring_submit_and_get_events(&ring_));
}

void Ring::submit_and_wait(std::optional<std::chrono::nanoseconds> at_most) {
  if (!at_most) return check(::io_uring_submit_and_wait(&ring_, 1));
  __kernel_timespec limit{};
  limit.tv_sec = at_most->count() / 1'000'000'000;
  limit.tv_nsec = at_most->count() % 1'000'000'000;
  io_uring_cqe* first = nullptr;
  check(::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr));
}

void BufferRing::Unmap::operator()(std::byte* pages) const {
  ::munmap(pages, bytes);
}

BufferRing::BufferRing(Ring& ring, unsigned count, std::size_t size)
    : ring_(ring), count_(count), size_(size) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t head = (count * sizeof(io_uring_buf) + page - 1) / page * page;
  const std::size_t bytes = head + count * size;
  void* pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) refuse("mmap of the buffers", errno);
  pages_ = {static_cast<std::byte*>(pages), Unmap{bytes}};
#if defined(TESTBED_SANITIZES_ADDRESS)
  __asan_unpoison_memory_region(pages, bytes);  // as above
#endif
  entries_ = static_cast<io_uring_buf_ring*>(pages);
  pool_ = pages_.get() + head;

  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(entries_);
  registration.ring_entries = count;
  registration.bgid = group;
  const int result = ::io_uring_register_buf_ring(&ring_.ring_, &registration, 0);
  if (result < 0) refuse("io_uring_register of the buffers", -result);
  ::io_uring_buf_ring_init(entries_);
  for (unsigned i = 0; i < count; ++i) offer(static_cast<std::uint16_t>(i));
}

BufferRing::~BufferRing() {
  ::io_uring_unregister_buf_ring(&ring_.ring_, group);
}

void BufferRing::offer(std::uint16_t number) {
  ::io_uring_buf_ring_add(entries_, buffer(number), static_cast<unsigned>(size_), number,
                          ::io_uring_buf_ring_mask(count_), 0);
  ::io_uring_buf_ring_advance(entries_, 1);
}

std::span<std::byte> BufferRing::take(const io_uring_cqe& completion) {
  ++taken_;
  return {buffer(number_of(completion)), static_cast<std::size_t>(completion.res)};
}

void BufferRing::give_back(std::uint16_t number) {
  --taken_;
  offer(number);
}

}  // namespace echo_async
