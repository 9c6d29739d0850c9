// Parts of the JSON document: rates, and the results of --find-rate, --calibrate and --repeat.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "client/result/result.hpp"

namespace client {

/// `status` of a run that ends with `code`.
std::string_view status_of(int code);
/// null for a rate that is not known.
boost::json::value rate_or_null(const std::optional<double>& value);
/// null if the run was no search.
boost::json::value found_json(const Result& result);
/// null if the run was no calibration.
boost::json::value calibration_json(const std::vector<Calibrated>& lines);
/// null for a client that was alone.
boost::json::value rank_json(const std::optional<Rank>& rank);
boost::json::array rounds_json(const std::vector<RoundFigures>& rounds);

}  // namespace client
