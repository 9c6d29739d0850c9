// The checks of a run in the JSON document.
#pragma once

#include <boost/json/value.hpp>

#include "client/result/checks.hpp"

namespace client {

/// null for each check that does not apply.
boost::json::value checks_json(const Checks& checks);

}  // namespace client
