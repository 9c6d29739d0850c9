// The loops of a run, each on a thread of its own, led through the phases in io.
//
// The leader (the thread that made the group) hands all of them the same task and may look at the
// machine, write a line or sleep while they work; it touches no loop before all have finished.
// Connections are dealt round: loop j of T holds j, j + T, j + 2T..., so the remainder is spread
// evenly. A loop's exception is the leader's, once all have stopped.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "client/engine/loop.hpp"

namespace client {

class LoopGroup {
 public:
  using Task = std::function<void(Loop& loop, unsigned number)>;

  /// One loop a plan. `cpus`: where loop i runs, cpus[i modulo their number]; empty: anywhere.
  LoopGroup(const std::vector<Plan>& plans, const LoopContext& context,
            const std::vector<unsigned>& cpus);
  ~LoopGroup();
  LoopGroup(const LoopGroup&) = delete;
  LoopGroup& operator=(const LoopGroup&) = delete;

  /// Hands `task` to every loop. The last one must have been waited for.
  void start(Task task);
  /// Whether all have finished it by then.
  bool wait_until(Nanoseconds at);
  /// Waits for all; throws what one of them threw.
  void wait();
  void run(Task task) {
    start(std::move(task));
    wait();
  }

  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(threads_.size()); }
  /// The sum of the notes, at any time; adds the latencies since the last look to `latency`.
  Progress look(echo::Histogram& latency);

  // Only between tasks.
  [[nodiscard]] Tally tally() const;
  [[nodiscard]] StopReason stop_reason() const;  ///< the gravest of all loops
  Loop& loop(unsigned number) { return *threads_[number]->loop; }
  /// Ends the threads; the loops stay.
  void finish();

 private:
  struct LoopThread {
    ProgressSlot progress_slot;
    std::unique_ptr<Loop> loop;
    std::thread thread;
  };
  void work(unsigned number);

  std::vector<std::unique_ptr<LoopThread>> threads_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Task task_;
  std::uint64_t round_ = 0;  ///< tasks handed out
  unsigned busy_ = 0;        ///< members that still work on it
  bool over_ = false;
  std::exception_ptr failure_;
};

}  // namespace client
