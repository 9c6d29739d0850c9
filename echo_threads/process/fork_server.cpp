#include "echo_threads/process/fork_server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <system_error>

namespace echo_threads {
namespace {

/// The most descriptors in a request: those to keep, and the one that is handed over.
constexpr std::size_t most = 5;

/// A request to fork, as it is sent to the thread. A pointer is valid there: it is the same
/// process.
struct ForkRequest {
  const ForkServer::Child* child = nullptr;
  std::size_t kept = 0;   ///< descriptors whose numbers the child keeps; they come first
  std::size_t count = 0;  ///< all descriptors: one more than `kept` when one is handed over
  int numbers[most] = {};
};

/// The result of a request. The first reply reports whether the thread has its own table.
struct ForkReply {
  pid_t pid = -1;
  int error = 0;
};

/// A message that carries descriptors: cmsg(3).
struct DescriptorMessage {
  explicit DescriptorMessage(ForkRequest& request) : part{&request, sizeof request} {
    message.msg_iov = &part;
    message.msg_iovlen = 1;
  }

  iovec part;
  msghdr message{};
  alignas(cmsghdr) std::byte rights[CMSG_SPACE(sizeof(ForkRequest::numbers))]{};
};

bool send(int socket, ForkRequest& request) {
  DescriptorMessage carrier{request};
  if (request.count > 0) {
    const std::size_t bytes = request.count * sizeof(int);
    carrier.message.msg_control = carrier.rights;
    carrier.message.msg_controllen = CMSG_SPACE(bytes);
    cmsghdr* header = CMSG_FIRSTHDR(&carrier.message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(bytes);
    std::memcpy(CMSG_DATA(header), request.numbers, bytes);
  }
  return ::sendmsg(socket, &carrier.message, MSG_NOSIGNAL) > 0;
}

/// False at the end: no more requests will come. `received`: the descriptors, under free numbers
/// that the kernel has chosen.
bool receive(int socket, ForkRequest& request, int (&received)[most]) {
  DescriptorMessage carrier{request};
  carrier.message.msg_control = carrier.rights;
  carrier.message.msg_controllen = sizeof carrier.rights;
  ssize_t bytes = 0;
  while ((bytes = ::recvmsg(socket, &carrier.message, 0)) < 0 && errno == EINTR) {
  }
  if (bytes <= 0) return false;
  if (const cmsghdr* header = CMSG_FIRSTHDR(&carrier.message)) {
    std::memcpy(received, CMSG_DATA(header), request.count * sizeof(int));
  }
  return true;
}

/// Gives the descriptors to be kept the numbers that they have in the sender. Another received
/// descriptor that has such a number is moved away first. False with errno.
bool renumber(const ForkRequest& request, int (&received)[most]) {
  for (std::size_t i = 0; i < request.kept; ++i) {
    const int wanted = request.numbers[i];
    if (received[i] == wanted) continue;
    for (std::size_t later = i + 1; later < request.count; ++later) {
      if (received[later] == wanted && (received[later] = ::dup(wanted)) < 0) return false;
    }
    if (::dup2(received[i], wanted) < 0) return false;
    ::close(received[i]);
    received[i] = wanted;
  }
  return true;
}

void close_all_above_standard_but(int fd) {
  if (fd > STDERR_FILENO + 1) {
    ::close_range(STDERR_FILENO + 1, static_cast<unsigned>(fd) - 1, 0);
  }
  ::close_range(static_cast<unsigned>(fd) + 1, ~0U, 0);
}

}  // namespace

ForkServer::ForkServer() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    throw std::system_error(errno, std::generic_category(), "socketpair");
  }
  ours_.reset(ends[0]);
  its_.reset(ends[1]);
  thread_ = std::thread([this] { work(); });
  ForkReply first;
  while (::recv(ours_.get(), &first, sizeof first, 0) < 0 && errno == EINTR) {
  }
  if (first.error == 0) return;
  thread_.join();
  own_table_ = false;
}

ForkServer::~ForkServer() {
  ::shutdown(ours_.get(), SHUT_RDWR);
  if (own_table_) thread_.join();
}

pid_t ForkServer::fork(std::initializer_list<int> keep, int handed_over, const Child& child) {
  if (!own_table_) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    child(handed_over);
    ::_exit(1);
  }
  ForkRequest request{&child, keep.size(), keep.size()};
  std::copy(keep.begin(), keep.end(), request.numbers);
  if (handed_over >= 0) request.numbers[request.count++] = handed_over;
  if (!send(ours_.get(), request)) return -1;
  ForkReply reply;
  while (::recv(ours_.get(), &reply, sizeof reply, 0) < 0 && errno == EINTR) {
  }
  errno = reply.error;
  return reply.pid;
}

/// After unshare(2) the thread has its own copies of the process's descriptors, with the same
/// numbers.
void ForkServer::work() {
  const int socket = its_.get();
  const auto send_reply = [socket](ForkReply reply) {
    ::send(socket, &reply, sizeof reply, MSG_NOSIGNAL);
  };
#ifdef TESTBED_SANITIZES_THREAD
  // The thread sanitizer treats a number as the same descriptor in all threads, and reports races
  // between the two tables.
  return send_reply({-1, EPERM});
#endif
  if (::unshare(CLONE_FILES) != 0) return send_reply({-1, errno});
  close_all_above_standard_but(socket);
  send_reply({0, 0});
  ForkRequest request;
  int received[most]{};
  while (receive(socket, request, received)) {
    ForkReply reply;
    if (renumber(request, received)) reply.pid = ::fork();
    reply.error = errno;
    if (reply.pid == 0) {
      (*request.child)(request.count > request.kept ? received[request.kept] : -1);
      ::_exit(1);
    }
    close_all_above_standard_but(socket);
    send_reply(reply);
  }
}

}  // namespace echo_threads
