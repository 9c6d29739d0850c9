// What the `limits` program prints: a table for people, one JSON document for scripts.
//
// Both are built as text and then written as a whole, so that a broken pipe or a full disk is
// noticed and a partial document never looks complete.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "limits/preflight.hpp"

namespace limits {

/// What the user requested.
struct Question {
  std::uint64_t connections = 0;
  std::string model;  ///< as given to --model
  std::string who;    ///< "echo_threads --model prefork and the client, over loopback"
};

/// Of which limits the table explains the symptom and who may lift them: those that are too low or
/// nearly so, or all.
enum class Explain { low, all };

/// A headline with the verdict and the N that reaches the first limit, one row per limit, and then
/// the explanations.
std::string as_table(const Question& question, const std::vector<Verdict>& verdicts,
                     Explain which = Explain::low);

/// Schema "echo-testbed/1", program "limits"; null for an unknown figure. `forecast`: a JSON
/// object.
std::string as_json(const Question& question, const std::vector<Verdict>& verdicts,
                    const std::string& forecast);

/// `text` as a JSON string, quotes included (RFC 8259, section 7). Bytes above ASCII are unchanged.
std::string json_string(const std::string& text);

}  // namespace limits
