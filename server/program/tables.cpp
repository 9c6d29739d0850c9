#include "server/program/tables.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "echo/options.hpp"
#include "limits/rlimit.hpp"
#include "server/workers.hpp"

namespace server {
namespace {

/// Without --max-connections: a server that is started without any option serves so many.
constexpr std::uint64_t connections_by_default = 10'000;

/// How far the fullest of the tables may exceed an even share of n connections, in units of
/// sqrt(n): the hash divides them as chance does, and one table in 30,000 exceeds four.
constexpr double spread_of_the_hash = 4;

}  // namespace

Configured configure(const Model& model, CLI::App& app, ServerOptions& options) {
  Configured configured = model.configure(app);
  if (model.tables == TableUse::one) return configured;
  echo::add_tables(app, options.tables,
                   "Descriptor tables, each with a thread and a listener of its own: more "
                   "connections than the limit of open files. auto: as few as suffice");
  configured.demand = [of_the_model = std::move(configured.demand)](const ServerOptions& given,
                                                                    std::uint64_t connections) {
    limits::Demand demand = of_the_model(given, connections);
    demand.traits.least_tables = given.tables.value_or(1);
    demand.traits.most_tables = given.tables.value_or(limits::most_descriptor_tables);
    demand.traits.table_spread = spread_of_the_hash;
    return demand;
  };
  return configured;
}

std::uint64_t tables_for(const Configured& configured, const ServerOptions& options,
                         std::uint64_t open_files) {
  const std::uint64_t connections = options.max_connections.value_or(connections_by_default);
  return configured.demand(options, connections).divided(open_files).tables;
}

Shape shape_of_table(const Configured& configured, const ServerOptions& options) {
  Shape shape = configured.shape_of(options);
  const auto tables = static_cast<unsigned>(options.tables.value_or(1));
  const auto part = [tables](unsigned whole) { return (whole + tables - 1) / tables; };
  shape.workers = part(shape.workers);
  shape.listeners = part(shape.listeners);
  return shape;
}

Tables::Tables(const Model& model, const Configured& configured, const Serving& whole,
               std::uint64_t tables)
    : model_(model),
      configured_(configured),
      whole_(whole),
      shape_(shape_of_table(configured, whole.options)) {
  try {
    // Thousands take a while; after a stop no further one is needed.
    for (unsigned table = 1; table < tables && !whole.stop.draining(); ++table)
      threads_.emplace_back([this, table] { run(table); });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failure_ || listening_ == threads_.size() + 1; });
    if (failure_) std::rethrow_exception(failure_);
  } catch (...) {
    begin(Phase::cancelled);
    for (std::thread& thread : threads_) thread.join();
    throw;
  }
}

Tables::~Tables() {
  begin(Phase::cancelled);
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Tables::begin(Phase phase) {
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::starting) phase_ = phase;
  }
  changed_.notify_all();
}

void Tables::serve() {
  begin(Phase::serving);
  try {
    serve_in(0, whole_.listeners);
  } catch (...) {
    fail(std::current_exception());
  }
  for (std::thread& thread : threads_) thread.join();
  if (failure_) std::rethrow_exception(failure_);
}

void Tables::fail(std::exception_ptr why) {
  {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(why);
    if (phase_ == Phase::serving) whole_.stop.request_force();
  }
  changed_.notify_all();
}

/// As server_main does for the table of the process: growing takes time while connections come.
void Tables::reserve() const {
  constexpr std::uint64_t usual = 65'472;
  const ServerOptions& options = whole_.options;
  limits::Demand demand = configured_.demand(options, options.max_connections.value_or(usual));
  demand.tables = options.tables.value_or(1);
  limits::reserve_descriptor_table(demand.descriptors());
}

/// On the table's own thread.
void Tables::run(unsigned table) {
  try {
    limits::leave_descriptor_table({whole_.stop.drain_fd(), whole_.stop.force_fd()});
    reserve();
    Listeners listeners{whole_.listeners, whole_.options.backlog, shape_.listeners,
                        whole_.options.socket};
    if (wait_for_the_start()) serve_in(table, listeners);
  } catch (...) {
    fail(std::current_exception());
  }
}

/// False: another table could not listen.
bool Tables::wait_for_the_start() {
  std::unique_lock lock(mutex_);
  ++listening_;
  changed_.notify_all();
  changed_.wait(lock, [this] { return phase_ != Phase::starting; });
  return phase_ == Phase::serving;
}

void Tables::serve_in(unsigned table, Listeners& listeners) {
  Counters counters{whole_.counters, table * shape_.workers, shape_.workers};
  ModelMeasurements measurements;
  const Serving serving{whole_.options, listeners, whole_.protocol, whole_.work,
                        whole_.stop,    counters,  measurements};
  {
    std::optional<WorkerScope> scope;
    if (model_.tables == TableUse::loop) {
      scope.emplace(serving, 0);
    } else {
      counters.worker(0).clock = no_clock;
    }
    configured_.serve(serving);
  }
  const std::lock_guard lock(mutex_);
  whole_.measurements += measurements;
}

}  // namespace server
