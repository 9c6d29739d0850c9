// `limits --model` and --describe know every registered model, and what they report is the model's
// own demand.
#include <gtest/gtest.h>

#include <CLI/App.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "echo/demand.hpp"
#include "limits/demand.hpp"
#include "tests/conformance/every_model.hpp"

namespace conformance {
namespace {

namespace json = boost::json;

constexpr std::uint64_t connections = 1'000;

/// What the model states under its defaults.
limits::Demand demand_of(const server::Model& model) {
  CLI::App app;
  server::ServerOptions options;
  options.max_connections = connections;
  return model.configure(app).demand(options, connections);
}

/// The document that `limits` prints.
json::value document_of(const std::string& words) {
  const std::string command = std::string(TESTBED_BIN_DIR) + "/limits " + words;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe{::popen(command.c_str(), "r"),
                                                             ::pclose};
  std::string text;
  for (int c = std::fgetc(pipe.get()); c != EOF; c = std::fgetc(pipe.get())) {
    text += static_cast<char>(c);
  }
  boost::system::error_code error;
  json::value document = json::parse(text, error);
  EXPECT_FALSE(error) << command << ": " << text;
  return document;
}

TEST_P(EveryModel, IsKnownToLimitsWithItsOwnDemand) {
  const std::string name{GetParam()->name};
  const limits::Demand own = demand_of(*GetParam());
  const json::value answer = document_of("--json --ends server -n 1000 --model " + name);
  ASSERT_TRUE(answer.is_object());
  EXPECT_EQ(answer.at("model").as_string(), name);
  const auto need = [&](const std::string& limit) -> std::uint64_t {
    for (const json::value& row : answer.at("limits").as_array()) {
      if (row.at("name").as_string() == limit) return row.at("need").to_number<std::uint64_t>();
    }
    ADD_FAILURE() << "no row " << limit;
    return 0;
  };
  EXPECT_EQ(need("open files"), own.descriptors());
  EXPECT_EQ(need("process ids"), own.threads());
  EXPECT_EQ(need("memory maps"), own.maps());
  EXPECT_EQ(need("memory"), own.memory_bytes());
  EXPECT_EQ(need("address space"), own.virtual_bytes());
}

TEST_P(EveryModel, StatesADemandThatSurvivesItsJson) {
  const limits::Traits own = demand_of(*GetParam()).traits;
  EXPECT_EQ(echo::to_json(echo::traits_from(echo::to_json(own))), echo::to_json(own));
  json::object lacking = echo::to_json(own);
  lacking.erase("fixed_maps");
  EXPECT_THROW((void)echo::traits_from(lacking), std::invalid_argument);
}

}  // namespace
}  // namespace conformance
