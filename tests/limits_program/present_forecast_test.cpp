// The complete forecast block and JSON object of the `limits` program.
#include "limits/program/present_forecast.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <sstream>
#include <string>

#include "limits/rlimit.hpp"

namespace limits {
namespace {

Demand loop(std::uint64_t n) {
  return {n, event_traits(684, 1'024)};
}

Demand load(std::uint64_t n) {
  return {n, client_traits(), true};
}

Demand thread(std::uint64_t n) {
  return {n, thread_traits(65'536, 4'096)};
}

Forecast of(const std::vector<Demand>& demands) {
  return forecast_of(demands, SlabObjects::measured(), 32'768);
}

TEST(ForecastTable, HasARowPerKindAndTheObjectsOfEachEnd) {
  EXPECT_EQ(forecast_table(of({loop(10'000), load(10'000)})), R"(
memory forecast, per connection   server   client     both            in all
resident                         1,708 B     74 B  1,782 B          17.4 MiB
page tables                          3 B      0 B      3 B           179 KiB
kernel stacks                        0 B      0 B      0 B            64 KiB
slab                             4,037 B  4,037 B  8,074 B            77 MiB
socket buffers, idle                 0 B      0 B      0 B               0 B
send fragments                       0 B      0 B      0 B      0 to 128 KiB
all kinds                        5,748 B  4,111 B  9,860 B  94.6 to 94.8 MiB

slab, objects per connection  server  client     size     lost    bytes
TCP                                1       1  2,368 B  152.6 B  5,041 B
sock_inode_cache                   1       1    832 B   30.3 B  1,725 B
filp                               1       1    192 B    3.0 B    390 B
dentry                             1       1    192 B    3.0 B    390 B
eventpoll_epi                      1       1    128 B    0.0 B    256 B
eventpoll_pwq                      1       1     64 B    0.0 B    128 B
lsm_inode_cache                    1       1     32 B    0.0 B     64 B
lsm_file_cache                     1       1     24 B    0.1 B     48 B
sizes of objects: measured on Linux 6.18 (root may read /proc/slabinfo)
)");
}

TEST(ForecastTable, ShowsARangeWhereThreadsSend) {
  const std::string text = forecast_table(of({thread(10'000)}));
  EXPECT_NE(text.find("send fragments                        0 to 32,768 B    0 to 313 MiB\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("both"), std::string::npos) << "there is one end";
}

TEST(ForecastTable, IsReadableAtAHundredColumns) {
  for (const std::uint64_t n : {std::uint64_t{1}, std::uint64_t{10'000'000'000}}) {
    std::istringstream lines(forecast_table(of({thread(n), load(n)})));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
  }
}

TEST(ForecastJson, HasBothEndsAndWholeBytesInAll) {
  const auto document = boost::json::parse(forecast_json(of({thread(1'000), load(1'000)})));
  EXPECT_EQ(document.at("object_sizes").as_string(), "measured");
  EXPECT_EQ(document.at("send_fragment_bytes").to_number<int>(), 32'768);
  const auto& total = document.at("total");
  EXPECT_EQ(total.at("per_connection").at("resident").to_number<double>(), 8'912 + 74);
  EXPECT_EQ(total.at("in_all").at("kernel_stack").to_number<int>(), 1'004 * 16'384);
  EXPECT_EQ(total.at("in_all").at("send_fragment").at("most").to_number<int>(), 1'004 * 32'768);
  const auto& server = document.at("ends").at(0);
  EXPECT_EQ(server.at("end").as_string(), "server");
  EXPECT_EQ(server.at("threads").to_number<int>(), 1'002);
  EXPECT_EQ(server.at("slab_by_cache").at(0).at("cache").as_string(), "task_struct");
  EXPECT_EQ(document.at("ends").at(1).at("end").as_string(), "client");
}

TEST(ForecastJson, OfMoreThanFitsIntoANumberIsTheLargestNumber) {
  const auto document = boost::json::parse(forecast_json(of({thread(unlimited)})));
  const auto& in_all = document.at("total").at("in_all");
  EXPECT_EQ(in_all.at("all").at("most").to_number<std::uint64_t>(), unlimited);
}

}  // namespace
}  // namespace limits
