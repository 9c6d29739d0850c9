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
constexpr std::size_t most = ForkServer::most_kept + 1;

/// A message that carries descriptors, and the number of their request: cmsg(3).
struct DescriptorMessage {
  explicit DescriptorMessage(std::uint64_t& number) : part{&number, sizeof number} {
    message.msg_iov = &part;
    message.msg_iovlen = 1;
  }

  iovec part;
  msghdr message{};
  alignas(cmsghdr) std::byte rights[CMSG_SPACE(most * sizeof(int))]{};
};

bool send(int socket, std::uint64_t number, const int* numbers, std::size_t count) {
  DescriptorMessage carrier{number};
  const std::size_t bytes = count * sizeof(int);
  carrier.message.msg_control = carrier.rights;
  carrier.message.msg_controllen = CMSG_SPACE(bytes);
  cmsghdr* header = CMSG_FIRSTHDR(&carrier.message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(bytes);
  std::memcpy(CMSG_DATA(header), numbers, bytes);
  for (;;) {
    if (::sendmsg(socket, &carrier.message, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) return true;
    if (errno != EINTR) return false;
  }
}

/// Receives the descriptors of request `number`, under free numbers that the kernel has chosen. The
/// message is there already. Those of earlier requests, which failed here, are closed. False with
/// errno.
bool receive(int socket, std::uint64_t number, std::size_t count, int (&received)[most]) {
  for (;;) {
    std::uint64_t arrived = 0;
    DescriptorMessage carrier{arrived};
    carrier.message.msg_control = carrier.rights;
    carrier.message.msg_controllen = sizeof carrier.rights;
    const ssize_t bytes = ::recvmsg(socket, &carrier.message, MSG_DONTWAIT);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return false;
    const cmsghdr* header = CMSG_FIRSTHDR(&carrier.message);
    const std::size_t carried =
        header == nullptr ? 0 : (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    int fds[most]{};
    if (carried > 0) std::memcpy(fds, CMSG_DATA(header), carried * sizeof(int));
    if (bytes == ssize_t{sizeof arrived} && arrived == number && carried == count) {
      std::copy(fds, fds + count, received);
      return true;
    }
    for (std::size_t i = 0; i < carried; ++i) ::close(fds[i]);
    errno = EMFILE;  // the kernel leaves out descriptors for which this process has no room
    if (bytes == 0 || arrived == number) return false;
  }
}

/// Gives the descriptors to be kept the numbers that they have in the sender. Another received
/// descriptor that has such a number is moved away first. False with errno.
bool renumber(const int* numbers, std::size_t kept, std::size_t count, int (&received)[most]) {
  for (std::size_t i = 0; i < kept; ++i) {
    const int wanted = numbers[i];
    if (received[i] == wanted) continue;
    for (std::size_t later = i + 1; later < count; ++later) {
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
  std::unique_lock lock(mutex_);
  own_table_ = wait_for_reply(lock) == 0;
}

ForkServer::~ForkServer() {
  {
    const std::lock_guard lock(mutex_);
    state_ = State::ended;
  }
  changed_.notify_all();
  thread_.join();
}

pid_t ForkServer::fork(std::initializer_list<int> keep, int handed_over, const Child& child) {
  if (!own_table_) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    child(handed_over);
    ::_exit(1);
  }
  int numbers[most] = {};
  std::copy(keep.begin(), keep.end(), numbers);
  std::size_t count = keep.size();
  if (handed_over >= 0) numbers[count++] = handed_over;

  std::unique_lock lock(mutex_);
  ++number_;
  if (count > 0 && !send(ours_.get(), number_, numbers, count)) return -1;
  request_ = {&child, keep.size(), count, numbers};
  state_ = State::requested;
  changed_.notify_all();
  return wait_for_reply(lock);
}

pid_t ForkServer::wait_for_reply(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [this] { return state_ == State::answered; });
  state_ = State::idle;
  errno = error_;
  return pid_;
}

/// After unshare(2) the thread has its own copies of the process's descriptors, with the same
/// numbers.
void ForkServer::work() {
#ifdef TESTBED_SANITIZES_THREAD
  // The thread sanitizer treats a number as the same descriptor in all threads, and reports races
  // between the two tables.
  constexpr bool may_leave = false;
#else
  constexpr bool may_leave = true;
#endif
  const bool own_table = may_leave && ::unshare(CLONE_FILES) == 0;
  if (own_table) close_all_above_standard_but(its_.get());
  {
    const std::lock_guard lock(mutex_);
    pid_ = own_table ? 0 : -1;
    state_ = State::answered;
  }
  changed_.notify_all();
  if (own_table) serve_requests();
}

void ForkServer::serve_requests() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return state_ == State::requested || state_ == State::ended; });
    if (state_ == State::ended) return;
    // Only this thread changes the request while its caller waits.
    lock.unlock();
    const pid_t pid = serve(request_);
    const int error = errno;
    close_all_above_standard_but(its_.get());
    lock.lock();
    pid_ = pid;
    error_ = error;
    state_ = State::answered;
    changed_.notify_all();
  }
}

pid_t ForkServer::serve(const Request& request) {
  int received[most]{};
  if (request.count > 0 && !receive(its_.get(), number_, request.count, received)) return -1;
  if (!renumber(request.numbers, request.kept, request.count, received)) return -1;
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  (*request.child)(request.count > request.kept ? received[request.kept] : -1);
  ::_exit(1);
}

}  // namespace echo_threads
