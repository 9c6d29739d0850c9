// The ranks of a merged document as text.
#pragma once

#include <string>

#include "client/report/run_document.hpp"

namespace client {

/// A line about the clients together, a table with a line for each rank (beyond 16: those with the
/// highest p99). "" for a document without ranks. Warnings name those that are missing.
std::string text_of_ranks(const RunDocument& merged);

/// The first wrong byte of a fleet: where it was, and whose it is, each with rank and host. "" if
/// there was none.
std::string text_of_mismatch(const RunDocument& merged);

/// The warnings, a line each. Of those that ranks have in common, but for their numbers, the first,
/// and how many more there are.
std::string text_of_warnings(const RunDocument& merged);

}  // namespace client
