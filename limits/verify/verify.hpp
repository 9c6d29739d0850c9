// Whether the limits are where the preflight says: `limits --verify`.
//
// Each limit that is cheap to reach is reached, in a child that is confined first. Nothing outside
// the child changes, except a control group that is made and removed. The others are listed with
// the reason for which they are not reached.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "limits/verify/finding.hpp"

namespace limits {

/// A limit by the name of its row in the preflight, and what was found.
struct Verification {
  std::string name;
  Finding finding;
};

/// In a fixed order: what can be reached first. Takes a second or two; a probe is ended after 4 s,
/// and none is begun after 15 s. The calling program must have one thread.
std::vector<Verification> verify_limits();

/// Whether none of the limits that were reached was elsewhere.
bool all_agree(const std::vector<Verification>& verifications);

}  // namespace limits
