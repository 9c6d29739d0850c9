// The fields of a client's document that `client merge` reads, each with its type and its range.
#pragma once

#include <string>

#include "client/report/run_document.hpp"

namespace client {

// These throw echo::Exit(exit_usage) with the file's name, the path of the field, and what is
// wrong.

/// Checks every field that each document has.
void check_fields(const RunDocument& run);
void require_count(const RunDocument& run, const std::string& pointer);
void require_count_or_null(const RunDocument& run, const std::string& pointer);
void require_text(const RunDocument& run, const std::string& pointer);
void require_object(const RunDocument& run, const std::string& pointer);

}  // namespace client
