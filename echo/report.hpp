// One schema for every program ("echo-testbed/1"), and the two ways out: a document and a text.
//
// Times are integer nanoseconds, sizes bytes, and what could not be read is null in JSON and "-" in
// text. A document is written beside its place and renamed, so that nobody reads half of one.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "echo/cli_fwd.hpp"
#include "echo/histogram.hpp"
#include "limits/usage.hpp"

namespace echo {

inline constexpr std::string_view schema_name = "echo-testbed/1";

/// null when unread.
boost::json::value to_json(std::optional<std::uint64_t> value);
/// H of the contract: { count, censored, min, max, mean, sum, lowest_censored, overflow,
/// percentiles, at_least, bins }; null percentiles where fewer than ten samples stand above;
/// `at_least` lists the percentiles that are lower bounds (censored values, or beyond the axis).
/// Histogram::from() makes the same histogram of it again.
boost::json::value to_json(const Histogram& histogram);
/// U of the contract. `per_connection`: bytes of resident memory, null when unknown.
boost::json::value to_json(const limits::Usage& usage, std::optional<std::uint64_t> per_connection);
/// Every option of `app` with its effective value, as one would type it.
boost::json::object options_to_json(const CLI::App& app);
/// Kernel, processor, memory, compiler, libraries, time; enough to explain a figure.
boost::json::object environment();

/// Writes `document` to the file `path`, or to stdout for "-". Throws Exit(exit_internal) when it
/// cannot; a regular file is then left as it was.
void write_document(const std::string& path, const boost::json::value& document);
/// The same for any text, to a file only.
void write_file(const std::string& path, std::string_view text);
/// Writes to stdout, whole. Throws Exit(exit_internal) when stdout is closed or full.
void write_text(std::string_view text);

/// "1.23 ms", ">= 10 s" or "-".
std::string text_of(const std::optional<Percentile>& percentile);

}  // namespace echo
