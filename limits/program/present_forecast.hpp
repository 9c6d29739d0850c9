// The memory forecast as the `limits` program prints it: a block below its table, and an object of
// its JSON document.
#pragma once

#include <string>

#include "limits/forecast/forecast.hpp"

namespace limits {

/// Bytes per connection by kind and end, and in all; then the kernel objects behind the slab. At
/// most 100 columns.
std::string forecast_table(const Forecast& forecast);

/// The member "forecast" of the document (docs/schema/limits.json), as a JSON object.
std::string forecast_json(const Forecast& forecast);

}  // namespace limits
