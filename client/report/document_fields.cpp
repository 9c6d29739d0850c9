#include "client/report/document_fields.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace client {
namespace {

namespace json = boost::json;

void rate_or_null(const RunDocument& run, const std::string& pointer) {
  const json::value& value = run.at(pointer);
  if (value.is_null()) return;
  constexpr double most = 1e15;  // a sum of rates stays a whole number of 64 bits
  const double rate = value.is_number() ? value.to_number<double>() : -1;
  if (!(rate >= 0 && rate <= most)) run.refuse(pointer, "not a rate");
}
void object_or_null(const RunDocument& run, const std::string& pointer) {
  if (!run.at(pointer).is_null()) require_object(run, pointer);
}
void array(const RunDocument& run, const std::string& pointer) {
  static_cast<void>(run.array(pointer));
}
void texts(const RunDocument& run, const std::string& pointer) {
  for (const json::value& each : run.array(pointer)) {
    if (!each.is_string()) run.refuse(pointer, "not an array of strings");
  }
}
void labels(const RunDocument& run, const std::string& pointer) {
  for (const auto& [key, value] : run.object(pointer)) {
    if (!value.is_string()) run.refuse(pointer, "not an object of strings");
  }
}
void histogram(const RunDocument& run, const std::string& pointer) {
  static_cast<void>(run.histogram(pointer));
}
void histogram_or_null(const RunDocument& run, const std::string& pointer) {
  if (!run.at(pointer).is_null()) histogram(run, pointer);
}

struct Field {
  const char* pointer;
  void (*check)(const RunDocument&, const std::string&);
};

constexpr Field fields[] = {
    {"/status", require_text},
    {"/exit_code", require_count},
    {"/argv", texts},
    {"/options", require_object},
    {"/labels", labels},
    {"/mode", require_text},
    {"/target", require_text},
    {"/sources", require_count},
    {"/connections/requested", require_count},
    {"/connections/established", require_count},
    {"/connections/served", require_count},
    {"/connections/max_concurrent", require_count},
    {"/connections/total", require_count},
    {"/connections/open_at_end", require_count},
    {"/connections/slow", require_count},
    {"/connections/failed", require_object},
    {"/connections/errors", array},
    {"/echoes/sent", require_count},
    {"/echoes/verified", require_count},
    {"/echoes/bytes_verified", require_count},
    {"/echoes/late", require_count},
    {"/echoes/unsent", require_count},
    {"/echoes/first_mismatch", object_or_null},
    {"/phases/ramp/ns", require_count},
    {"/phases/ramp/echo", histogram_or_null},
    {"/phases/warm_up", object_or_null},
    {"/phases/measured/ns", require_count},
    {"/phases/measured/sent", require_count},
    {"/phases/measured/verified", require_count},
    {"/phases/measured/echoes_within", require_count},
    {"/phases/measured/bytes_within", require_count},
    {"/phases/measured/connections_within", require_count},
    {"/phases/idle/ns", require_count},
    {"/phases/drain/ns", require_count},
    {"/phases/whole_ns", require_count},
    {"/throughput/echoes_per_s", rate_or_null},
    {"/throughput/bytes_per_s", rate_or_null},
    {"/throughput/connects_per_s", rate_or_null},
    {"/latency/loop", require_text},
    {"/latency/connect", histogram},
    {"/latency/echo", histogram},
    {"/latency/wire", histogram_or_null},
    {"/latency/lateness", histogram_or_null},
    {"/latency/receive_lateness", histogram_or_null},
    {"/latency/retransmissions", object_or_null},
    {"/latency/censored", require_count},
    {"/objectives", array},
    {"/memory", object_or_null},
    {"/cpu", object_or_null},
    {"/kernel", object_or_null},
    {"/repeats", array},
    {"/environment/time", require_text},
    {"/warnings", texts},
};

/// Those of phases/warm_up, where the run had one.
constexpr Field warm_up_fields[] = {
    {"/phases/warm_up/ns", require_count},
    {"/phases/warm_up/sent", require_count},
    {"/phases/warm_up/verified", require_count},
    {"/phases/warm_up/echo", histogram},
};

constexpr Field retransmission_fields[] = {
    {"/latency/retransmissions/segments", require_count},
    {"/latency/retransmissions/connections", require_count},
};

constexpr Field mismatch_fields[] = {
    {"/echoes/first_mismatch/connection", require_count},
    {"/echoes/first_mismatch/message", require_count},
    {"/echoes/first_mismatch/offset", require_count},
    {"/echoes/first_mismatch/expected", require_count},
    {"/echoes/first_mismatch/got", require_count},
    {"/echoes/first_mismatch/owner", object_or_null},
};

template <std::size_t N>
void check_all(const RunDocument& run, const Field (&table)[N]) {
  for (const Field& field : table) field.check(run, field.pointer);
}

}  // namespace

void require_count(const RunDocument& run, const std::string& pointer) {
  static_cast<void>(run.count(pointer));
}

void require_count_or_null(const RunDocument& run, const std::string& pointer) {
  if (!run.at(pointer).is_null()) require_count(run, pointer);
}

void require_text(const RunDocument& run, const std::string& pointer) {
  static_cast<void>(run.text(pointer));
}

void require_object(const RunDocument& run, const std::string& pointer) {
  static_cast<void>(run.object(pointer));
}

void check_fields(const RunDocument& run) {
  check_all(run, fields);
  if (!run.at("/phases/warm_up").is_null()) check_all(run, warm_up_fields);
  if (!run.at("/latency/retransmissions").is_null()) check_all(run, retransmission_fields);
  if (!run.at("/echoes/first_mismatch").is_null()) check_all(run, mismatch_fields);
}

}  // namespace client
