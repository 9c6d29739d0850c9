// What a C++20 coroutine needs to wait for Asio: a type for the coroutine, and one for
// what it awaits.
//
// The compiler splits a function at each co_await, and keeps its state in a frame on the heap. Task
// defines how it begins and ends; Operation defines what co_await does: start the operation, with a
// handler that resumes the frame. Asio has its own types (awaitable, co_spawn), for coroutines that
// await others, are cancelled, propagate exceptions. The coroutines here need none of that, and
// would pay for it: a second frame each, some 300 B, and more cache lines written per echo
// (decision 0015).
#pragma once

#include <coroutine>
#include <cstddef>
#include <utility>

#include "echo_async/asio/loop.hpp"
#include "echo_async/asio/socket.hpp"
#include "server/counters.hpp"

namespace echo_async {

/// A coroutine of a loop that nothing awaits. It starts immediately, and its frame is freed at its
/// end; an exception (a bug, or no memory) ends it and is counted.
struct Task {
  class promise_type {  // NOLINT(readability-identifier-naming): the language's name
   public:
    /// The language passes the arguments of the coroutine.
    promise_type(const Socket& /*socket*/, Loop& loop) : loop_(loop) {}

    static Task get_return_object() noexcept { return {}; }
    static std::suspend_never initial_suspend() noexcept { return {}; }
    static std::suspend_never final_suspend() noexcept { return {}; }
    static void return_void() noexcept {}
    void unhandled_exception() noexcept { loop_.serving().counters.shed(server::Shed::exception); }

   private:
    Loop& loop_;
  };
};

/// An Asio operation to be awaited; `start(handler)` starts it. co_await returns the number of
/// bytes, or 1 for an operation without one. 0: an error or EOF, which an echo treats alike. For
/// one thread; `start` must neither run its handler before it returns nor drop it without throwing.
template <typename Start>
class Operation {
 public:
  explicit Operation(Start start) : start_(std::move(start)) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  ~Operation() = default;

  static constexpr bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) {
    coroutine_ = coroutine;
    pending_ = false;
    start_(Handler{*this});
    pending_ = true;
  }
  [[nodiscard]] std::size_t await_resume() const noexcept { return result_; }

 private:
  /// Resumes the coroutine, or destroys it where Asio destroys the operation without calling the
  /// handler: with its io_context, or because of an exception in between.
  class Handler {
   public:
    explicit Handler(Operation& operation) : operation_(&operation) {}
    Handler(Handler&& other) noexcept : operation_(std::exchange(other.operation_, nullptr)) {}
    Handler& operator=(Handler&&) = delete;
    ~Handler() {
      // If start throws, the exception continues in the coroutine, at its co_await.
      if (operation_ != nullptr && operation_->pending_) operation_->coroutine_.destroy();
    }

    void operator()(error_code error = {}, std::size_t bytes = 1) {
      Operation& operation = *std::exchange(operation_, nullptr);
      operation.result_ = error ? 0 : bytes;
      operation.coroutine_.resume();
    }

   private:
    Operation* operation_;
  };

  Start start_;
  std::coroutine_handle<> coroutine_;
  std::size_t result_ = 0;
  bool pending_ = false;
};

}  // namespace echo_async
