#include "server/report.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>

#include "echo/report.hpp"
#include "limits/quantity.hpp"
#include "server/balance.hpp"

namespace server {
namespace {

namespace json = boost::json;
using std::chrono::nanoseconds;

double seconds(nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

template <typename Load>
std::optional<Balance> balance_by(const std::vector<WorkerFigures>& workers, Load load) {
  std::vector<double> loads;
  for (const WorkerFigures& worker : workers) {
    const std::optional<double> one = load(worker);
    if (!one) return std::nullopt;
    loads.push_back(*one);
  }
  return balance_of(loads);
}

struct Balances {
  std::optional<Balance> connections, messages, cpu;
};
Balances balances_of(const std::vector<WorkerFigures>& workers) {
  using Load = std::optional<double>;
  return {balance_by(workers, [](auto& w) { return Load(static_cast<double>(w.accepted)); }),
          balance_by(workers, [](auto& w) { return Load(static_cast<double>(w.messages)); }),
          balance_by(workers, [](auto& w) { return w.cpu ? Load(seconds(*w.cpu)) : Load(); })};
}

/// Nanoseconds that a worker of a pool waited for a connection; nullopt for other models.
std::optional<std::uint64_t> idle_of(const ServerResult& result, unsigned worker) {
  const auto idle = [&](unsigned i) { return result.counters.worker(i).idle_ns.load(); };
  for (unsigned i = 0; i < result.counters.workers(); ++i) {
    if (idle(i) > 0) return idle(worker);
  }
  return std::nullopt;
}

std::string idle_text(const ServerResult& result, unsigned worker) {
  const auto idle = idle_of(result, worker);
  if (!idle || result.served <= nanoseconds{0}) return "";
  const auto served = static_cast<double>(result.served.count());
  return fmt::format(", idle {:.1f} %", static_cast<double>(*idle) / served * 100);
}

std::string worker_lines(const ServerResult& result) {
  constexpr unsigned most_shown = 16;
  std::string text;
  const auto count = static_cast<unsigned>(result.workers.size());
  for (unsigned i = 0; i < count && i < most_shown; ++i) {
    const WorkerFigures& worker = result.workers[i];
    text += fmt::format("worker {}: {} connections, {} messages, {} bytes, CPU {}{}\n", i,
                        worker.accepted, worker.messages, worker.bytes,
                        worker.cpu ? fmt::format("{:.3f} s", seconds(*worker.cpu)) : "-",
                        idle_text(result, i));
  }
  if (count > most_shown) {
    text += fmt::format("and {} more workers: see the --json report\n", count - most_shown);
  }
  const Balances balances = balances_of(result.workers);
  const auto part = [](const char* what, const std::optional<Balance>& one) {
    return one ? fmt::format("{} {:.2f} ({:.2f} x)", what, one->cv, one->max_over_mean)
               : fmt::format("{} -", what);
  };
  return text + fmt::format("balance, cv (largest share): {}, {}, {}\n",
                            part("connections", balances.connections),
                            part("messages", balances.messages), part("CPU", balances.cpu));
}

std::string queue_line(const echo::Histogram& wait) {
  return fmt::format("queue wait: p50 {}, p99 {}, max {}\n", text_of(wait.percentile(50)),
                     text_of(wait.percentile(99)),
                     wait.count() > 0 ? text_of(echo::Percentile{wait.max(), false}) : "-");
}

std::string stack_line(const StackUse& use) {
  const auto bytes = [](std::optional<std::uint64_t> value) {
    return value ? limits::format_count(*value) + " B" : std::string{"-"};
  };
  const auto size = use.smallest_size();
  return fmt::format(
      "stacks painted: {}, high water p50 {}, p99 {}, max {}\n"
      "smallest stack that would have held them: {}{}\n",
      limits::format_count(use.threads()), bytes(use.percentile(50)), bytes(use.percentile(99)),
      bytes(use.max()), size ? fmt::format("{}K", *size / 1024) : "-",
      use.used_less_than_minimum() ? ", the platform's minimum; less was used" : "");
}

json::value stacks_json(const StackUse& use) {
  return json::object{{"painted_threads", use.threads()},
                      {"high_water", json::object{{"p50", echo::to_json(use.percentile(50))},
                                                  {"p99", echo::to_json(use.percentile(99))},
                                                  {"max", echo::to_json(use.max())}}},
                      {"smallest_size", echo::to_json(use.smallest_size())}};
}

json::value balance_json(const std::optional<Balance>& balance) {
  if (!balance) return nullptr;
  return json::object{{"cv", balance->cv}, {"max_over_mean", balance->max_over_mean}};
}

json::value nanoseconds_or_null(std::optional<nanoseconds> time) {
  return time ? json::value(time->count()) : json::value(nullptr);
}

json::array workers_json(const ServerResult& result) {
  json::array workers;
  for (unsigned i = 0; i < result.workers.size(); ++i) {
    const WorkerFigures& worker = result.workers[i];
    workers.push_back(json::object{{"id", i},
                                   {"accepted", worker.accepted},
                                   {"messages", worker.messages},
                                   {"bytes", worker.bytes},
                                   {"cpu_ns", nanoseconds_or_null(worker.cpu)},
                                   {"idle_ns", echo::to_json(idle_of(result, i))}});
  }
  return workers;
}

json::array series_json(const Series& series) {
  json::array intervals;
  const auto& samples = series.samples();
  for (std::size_t i = 1; i < samples.size(); ++i) {
    json::array workers;
    for (std::size_t w = 0; w < samples[i].workers.size(); ++w) {
      const WorkerFigures& now = samples[i].workers[w];
      const WorkerFigures& before = samples[i - 1].workers[w];
      std::optional<nanoseconds> cpu;
      if (now.cpu && before.cpu) cpu = std::max(*now.cpu - *before.cpu, nanoseconds{0});
      workers.push_back(json::object{{"connections", now.open},
                                     {"messages", now.messages - before.messages},
                                     {"cpu_ns", nanoseconds_or_null(cpu)}});
    }
    intervals.push_back(json::object{{"from_ns", samples[i - 1].at.count()},
                                     {"to_ns", samples[i].at.count()},
                                     {"workers", std::move(workers)}});
  }
  return intervals;
}

}  // namespace

std::vector<std::string> warnings_of(const ServerResult& result) {
  std::vector<std::string> warnings;
  if (!result.lost_status_lines.empty()) warnings.push_back(result.lost_status_lines);
  if (const auto lopsided = result.series ? result.series->lopsided() : std::nullopt) {
    warnings.push_back(fmt::format(
        "worker {} handled {:.1f} times an even share of the messages from {:.1f} s to {:.1f} s",
        lopsided->worker, lopsided->over_mean, seconds(lopsided->from), seconds(lopsided->to)));
  }
  if (!result.measurements.task_shortage.empty())
    warnings.push_back(
        "no thread or process for a connection: " + result.measurements.task_shortage +
        " (limits -n N: what N connections need)");
  return warnings;
}

std::string text_of(const ServerResult& result) {
  const Counters& counters = result.counters;
  std::string text = fmt::format("EXITING\nresident {}K\nMax conc: {}\nTotal: {}\nNow: {}\n",
                                 result.usage.peak_rss.value_or(0) / 1024, counters.max_open(),
                                 counters.accepted(), counters.open());
  const std::string tables = result.tables > 1 ? fmt::format(", {} tables", result.tables) : "";
  text += fmt::format("model: {}{}\nechoed: {} messages, {} bytes\n", result.model.name, tables,
                      counters.messages(), counters.bytes());
  if (result.workers.size() > 1) text += worker_lines(result);
  if (result.measurements.queue_wait) text += queue_line(*result.measurements.queue_wait);
  if (result.measurements.stacks) text += stack_line(*result.measurements.stacks);
  if (counters.children() > 0) {
    text += fmt::format("children: {}, the largest {} resident (above: the parent process only)\n",
                        counters.children(), limits::format_bytes(counters.largest_child_bytes()));
  }
  if (counters.replaced_count() > 0) {
    text += fmt::format("worker processes that died and were replaced: {}\n",
                        counters.replaced_count());
  }
  if (counters.timed_out_count() > 0) {
    const char* limits = result.protocol.echoes()
                             ? "--idle-timeout"
                             : "--keepalive-timeout, --idle-timeout or --request-timeout";
    text += fmt::format("closed by {}: {}\n", limits, counters.timed_out_count());
  }
  for (std::size_t i = 0; i < shed_causes; ++i) {
    const auto cause = static_cast<Shed>(i);
    if (const auto n = counters.shed_count(cause); n > 0)
      text += fmt::format("shed {}: {}\n", name_of(cause), n);
  }
  for (const std::string& warning : warnings_of(result)) text += "warning: " + warning + "\n";
  return text;
}

json::value to_json(const ServerResult& result) {
  const Counters& counters = result.counters;
  json::object shed;
  for (std::size_t i = 0; i < shed_causes; ++i) {
    const auto cause = static_cast<Shed>(i);
    if (const auto n = counters.shed_count(cause); n > 0) shed[name_of(cause)] = n;
  }
  json::array warnings;
  for (const std::string& warning : warnings_of(result)) warnings.emplace_back(warning);
  const Balances balances = balances_of(result.workers);
  const std::optional<echo::Histogram>& wait = result.measurements.queue_wait;
  return json::object{
      {"schema", echo::schema_name},
      {"model", result.model.name},
      {"tables", result.tables},
      {"protocol", result.protocol.name()},
      {"options", result.options},
      {"connections", json::object{{"accepted", counters.accepted()},
                                   {"closed", counters.closed()},
                                   {"open_at_stop", counters.open()},
                                   {"max_concurrent", counters.max_open()},
                                   {"at_once", echo::to_json(result.shape.at_once)},
                                   {"timed_out", counters.timed_out_count()},
                                   {"shed", shed}}},
      {"messages", json::object{{"count", counters.messages()}, {"bytes", counters.bytes()}}},
      {"workers", workers_json(result)},
      {"replaced", counters.replaced_count()},
      {"series", result.series ? json::value(series_json(*result.series)) : json::array{}},
      {"balance", json::object{{"connections", balance_json(balances.connections)},
                               {"messages", balance_json(balances.messages)},
                               {"cpu", balance_json(balances.cpu)}}},
      {"queue_wait", wait ? echo::to_json(*wait) : json::value(nullptr)},
      {"stacks", result.measurements.stacks ? stacks_json(*result.measurements.stacks)
                                            : json::value(nullptr)},
      {"memory", echo::to_json(result.usage, std::nullopt)},
      {"children", json::object{{"ended", counters.children()},
                                {"largest_resident", counters.largest_child_bytes()}}},
      {"served_ns", result.served.count()},
      {"drain_ns", result.drain.count()},
      {"environment", echo::environment()},
      {"warnings", warnings}};
}

}  // namespace server
