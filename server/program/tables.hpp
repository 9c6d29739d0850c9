// Several descriptor tables in one process: how a model serves more connections than RLIMIT_NOFILE
// allows, without a privilege.
//
// The limit bounds a table of descriptors, and a thread can leave the table of its process
// (unshare(2), CLONE_FILES). Each table then runs the model once more: its own listener on the same
// port (SO_REUSEPORT), its own loop or group of threads, its own lines in the counters. The kernel
// divides the connections by a hash of their addresses, so each table has room for more than an
// even share. The first table is that of the process, on the calling thread. Try it: (ulimit -n
// 1024; ./echo_async --max-connections 10000) & ./client -n 10000
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <list>
#include <mutex>
#include <thread>

#include "echo/cli_fwd.hpp"
#include "server/model.hpp"

namespace server {

/// Declares the options of `model`, and --tables if it can use several. The demand then includes
/// them.
Configured configure(const Model& model, CLI::App& app, ServerOptions& options);

/// How many tables `--tables auto` stands for: as few as hold --max-connections, or 10,000
/// connections if there is no such limit. `open_files`: those that one table can hold.
std::uint64_t tables_for(const Configured& configured, const ServerOptions& options,
                         std::uint64_t open_files);

/// The shape of one of options.tables tables: its part of the workers and listeners.
Shape shape_of_table(const Configured& configured, const ServerOptions& options);

/// The tables of a run, from listening to the end of the stop.
class Tables {
 public:
  /// Serves with `model` in all tables. `whole`: the counters of all, and the listeners of the
  /// first. Returns when all tables listen. Throws what kept one from it, such as
  /// std::system_error.
  Tables(const Model& model, const Configured& configured, const Serving& whole,
         std::uint64_t tables);
  /// Ends the tables' threads if serve() was not called.
  ~Tables();
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;

  /// Serves until the stop is complete. When one table fails, it forces the stop of all, and
  /// rethrows the first exception.
  void serve();

 private:
  enum class Phase { starting, serving, cancelled };

  void run(unsigned table);
  void reserve() const;
  void serve_in(unsigned table, Listeners& listeners);
  void fail(std::exception_ptr why);
  bool wait_for_the_start();
  void begin(Phase phase);

  const Model& model_;
  const Configured& configured_;
  const Serving& whole_;
  const Shape shape_;
  std::mutex mutex_;  ///< of what follows
  std::condition_variable changed_;
  unsigned listening_ = 1;
  Phase phase_ = Phase::starting;
  std::exception_ptr failure_;
  std::list<std::thread> threads_;
};

}  // namespace server
