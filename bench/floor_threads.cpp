// The floor of the thread servers: a detached raw pthread per connection, blocking recv and send,
// 64 KiB of stack. SIGTERM has its default effect.
//
//   floor_threads PORT     0: any; prints the port
#include <pthread.h>
#include <unistd.h>

#include <bit>
#include <cerrno>

#include "bench/floor.hpp"

namespace {

using bench::fail;

constexpr std::size_t stack_bytes = std::size_t{64} * 1024;
constexpr std::size_t buffer_bytes = 4096;  ///< on the stack; 64 B of it touch one page

bool send_all(int fd, const char* data, ssize_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent < 0) return false;
    data += sent;
    size -= sent;
  }
  return true;
}

void* echo_until_eof(void* argument) {
  const auto fd = static_cast<int>(std::bit_cast<std::intptr_t>(argument));
  char buffer[buffer_bytes];
  for (;;) {
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0 || !send_all(fd, buffer, got)) break;
  }
  ::close(fd);
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: floor_threads PORT\n"), 2;
  bench::raise_open_files();
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, stack_bytes);
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  const int listener = bench::listen_and_tell(static_cast<std::uint16_t>(std::atoi(argv[1])), 0);
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == ECONNABORTED || errno == EINTR) continue;
      fail("accept4");
    }
    pthread_t thread;
    errno = ::pthread_create(&thread, &attributes, echo_until_eof,
                             std::bit_cast<void*>(static_cast<std::intptr_t>(fd)));
    if (errno != 0) fail("pthread_create");
  }
}
