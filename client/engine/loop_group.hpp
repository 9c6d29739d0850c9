// The loops of a run, each on its own thread, which go through the phases together.
//
// The leader (the thread that created the group) gives all loops the same task. While they work it
// may sample the machine, write a line or sleep, but it accesses no loop before all have finished.
// Connections are distributed round-robin: loop j of T has j, j + T, j + 2T..., which spreads the
// remainder evenly. An exception of a loop is rethrown in the leader after all loops have stopped.
//
// A loop is made, runs and ends on its thread. With `own_tables` each thread but the first leaves
// the process's table of descriptors for one of its own (limits/rlimit.hpp): RLIMIT_NOFILE then
// bounds the connections of a loop, not those of the run.
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

  /// One loop per plan. Loop i runs on cpus[i modulo their number]; empty: on any processor. Throws
  /// std::system_error if a processor is not available, or a loop cannot be made.
  LoopGroup(const std::vector<Plan>& plans, const LoopContext& context,
            const std::vector<unsigned>& cpus, bool own_tables = false);
  ~LoopGroup();
  LoopGroup(const LoopGroup&) = delete;
  LoopGroup& operator=(const LoopGroup&) = delete;

  /// Starts `task` on every loop. The previous task must have finished (wait()).
  void start(Task task);
  /// Waits until `at` at most. Returns true if all loops have finished the task.
  bool wait_until(Nanoseconds at);
  /// Waits for all loops; rethrows the first exception of a loop.
  void wait();
  void run(Task task) {
    start(std::move(task));
    wait();
  }

  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(threads_.size()); }
  /// The sum of the loops' last progress. May be called at any time. Adds the latencies posted
  /// since the last call to `latency`.
  Progress look(echo::Histogram& latency);

  // Only between tasks.
  [[nodiscard]] Tally tally() const;
  [[nodiscard]] StopReason stop_reason() const;  ///< the most severe of all loops
  /// When a signal or the deadline stopped the first loop; `never` if neither did.
  [[nodiscard]] Nanoseconds stopped_at() const;
  Loop& loop(unsigned number) { return *threads_[number]->loop; }
  /// Ends the loops and their threads. What was counted remains.
  void finish();

 private:
  /// What remains of a loop.
  struct Ended {
    Tally tally;
    StopReason stop_reason = StopReason::none;
    Nanoseconds stopped_at = never;
  };
  struct LoopThread {
    ProgressSlot progress_slot;
    std::unique_ptr<Loop> loop;  ///< nullptr before it is made, and after its end
    Ended ended;
    std::thread thread;
  };
  void start_on_all(std::function<void(unsigned number)> task);
  void make(unsigned number, const Plan& plan, const LoopContext& context, bool own_table);
  void work(unsigned number);
  void end(unsigned number);

  std::vector<std::unique_ptr<LoopThread>> threads_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void(unsigned number)> task_;
  std::uint64_t round_ = 0;  ///< tasks started
  unsigned busy_ = 0;        ///< loops that still work on the current task
  bool over_ = false;
  std::exception_ptr failure_;
};

}  // namespace client
