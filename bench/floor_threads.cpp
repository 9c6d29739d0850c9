// The floor of the thread servers: a detached raw pthread per connection, blocking recv and send,
// 64 KiB of stack. SIGTERM has its default effect.
//
//   floor_threads PORT [--http]     0: any; prints the port
//
// --http: a fixed answer per request, found without parsing (floor_http.hpp).
#include <pthread.h>
#include <unistd.h>

#include <bit>
#include <cerrno>

#include "bench/floor.hpp"
#include "bench/floor_http.hpp"

namespace {

using bench::fail;

constexpr std::size_t stack_bytes = std::size_t{64} * 1024;
constexpr std::size_t buffer_bytes = 4096;  ///< on the stack; 64 B of it touch one page

bool http = false;  ///< not changed once threads run

bool send_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(fd, data, size, MSG_NOSIGNAL);
    if (sent < 0) return false;
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

/// Sends the echo, or the answers under --http.
bool reply(int fd, const char* data, std::size_t size) {
  if (!http) return send_all(fd, data, size);
  return bench::answer_requests({data, size}, [fd](const char* answers, std::size_t bytes) {
    return send_all(fd, answers, bytes);
  });
}

void* reply_until_eof(void* argument) {
  const auto fd = static_cast<int>(std::bit_cast<std::intptr_t>(argument));
  char buffer[buffer_bytes];
  for (;;) {
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0 || !reply(fd, buffer, static_cast<std::size_t>(got))) break;
  }
  ::close(fd);
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::ServerArguments arguments = bench::server_arguments(argc, argv);
  http = arguments.http;
  bench::raise_open_files();
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, stack_bytes);
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  const int listener = bench::listen_and_tell(arguments.port, 0);
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == ECONNABORTED || errno == EINTR) continue;
      fail("accept4");
    }
    pthread_t thread;
    errno = ::pthread_create(&thread, &attributes, reply_until_eof,
                             std::bit_cast<void*>(static_cast<std::intptr_t>(fd)));
    if (errno != 0) fail("pthread_create");
  }
}
