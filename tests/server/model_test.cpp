// The sockets of one server: several share an address, and no other server shares it.
#include "server/model.hpp"

#include <gtest/gtest.h>

#include <system_error>

#include "echo/socket.hpp"

namespace server {
namespace {

TEST(Listeners, ShareOneAddressAndOnlyWithinTheServer) {
  Listeners several{echo::resolve("127.0.0.1", 0).front(), 8, 3};
  EXPECT_THROW((Listeners{several.where(), 8, 3}), std::system_error)
      << "a second server would get half of the connections without an error";
  const auto sockets = several.take();
  ASSERT_EQ(sockets.size(), 3U);
  for (const echo::Descriptor& each : sockets) {
    EXPECT_EQ(echo::local_endpoint(each.get()).text(), several.where().text());
  }
}

}  // namespace
}  // namespace server
