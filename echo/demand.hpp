// A model's demand as JSON: written by the servers' --describe, read by `limits`.
#pragma once

#include <boost/json/object.hpp>

#include "limits/demand.hpp"

namespace echo {

/// Every field of `traits` under its own name; bytes, or a number.
boost::json::object to_json(const limits::Traits& traits);
/// The reverse. Throws std::invalid_argument naming the field that is absent or no number.
limits::Traits traits_from(const boost::json::object& fields);

}  // namespace echo
