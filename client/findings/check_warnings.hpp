// The warnings of the checks of a run: what was found, how strong it is, and what to do. Pure.
#pragma once

#include <string>
#include <vector>

#include "client/options/words.hpp"
#include "client/result/checks.hpp"

namespace client {

/// One line for each check that does not hold.
std::vector<std::string> warnings_of_checks(const Checks& checks, const Words& words);

}  // namespace client
