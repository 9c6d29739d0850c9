// Checks a client's document before its figures are used: each field that `client merge` reads, its
// type and its range, and whether the counts add up.
//
// The same rules as docs/schema/client.json, as far as they concern merge, and beyond it the sums,
// which a schema cannot express. A document may be truncated, edited or made by another program.
#pragma once

#include "client/report/run_document.hpp"

namespace client {

/// Throws echo::Exit(exit_usage) with the file's name, the path of the first wrong field, and what
/// is wrong with it.
void validate(const RunDocument& run);

}  // namespace client
