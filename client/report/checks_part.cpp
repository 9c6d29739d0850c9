#include "client/report/checks_part.hpp"

#include <boost/json/object.hpp>
#include <cmath>

namespace client {
namespace {

namespace json = boost::json;

/// Rounded to six decimal places; null if it is not finite.
json::value rounded(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::round(value * 1e6) / 1e6;
}

json::value send_rate_json(const std::optional<SendRateCheck>& check) {
  if (!check) return nullptr;
  return json::object{{"asked", rounded(check->asked)},
                      {"sent", rounded(check->sent)},
                      {"spread", rounded(check->spread)},
                      {"unsent", check->unsent},
                      {"holds", check->holds}};
}

json::value send_gaps_json(const std::optional<SendGapsCheck>& check) {
  if (!check) return nullptr;
  return json::object{
      {"test", check->poisson ? "anderson_darling" : "share_off"},
      {"samples", check->samples},
      {"statistic", rounded(check->statistic)},
      {"critical", rounded(check->critical)},
      {"distance", check->distance ? rounded(*check->distance) : json::value(nullptr)},
      {"holds", check->holds}};
}

json::value independence_json(const std::optional<IndependenceCheck>& check) {
  if (!check) return nullptr;
  return json::object{
      {"pairs", check->pairs}, {"rho", rounded(check->rho)}, {"holds", check->holds}};
}

json::value stationarity_json(const std::optional<StationarityCheck>& check) {
  if (!check) return nullptr;
  return json::object{{"points", check->points},
                      {"statistic", rounded(check->statistic)},
                      {"critical", rounded(check->critical)},
                      {"drift", rounded(check->drift)},
                      {"holds", check->holds}};
}

}  // namespace

json::value checks_json(const Checks& checks) {
  return json::object{{"send_rate", send_rate_json(checks.send_rate)},
                      {"send_gaps", send_gaps_json(checks.send_gaps)},
                      {"independence", independence_json(checks.independence)},
                      {"stationarity", stationarity_json(checks.stationarity)}};
}

}  // namespace client
