#include "tests/programs/failing_call.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <utility>

namespace programs {
int notify_of(const std::vector<unsigned>& calls) {
  std::vector<sock_filter> code{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const unsigned call : calls) {
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return static_cast<int>(
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

FailingCall::FailingCall(std::vector<unsigned> calls, int error, int count)
    : calls_(std::move(calls)), error_(error), count_(count) {}

FailingCall::~FailingCall() {
  ended_ = true;
  if (thread_.joinable()) thread_.join();
  if (notifier_ >= 0) ::close(notifier_);
}

bool FailingCall::start(const std::function<void()>& start) {
  // It has no filter, so its own calls are executed.
  thread_ = std::thread([this] { answer(); });
  std::thread starter([&] {
    starter_ = ::gettid();
    const int notifier = notify_of(calls_);
    notifier_ = notifier >= 0 ? notifier : refused;
    notifier_.notify_one();
    if (notifier >= 0) start();
  });
  starter.join();
  starter_ = 0;
  return notifier_ >= 0;
}

void FailingCall::arm(int skip) {
  skip_ = skip;
  armed_ = true;
}

/// Allocates nothing: the starting thread holds malloc's locks while its fork(2) waits for an
/// answer.
void FailingCall::answer() {
  notifier_.wait(none_yet);
  if (notifier_ < 0) return;
  while (!ended_) {
    pollfd entry{notifier_, POLLIN, 0};
    if (::poll(&entry, 1, 10) != 1) continue;
    if ((entry.revents & POLLIN) == 0) return;  // POLLHUP: all filtered processes have ended
    seccomp_notif call{};
    if (::ioctl(notifier_, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) continue;  // the caller is gone
    seccomp_notif_resp reply{};
    reply.id = call.id;
    const bool fails =
        armed_ && static_cast<int>(call.pid) != starter_ && count_ != 0 && skip_.fetch_sub(1) <= 0;
    if (fails) {
      if (count_ > 0) --count_;
      reply.error = -error_;
    } else {
      reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    }
    ::ioctl(notifier_, SECCOMP_IOCTL_NOTIF_SEND, &reply);
  }
}

}  // namespace programs
