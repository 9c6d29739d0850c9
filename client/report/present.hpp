// The report: a text block that fits a screen, and the JSON document.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "client/run/load.hpp"

namespace client {

/// The first three lines are those of the program that this one descends from, byte for byte.
std::string text_of(const Result& result);
/// `code`: the exit code of the program.
boost::json::value json_of(const Result& result, int code);
/// "burst": all connections send at once; "closed": the next message waits for the last echo;
/// "open": messages are due on a schedule.
std::string_view loop_kind(const Result& result);

}  // namespace client
