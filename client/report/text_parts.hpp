// Parts of the text report: figures, a row of percentiles, and what --find-rate, --calibrate and
// --repeat found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "client/run/load.hpp"

namespace client {

/// `value` by `format`, or "-" where it was not read.
std::string or_dash(const std::optional<std::uint64_t>& value,
                    std::string (*format)(std::uint64_t));
/// "4.71 us", or "-".
std::string microseconds(const std::optional<std::uint64_t>& ns);

/// The names of the columns that row() fills.
std::string percentile_heading();
/// One histogram's percentiles and maximum, with a remark behind them.
std::string row(std::string_view name, const echo::Histogram& histogram, std::string_view remark);

// "" where it was not asked for.
std::string found_text(const Result& result);
std::string calibration_text(const Result& result);
std::string rounds_text(const Result& result);

}  // namespace client
