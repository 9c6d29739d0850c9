// What `limits --verify` prints: a table for people, one JSON document for scripts.
#pragma once

#include <string>
#include <vector>

#include "limits/verify/verify.hpp"

namespace limits {

/// A headline, a row for each limit that was reached, and a line for each other with the reason.
std::string as_table(const std::vector<Verification>& verifications);

/// Schema "echo-testbed/1", program "limits"; null for what was not found out.
std::string as_json(const std::vector<Verification>& verifications);

}  // namespace limits
