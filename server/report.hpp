// The report of a server after it has stopped: a text block and a JSON document, the same for every
// model.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "limits/usage.hpp"
#include "server/counters.hpp"
#include "server/model.hpp"
#include "server/series.hpp"

namespace server {

struct ServerResult {
  const Model& model;
  const protocol::Protocol& protocol;
  const Counters& counters;
  const ModelMeasurements& measurements;
  const Shape& shape;  ///< of one table
  unsigned tables = 1;
  std::vector<WorkerFigures> workers;  ///< at the end
  const Series* series = nullptr;      ///< nullptr: none was kept
  std::chrono::nanoseconds served{};   ///< from listening to the end
  std::chrono::nanoseconds drain{};    ///< from the stop signal to the end
  limits::Usage usage;
  std::string lost_status_lines;  ///< a warning; empty: none was lost
  boost::json::object options;
};

/// Warnings about what the totals hide, one line each: a worker with far more than an even share,
/// the limit for which connections got no thread.
std::vector<std::string> warnings_of(const ServerResult& result);

/// The text report. Its first five lines equal, byte for byte, those of 10kthreads, from which this
/// program descends ("Is thread per connection scalable?").
std::string text_of(const ServerResult& result);
boost::json::value to_json(const ServerResult& result);

}  // namespace server
