// The report: a text block that fits a screen, and the JSON document. Both only format what the
// Result holds.
#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "client/result/result.hpp"

namespace client {

/// The first three lines are those of the program that this one descends from, byte for byte.
std::string text_of(const Result& result);
/// `code`: the exit code of the program, which an output that failed changes.
boost::json::value json_of(const Result& result, int code);

}  // namespace client
