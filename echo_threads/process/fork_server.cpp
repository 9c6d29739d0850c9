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

/// Descriptors in an order: those to keep, and the one that is handed over.
constexpr std::size_t most = 5;

/// What is to be forked, as the thread is sent it; in one process a pointer is as good there.
struct Order {
  const ForkServer::Child* child = nullptr;
  std::size_t kept = 0;   ///< of the first ones the numbers matter
  std::size_t count = 0;  ///< in all: one more where one is handed over
  int numbers[most] = {};
};

/// How it went; the first one says whether the thread has a table of its own.
struct Answer {
  pid_t pid = -1;
  int error = 0;
};

/// A message with descriptors in it: cmsg(3).
struct Letter {
  explicit Letter(Order& order) : part{&order, sizeof order} {
    message.msg_iov = &part;
    message.msg_iovlen = 1;
  }

  iovec part;
  msghdr message{};
  alignas(cmsghdr) std::byte rights[CMSG_SPACE(sizeof(Order::numbers))]{};
};

bool send(int socket, Order& order) {
  Letter letter{order};
  if (order.count > 0) {
    const std::size_t bytes = order.count * sizeof(int);
    letter.message.msg_control = letter.rights;
    letter.message.msg_controllen = CMSG_SPACE(bytes);
    cmsghdr* header = CMSG_FIRSTHDR(&letter.message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(bytes);
    std::memcpy(CMSG_DATA(header), order.numbers, bytes);
  }
  return ::sendmsg(socket, &letter.message, MSG_NOSIGNAL) > 0;
}

/// False when there will be no more. `came`: the descriptors, under whatever numbers were free.
bool receive(int socket, Order& order, int (&came)[most]) {
  Letter letter{order};
  letter.message.msg_control = letter.rights;
  letter.message.msg_controllen = sizeof letter.rights;
  ssize_t bytes = 0;
  while ((bytes = ::recvmsg(socket, &letter.message, 0)) < 0 && errno == EINTR) {
  }
  if (bytes <= 0) return false;
  if (const cmsghdr* header = CMSG_FIRSTHDR(&letter.message)) {
    std::memcpy(came, CMSG_DATA(header), order.count * sizeof(int));
  }
  return true;
}

/// Gives those to be kept the numbers that they had where they came from. What has such a number
/// and is another goes out of the way first.
bool renumber(const Order& order, int (&came)[most]) {
  for (std::size_t i = 0; i < order.kept; ++i) {
    const int wanted = order.numbers[i];
    if (came[i] == wanted) continue;
    for (std::size_t later = i + 1; later < order.count; ++later) {
      if (came[later] == wanted && (came[later] = ::dup(wanted)) < 0) return false;
    }
    if (::dup2(came[i], wanted) < 0) return false;
    ::close(came[i]);
    came[i] = wanted;
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
  Answer first;
  while (::recv(ours_.get(), &first, sizeof first, 0) < 0 && errno == EINTR) {
  }
  if (first.error == 0) return;
  thread_.join();
  apart_ = false;
}

ForkServer::~ForkServer() {
  ::shutdown(ours_.get(), SHUT_RDWR);
  if (apart_) thread_.join();
}

pid_t ForkServer::fork(std::initializer_list<int> keep, int handed_over, const Child& child) {
  if (!apart_) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    child(handed_over);
    ::_exit(1);
  }
  Order order{&child, keep.size(), keep.size()};
  std::copy(keep.begin(), keep.end(), order.numbers);
  if (handed_over >= 0) order.numbers[order.count++] = handed_over;
  if (!send(ours_.get(), order)) return -1;
  Answer answer;
  while (::recv(ours_.get(), &answer, sizeof answer, 0) < 0 && errno == EINTR) {
  }
  errno = answer.error;
  return answer.pid;
}

/// The thread's descriptors are those of the process under the same numbers, but its own.
void ForkServer::work() {
  const int socket = its_.get();
  const auto tell = [socket](Answer answer) {
    ::send(socket, &answer, sizeof answer, MSG_NOSIGNAL);
  };
#ifdef TESTBED_SANITIZES_THREAD
  // It takes a number for the same descriptor in all threads, and reports a race between two.
  return tell({-1, EPERM});
#endif
  if (::unshare(CLONE_FILES) != 0) return tell({-1, errno});
  close_all_above_standard_but(socket);
  tell({0, 0});
  Order order;
  int came[most]{};
  while (receive(socket, order, came)) {
    Answer answer;
    if (renumber(order, came)) answer.pid = ::fork();
    answer.error = errno;
    if (answer.pid == 0) {
      (*order.child)(order.count > order.kept ? came[order.kept] : -1);
      ::_exit(1);
    }
    close_all_above_standard_but(socket);
    tell(answer);
  }
}

}  // namespace echo_threads
