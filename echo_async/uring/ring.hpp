// io_uring (liburing, io_uring(7)): a ring of requests to the kernel, one of completions from it,
// and a ring of buffers that it fills.
//
// A request is 64 bytes in shared memory, and one system call submits all that have been written:
// epoll needs a call for each recv and send, io_uring needs one for many. A request may be
// multishot: armed once, it completes for each connection or message that comes. Such a recv cannot
// name a buffer beforehand, so the kernel takes the next of those provided; the program gives each
// one back after use. The thread that makes a ring is the only one that uses it.
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

/// What a request does to a descriptor; each completion carries both.
enum class RingOp : std::uint32_t { force, drain, accept, receive, cancel, send };

class Ring {
 public:
  /// Both are powers of two. Completions beyond their number are not lost, but the kernel ends each
  /// multishot request that it has no room for. Throws echo::Exit, exit_refused, with advice, if
  /// the kernel refuses io_uring.
  Ring(unsigned requests, unsigned completions);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// The next request, to be filled in with io_uring_prep_*(); the kernel sees it at the next
  /// submit. What it points to must live until it completes. This and the submits throw
  /// std::system_error when the kernel has taken no request for seconds.
  io_uring_sqe* request(RingOp op, int fd);
  static RingOp op_of(const io_uring_cqe& completion) {
    return static_cast<RingOp>(completion.user_data >> 32U);
  }
  static int descriptor_of(const io_uring_cqe& completion) {
    return static_cast<int>(static_cast<std::uint32_t>(completion.user_data));
  }
  /// Requests the end of `op` on `fd`; it completes once more, with ECANCELED.
  void cancel(RingOp op, int fd);
  void submit();
  /// Submits, and lets the kernel complete what it has queued, without a wait.
  void get_events();
  /// Submits, and waits for a completion, at most for `at_most`.
  void submit_and_wait(std::optional<std::chrono::nanoseconds> at_most);
  /// Calls `handle(const io_uring_cqe&)` for each available completion, and for those that come
  /// meanwhile, up to a thousand.
  template <typename Handle>
  void for_each_completion(Handle handle) {
    // The requests of the handlers are submitted after each batch, not after the last completion,
    // so that the peers go on meanwhile. One submit per drained queue was measured at half the
    // throughput.
    constexpr int batches_in_a_row = 16;
    std::array<io_uring_cqe*, 64> batch;
    for (int batches = 0; batches < batches_in_a_row; ++batches) {
      const unsigned count = ::io_uring_peek_batch_cqe(&ring_, batch.data(), batch.size());
      for (unsigned i = 0; i < count; ++i) handle(*batch[i]);
      ::io_uring_cq_advance(&ring_, count);
      if (count > 0) failures_ = 0;
      if (count < batch.size()) return;
      submit();
    }
    // A recv for which data is there completes when it is submitted. What the kernel has queued for
    // other connections completes only here: a wait does not ask for it while there are
    // completions.
    get_events();
  }

 private:
  friend class BufferRing;

  void check(int result);

  ::io_uring ring_{};
  unsigned failures_ = 0;  ///< calls in a row that have failed
};

/// The buffers that the kernel chooses from, all of one size, in one mapping: those that have been
/// used are resident.
class BufferRing {
 public:
  /// `count`: a power of two up to `max_count`. Throws echo::Exit, exit_refused, if the kernel
  /// refuses them.
  BufferRing(Ring& ring, unsigned count, std::size_t size);
  ~BufferRing();
  BufferRing(const BufferRing&) = delete;
  BufferRing& operator=(const BufferRing&) = delete;
  static constexpr unsigned max_count = 32768;
  static constexpr std::uint16_t group = 0;  ///< the buffer group that a recv names

  /// The bytes of a completion: their buffer is taken until it is given back.
  std::span<std::byte> take(const io_uring_cqe& completion);
  static std::uint16_t number_of(const io_uring_cqe& completion) {
    return static_cast<std::uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
  }
  void give_back(std::uint16_t number);
  /// The bytes of a taken buffer.
  [[nodiscard]] std::byte* buffer(std::uint16_t number) const {
    return pool_ + std::size_t{number} * size_;
  }
  /// Buffers that are not taken; the kernel may have filled some whose completions are still to
  /// come.
  [[nodiscard]] unsigned available() const { return count_ - taken_; }

 private:
  struct Unmap {
    std::size_t bytes;
    void operator()(std::byte* pages) const;
  };
  void offer(std::uint16_t number);

  Ring& ring_;
  unsigned count_;
  std::size_t size_;
  unsigned taken_ = 0;
  std::unique_ptr<std::byte, Unmap> pages_;
  io_uring_buf_ring* entries_ = nullptr;  ///< at the beginning of the pages
  std::byte* pool_ = nullptr;             ///< after the entries
};

}  // namespace echo_async
