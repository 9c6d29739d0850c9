// What becomes of a coroutine that waits for Asio: resumed, resumed in vain, dropped, never begun.
#include "echo_async/task.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <new>

namespace echo_async {
namespace {

/// As Task, for coroutines that belong to no loop. What ends one is kept.
struct Alone {
  struct promise_type {
    static Alone get_return_object() noexcept { return {}; }
    static std::suspend_never initial_suspend() noexcept { return {}; }
    static std::suspend_never final_suspend() noexcept { return {}; }
    static void return_void() noexcept {}
    static void unhandled_exception() noexcept { thrown = std::current_exception(); }
    static inline std::exception_ptr thrown;
  };
};

constexpr std::size_t unknown = 99;

/// `held` lives in the frame: its count tells whether that is still there.
template <typename Start>
Alone await_one(Start start, std::shared_ptr<int> held, std::size_t& result) {
  Operation operation{std::move(start)};
  result = co_await operation;
  held.reset();
}

struct Coroutine : ::testing::Test {
  std::unique_ptr<asio::io_context> io = std::make_unique<asio::io_context>();
  std::shared_ptr<int> held = std::make_shared<int>();
  std::size_t result = unknown;
};

TEST_F(Coroutine, IsGivenTheBytesOfItsOperation) {
  await_one(
      [this](auto handler) {
        asio::post(*io, [handler = std::move(handler)]() mutable { handler(error_code{}, 7); });
      },
      held, result);
  EXPECT_EQ(result, unknown) << "it waits";
  io->run();
  EXPECT_EQ(result, 7U);
  EXPECT_EQ(held.use_count(), 1) << "its frame went with its end";
}

TEST_F(Coroutine, IsGivenNothingWhereItsOperationFailed) {
  await_one(
      [this](auto handler) {
        asio::post(*io, [handler = std::move(handler)]() mutable {
          handler(error_code{asio::error::connection_reset}, 7);
        });
      },
      held, result);
  io->run();
  EXPECT_EQ(result, 0U);
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

TEST_F(Coroutine, IsThrownAtByAnOperationThatCannotBegin) {
  Alone::promise_type::thrown = nullptr;
  await_one(
      [](auto handler) {
        const auto dropped = std::move(handler);
        throw std::bad_alloc{};
      },
      held, result);
  EXPECT_THROW(std::rethrow_exception(Alone::promise_type::thrown), std::bad_alloc);
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace echo_async
