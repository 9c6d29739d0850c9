// What an Operation of Asio does to the coroutine that awaits it: resumes it with a result or with
// none, drops it with its io_context or by an exception, never suspends it. failure_test.cpp tests
// Task.
#include "echo_async/asio/task.hpp"

#include <gtest/gtest.h>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

namespace echo_async {
namespace {

/// Like Task, for coroutines that belong to no loop. Stores the exception that ends one.
struct DetachedTask {
  struct promise_type {
    static DetachedTask get_return_object() noexcept { return {}; }
    static std::suspend_never initial_suspend() noexcept { return {}; }
    static std::suspend_never final_suspend() noexcept { return {}; }
    static void return_void() noexcept {}
    static void unhandled_exception() noexcept { thrown = std::current_exception(); }
    static inline std::exception_ptr thrown;
  };
};

constexpr std::size_t unknown = 99;

/// `held` lives in the frame: its count shows whether the frame still exists.
template <typename Start>
DetachedTask await_one(Start start, [[maybe_unused]] std::shared_ptr<int> held,
                       std::size_t& result) {
  Operation operation{std::move(start)};
  result = co_await operation;
}

struct Coroutine : ::testing::Test {
  std::unique_ptr<asio::io_context> io = std::make_unique<asio::io_context>();
  std::shared_ptr<int> held = std::make_shared<int>();
  std::size_t result = unknown;
};

TEST_F(Coroutine, ReceivesTheBytesOfItsOperation) {
  await_one(
      [this](auto handler) {
        asio::post(*io, [handler = std::move(handler)]() mutable { handler(error_code{}, 7); });
      },
      held, result);
  EXPECT_EQ(result, unknown) << "it waits";
  io->run();
  EXPECT_EQ(result, 7U);
  EXPECT_EQ(held.use_count(), 1) << "its frame was freed when it ended";
}

TEST_F(Coroutine, ReceivesZeroWhenItsOperationFails) {
  await_one(
      [this](auto handler) {
        asio::post(*io, [handler = std::move(handler)]() mutable {
          handler(error_code{asio::error::connection_reset}, 7);
        });
      },
      held, result);
  io->run();
  EXPECT_EQ(result, 0U);
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(Coroutine, EndsWithTheContextThatDropsItsOperation) {
  await_one(
      [this](auto handler) {
        asio::post(*io, [handler = std::move(handler)]() mutable { handler(error_code{}, 7); });
      },
      held, result);
  EXPECT_EQ(held.use_count(), 2);
  io.reset();
  EXPECT_EQ(result, unknown);
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(Coroutine, EndsWhenAnExceptionDropsItsHandler) {
  await_one(
      [this](auto handler) {
        asio::post(*io, [handler = std::move(handler)]() mutable {
          const auto dropped = std::move(handler);
          throw std::runtime_error("of the test");
        });
      },
      held, result);
  EXPECT_THROW(io->run(), std::runtime_error);
  EXPECT_EQ(result, unknown);
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(Coroutine, ReceivesTheExceptionOfAnOperationThatCannotBegin) {
  DetachedTask::promise_type::thrown = nullptr;
  await_one(
      [](auto handler) {
        const auto dropped = std::move(handler);
        throw std::bad_alloc{};
      },
      held, result);
  EXPECT_THROW(std::rethrow_exception(DetachedTask::promise_type::thrown), std::bad_alloc);
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace echo_async
