// A client's JSON document built by hand, for the tests of its readers.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <string>

#include "client/report/run_document.hpp"
#include "echo/histogram.hpp"
#include "echo/report.hpp"

namespace client {

/// The results of a run that tests vary.
struct Measured {
  echo::Histogram connect{}, echo{}, wire{}, receive{};
  std::uint64_t served = 0;
  std::uint64_t reset = 0;
  std::uint64_t retransmitted = 0;
  int exit_code = 0;
  std::string loop = "open";
  std::string time = "2030-01-02T03:04:05Z";
};

/// A client's document, as in a file.
inline RunDocument document(const std::string& name, const Measured& run) {
  const std::uint64_t all = run.served + run.reset;
  const boost::json::object text{
      {"schema", "echo-testbed/1"},
      {"program", "client"},
      {"status", run.exit_code == 0     ? "pass"
                 : run.exit_code >= 128 ? "interrupted"
                                        : "fail"},
      {"exit_code", run.exit_code},
      {"argv", {"client", "-n", std::to_string(all)}},
      {"options", {{"rate", "1000"}}},
      {"labels", {{"machine", name}, {"test", "7"}}},
      {"mode", "stream"},
      {"target", "127.0.0.1:1234"},
      {"sources", 2},
      {"connections",
       {{"requested", all},
        {"established", all},
        {"served", run.served},
        {"max_concurrent", all},
        {"total", all},
        {"open_at_end", 0},
        {"slow", all > 0 ? 1 : 0},
        {"failed", {{"reset", run.reset}}},
        {"errors",
         boost::json::array{boost::json::object{
             {"cause", "reset"}, {"phase", "echo"}, {"errno", 104}, {"count", run.reset}}}}}},
      {"echoes",
       {{"sent", run.echo.count()},
        {"verified", run.echo.count()},
        {"bytes_verified", 64 * run.echo.count()},
        {"late", 3},
        {"unsent", 0},
        {"first_mismatch", nullptr}}},
      {"phases",
       {{"ramp", {{"ns", 1'000'000'000}, {"echo", nullptr}}},
        {"warm_up", nullptr},
        {"measured",
         {{"ns", 10'000'000'000},
          {"sent", 100},
          {"verified", 100},
          {"echoes_within", 90},
          {"bytes_within", 5760},
          {"connections_within", 0}}},
        {"idle", {{"ns", 0}}},
        {"drain", {{"ns", 5}}},
        {"whole_ns", 11'000'000'000}}},
      {"throughput", {{"echoes_per_s", 9}, {"bytes_per_s", 576}, {"connects_per_s", nullptr}}},
      {"latency",
       {{"loop", run.loop},
        {"arrivals",
         run.loop == "open" ? boost::json::value("uniform") : boost::json::value(nullptr)},
        {"connect", echo::to_json(run.connect)},
        {"echo", echo::to_json(run.echo)},
        {"wire", run.loop == "open" ? echo::to_json(run.wire) : boost::json::value(nullptr)},
        {"lateness", nullptr},
        {"receive_lateness",
         run.receive.count() > 0 ? echo::to_json(run.receive) : boost::json::value(nullptr)},
        {"retransmissions",
         all > 0 ? boost::json::value{{"segments", run.retransmitted}, {"connections", all}}
                 : boost::json::value(nullptr)},
        {"censored", run.echo.censored()},
        {"error_bound", echo::Histogram::error_bound()}}},
      {"objectives", boost::json::array{boost::json::object{
                         {"text", "p99 < 5 ms"}, {"verdict", "unproven"}, {"value_ns", nullptr}}}},
      {"memory", {{"client", nullptr}}},
      {"cpu", {{"total_ns_per_echo", 5000}}},
      {"kernel", {{"listen_drops", 0}}},
      {"find_rate", nullptr},
      {"calibration", nullptr},
      {"repeats", boost::json::array{}},
      {"environment", {{"time", run.time}}},
      {"warnings", {"something about " + name}}};
  return {name, boost::json::parse(boost::json::serialize(text))};
}

}  // namespace client
