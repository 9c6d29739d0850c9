// What a server tells when it has stopped: a text block and a document, the same for every model.
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
  const Protocol& protocol;
  const Counters& counters;
  const ModelMeasurements& measurements;
  const Shape& shape;
  std::vector<WorkerFigures> workers;  ///< at the end
  const Series* series = nullptr;      ///< where one was kept
  std::chrono::nanoseconds served{};   ///< from listening to the end
  std::chrono::nanoseconds drain{};
  limits::Usage usage;
  boost::json::object options;
};

/// What a reader would not see in the totals: lopsided workers, connections shed.
std::vector<std::string> warnings_of(const ServerResult& result);

/// Begins with the five lines of the program that this one descends from, byte for byte.
std::string text_of(const ServerResult& result);
boost::json::value to_json(const ServerResult& result);

}  // namespace server
