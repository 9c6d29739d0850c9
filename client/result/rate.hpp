// A number of events per second, as text and in a document.
//
// A low rate is not 0: three echoes in six seconds are 0.5/s.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <string>

namespace client {

/// `count` events in `time`; 0 where no time passed.
double per_second(std::uint64_t count, std::chrono::nanoseconds time);

/// From 10 on without a fraction, below with three digits: "20195", "7.33", "0.5"; "< 0.001" for
/// less, "0" for none.
std::string rate_text(double per_second);

/// The same for bytes, in units: "110 MiB", "0.5 B".
std::string byte_rate_text(double bytes_per_second);

/// A whole number from 10 on, below with three decimal places.
boost::json::value rate_json(double per_second);

}  // namespace client
