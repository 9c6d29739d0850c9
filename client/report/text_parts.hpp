// Parts of the text report: figures, a row of percentiles, and the results of --find-rate,
// --calibrate and --repeat.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "client/result/result.hpp"

namespace client {

/// `value` in `format`, or "-" if it was not read.
std::string or_dash(const std::optional<std::uint64_t>& value,
                    std::string (*format)(std::uint64_t));
/// "4.71 us", or "-".
std::string microseconds(const std::optional<std::uint64_t>& ns);

/// The header of the columns that row() fills.
std::string percentile_heading();
/// The percentiles and the maximum of a histogram, followed by a remark.
std::string row(std::string_view name, const echo::Histogram& histogram, std::string_view remark);

// Each returns "" if the run did not have it.
std::string found_text(const Result& result);
std::string calibration_text(const Result& result);
std::string rounds_text(const Result& result);

}  // namespace client
