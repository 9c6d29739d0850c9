// io_uring (liburing, io_uring(7)): a ring of requests to the kernel, one of completions from it,
// and a ring of buffers that it fills.
//
// A request is 64 bytes in memory that both sides see, and one system call hands over all that have
// been written: where epoll needs a call for each recv and send, this needs one for many. A request
// may be multishot: armed once, it completes for each connection or message that comes. Such a
// recv cannot name a buffer beforehand, so the kernel takes the next of those that were provided;
// who has used one gives it back. One thread makes a ring and is the only one to touch it.
#pragma once

#include <liburing.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace echo_async {

/// What is asked of the kernel for a descriptor; both come back with each completion.
enum class RingOp : std::uint32_t { force, drain, accept, receive, cancel, send };

class Ring {
 public:
  /// Both are powers of two. Completions beyond their number are not lost, but the kernel ends each
  /// multishot request that it has no room for. Throws echo::Exit, exit_refused, where the kernel
  /// has no io_uring for us, with what to do about it.
  Ring(unsigned requests, unsigned completions);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// The next request, to be filled in with io_uring_prep_*(); the kernel sees it at the next
  /// submit. What it points to must live until it completes.
  io_uring_sqe* request(RingOp op, int fd);
  static RingOp op_of(const io_uring_cqe& completion) {
    return static_cast<RingOp>(completion.user_data >> 32U);
  }
  static int descriptor_of(const io_uring_cqe& completion) {
    return static_cast<int>(static_cast<std::uint32_t>(completion.user_data));
  }
  /// Asks the kernel to end `op` on `fd`; it completes once more, with ECANCELED.
  void cancel(RingOp op, int fd);
  void submit();
  /// Submits, and waits for a completion, but not beyond `at_most`.
  void submit_and_wait(std::optional<std::chrono::nanoseconds> at_most);
  /// Calls `handle(const io_uring_cqe&)` for each completion that is there.
  template <typename Handle>
  void for_each_completion(Handle handle) {
    // What their handling asks for is submitted every so often, not once they are all done: the
    // peers get on with it meanwhile. Submitting once a drained queue was measured at half the
    // throughput.
    std::array<io_uring_cqe*, 64> batch;
    for (;;) {
      const unsigned count = ::io_uring_peek_batch_cqe(&ring_, batch.data(), batch.size());
      for (unsigned i = 0; i < count; ++i) handle(*batch[i]);
      ::io_uring_cq_advance(&ring_, count);
      if (count < batch.size()) return;
      submit();
    }
  }

 private:
  friend class BufferRing;
  ::io_uring ring_{};
};

/// The buffers that the kernel chooses from, all of one size, in one mapping: resident is what has
/// been used.
class BufferRing {
 public:
  /// `count`: a power of two up to `most`. Throws echo::Exit, exit_refused, when they cannot be
  /// had.
  BufferRing(Ring& ring, unsigned count, std::size_t size);
  ~BufferRing();
  BufferRing(const BufferRing&) = delete;
  BufferRing& operator=(const BufferRing&) = delete;
  static constexpr unsigned most = 32768;
  static constexpr std::uint16_t group = 0;  ///< what a recv names

  /// The bytes that a completion speaks of: the buffer is ours until it is given back.
  std::span<std::byte> take(const io_uring_cqe& completion);
  static std::uint16_t number_of(const io_uring_cqe& completion) {
    return static_cast<std::uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
  }
  void give_back(std::uint16_t number);
  /// Those that are not ours; the kernel may have filled some that it has not told of.
  [[nodiscard]] unsigned available() const { return count_ - taken_; }

 private:
  struct Unmap {
    std::size_t bytes;
    void operator()(std::byte* pages) const;
  };
  void offer(std::uint16_t number);
  [[nodiscard]] std::byte* buffer(std::uint16_t number) const {
    return pool_ + std::size_t{number} * size_;
  }

  Ring& ring_;
  unsigned count_;
  std::size_t size_;
  unsigned taken_ = 0;
  std::unique_ptr<std::byte, Unmap> pages_;
  io_uring_buf_ring* entries_ = nullptr;  ///< at the beginning of the pages
  std::byte* pool_ = nullptr;             ///< behind them
};

}  // namespace echo_async
