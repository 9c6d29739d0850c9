// The reference server: it echoes every byte, on many connections and to a client that does not
// read, and it ends with its owner.
#include "client/run/reference_server.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "echo/descriptor.hpp"
#include "echo/socket.hpp"
#include "limits/cpu.hpp"

namespace client {
namespace {

constexpr int patience_ms = 20'000;

echo::Descriptor connect_to(std::uint16_t port) {
  const echo::Endpoint target = echo::resolve("127.0.0.1", port).front();
  echo::Descriptor fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const timeval limit{20, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(fd.get(), target.data(), target.size()) != 0) fd.reset();
  return fd;
}

std::string read_exactly(int fd, std::size_t length) {
  std::string text(length, '\0');
  std::size_t have = 0;
  while (have < length) {
    const ssize_t got = ::recv(fd, text.data() + have, length - have, 0);
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

void send_all(int fd, const std::string& text) {
  ASSERT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

/// Whether the process of `pidfd` ends in time.
bool ends(int pidfd) {
  pollfd entry{pidfd, POLLIN, 0};
  return ::poll(&entry, 1, patience_ms) == 1;
}

TEST(ReferenceServer, EchoesOnManyConnections) {
  const ReferenceServer reference;
  std::vector<echo::Descriptor> connections;
  for (int i = 0; i < 100; ++i) {
    connections.push_back(connect_to(reference.port()));
    ASSERT_TRUE(connections.back());
    send_all(connections.back().get(), "message " + std::to_string(i));
  }
  for (int i = 0; i < 100; ++i) {
    const std::string wanted = "message " + std::to_string(i);
    EXPECT_EQ(read_exactly(connections[static_cast<std::size_t>(i)].get(), wanted.size()), wanted);
  }
}

TEST(ReferenceServer, KeepsUnsentBytesOfOneClientAndServesTheOthers) {
  const ReferenceServer reference;
  const echo::Descriptor silent = connect_to(reference.port());
  ASSERT_TRUE(silent);
  std::string sent;  // until the buffers of both ends are full
  const std::string block(65536, 'x');
  ::fcntl(silent.get(), F_SETFL, O_NONBLOCK);
  for (pollfd entry{silent.get(), POLLOUT, 0}; ::poll(&entry, 1, 300) == 1;) {
    const std::string part = std::to_string(sent.size()) + block;
    const ssize_t taken = ::send(silent.get(), part.data(), part.size(), MSG_NOSIGNAL);
    if (taken > 0) sent.append(part, 0, static_cast<std::size_t>(taken));
    ASSERT_LT(sent.size(), std::size_t{1} << 30) << "the bytes in flight have a bound";
  }
  const echo::Descriptor other = connect_to(reference.port());
  send_all(other.get(), "still there?");
  EXPECT_EQ(read_exactly(other.get(), 12), "still there?");

  ::fcntl(silent.get(), F_SETFL, 0);
  EXPECT_TRUE(read_exactly(silent.get(), sent.size()) == sent) << "each byte, in order";
  send_all(silent.get(), "and again");
  EXPECT_EQ(read_exactly(silent.get(), 9), "and again");
}

TEST(ReferenceServer, SendsTheRestAndFinAfterAHalfClose) {
  const ReferenceServer reference;
  const echo::Descriptor fd = connect_to(reference.port());
  send_all(fd.get(), "last");
  ::shutdown(fd.get(), SHUT_WR);
  EXPECT_EQ(read_exactly(fd.get(), 5), "last") << "the rest, then FIN";
}

TEST(ReferenceServer, HasItsOwnProcessClock) {
  const ReferenceServer reference;
  EXPECT_NE(reference.pid(), ::getpid());
  const echo::Descriptor fd = connect_to(reference.port());
  send_all(fd.get(), "work");
  ASSERT_EQ(read_exactly(fd.get(), 4), "work");
  ASSERT_TRUE(limits::cpu_time(reference.pid()));
  EXPECT_GT(limits::cpu_time(reference.pid())->count(), 0);
}

TEST(ReferenceServer, EndsWithItsObject) {
  echo::Descriptor process;
  std::uint16_t port = 0;
  {
    const ReferenceServer reference;
    port = reference.port();
    process.reset(static_cast<int>(::syscall(SYS_pidfd_open, reference.pid(), 0)));
    ASSERT_TRUE(process);
  }
  EXPECT_TRUE(ends(process.get()));
  EXPECT_FALSE(connect_to(port)) << "the port is closed";
}

TEST(ReferenceServer, NeverOutlivesAnOwnerThatDies) {
  int pipe_fds[2];
  ASSERT_EQ(::pipe2(pipe_fds, O_CLOEXEC), 0);
  const echo::Descriptor reading{pipe_fds[0]};
  echo::Descriptor writing{pipe_fds[1]};
  const pid_t owner = ::fork();
  if (owner == 0) {
    const ReferenceServer reference;
    const pid_t pid = reference.pid();
    [[maybe_unused]] const ssize_t written = ::write(writing.get(), &pid, sizeof pid);
    ::pause();  // until it is killed: no destructor runs
    ::_exit(0);
  }
  writing.reset();
  pid_t pid = 0;
  ASSERT_EQ(::read(reading.get(), &pid, sizeof pid), ssize_t{sizeof pid});
  const echo::Descriptor process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  ASSERT_TRUE(process);
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  EXPECT_TRUE(ends(process.get()));
}

}  // namespace
}  // namespace client
