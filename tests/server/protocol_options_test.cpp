// What the options of HTTP mean for the protocol and for the options of connections.
#include "server/protocol_options.hpp"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <string>
#include <vector>

namespace server {
namespace {

using protocol::HttpClose;
using std::chrono::seconds;

ServerOptions parsed(std::vector<std::string> words) {
  CLI::App app;
  ServerOptions options;
  add_common_options(app, options, "", "");
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  app.parse(words);
  complete_protocol_options(app, options);
  return options;
}

TEST(ProtocolOptions, TheEchoIsTheDefault) {
  const ServerOptions options = parsed({});
  EXPECT_EQ(make_protocol(options)->name(), "echo");
  EXPECT_TRUE(make_protocol(options)->echoes());
  EXPECT_EQ(stack_bytes_of_protocol(options), 0U);
}

TEST(ProtocolOptions, HttpTakesItsOptions) {
  const ServerOptions options =
      parsed({"--protocol", "http", "--max-header", "4K", "--max-body", "1M", "--request-timeout",
              "3", "--http-close", "unannounced", "--buffer-size", "2K"});
  EXPECT_EQ(make_protocol(options)->name(), "http");
  EXPECT_FALSE(make_protocol(options)->echoes());
  EXPECT_EQ(options.http.max_header, 4096U);
  EXPECT_EQ(options.http.max_body, 1U << 20U);
  EXPECT_EQ(options.http.request_timeout, seconds{3});
  EXPECT_EQ(options.http.close, HttpClose::unannounced);
  EXPECT_EQ(options.http.buffer_size, 2048U);
  EXPECT_FALSE(options.http.one_message_per_turn);
  EXPECT_FALSE(options.socket.idle_timeout);
  EXPECT_GT(stack_bytes_of_protocol(options), 0U);
}

TEST(ProtocolOptions, WorkIsDoneForOneMessageAtATime) {
  EXPECT_TRUE(parsed({"--protocol", "http", "--work", "sleep:1ms"}).http.one_message_per_turn);
}

TEST(ProtocolOptions, TheKeepaliveTimeoutIsTheIdleTimeoutUnlessThatIsGiven) {
  const auto timeout = [](std::vector<std::string> more) {
    more.insert(more.begin(), {"--protocol", "http", "--keepalive-timeout", "7"});
    return parsed(more).socket.idle_timeout;
  };
  EXPECT_EQ(timeout({}), seconds{7});
  EXPECT_EQ(timeout({"--idle-timeout", "5"}), seconds{5});
}

TEST(ProtocolOptions, AnOptionOfHttpIsRefusedForTheEcho) {
  EXPECT_THROW(parsed({"--max-body", "1"}), CLI::ValidationError);
  EXPECT_NO_THROW(parsed({"--max-body", "1", "--protocol", "http"}));
}

}  // namespace
}  // namespace server
