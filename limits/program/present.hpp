// What the `limits` program prints: a table for people, one JSON document for scripts.
//
// Both are made as text first and written in one go, so that a broken pipe or a full disk is
// noticed and half a document never looks like a whole one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "limits/preflight.hpp"

namespace limits {

/// What was asked.
struct Question {
  std::uint64_t connections = 0;
  std::string model;  ///< as --model has it
  std::string who;    ///< "thread-per-connection (64 KiB stacks) and the client, on one machine"
};

/// A headline with the verdict and the N at which the first limit bites, then one row a limit.
std::string as_table(const Question& question, const std::vector<Verdict>& verdicts);

/// Schema "echo-testbed/1", program "limits"; null where there is nothing to say.
std::string as_json(const Question& question, const std::vector<Verdict>& verdicts);

/// `text` as a JSON string, quotes included (RFC 8259, section 7); bytes past ASCII pass unchanged.
std::string json_string(const std::string& text);

}  // namespace limits
