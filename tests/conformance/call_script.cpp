#include "tests/conformance/call_script.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <future>
#include <thread>
#include <utility>

namespace conformance {
namespace {

/// Answers the filtered calls until the process ends. Its thread was started before the filter was
/// set, so the filter does not apply to it.
void answer_calls(int notifier, const std::vector<int>& outcomes) {
  for (std::size_t next = 0;;) {
    seccomp_notif call{};
    if (::ioctl(notifier, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) {
      if (errno != EINTR && errno != ENOENT) return;  // ENOENT: the caller is gone
      continue;
    }
    seccomp_notif_resp reply{};
    reply.id = call.id;
    if (next < outcomes.size()) reply.error = -outcomes[next++];
    if (reply.error == 0) reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ::ioctl(notifier, SECCOMP_IOCTL_NOTIF_SEND, &reply);
  }
}

}  // namespace

bool script_calls(std::initializer_list<unsigned> calls, std::vector<int> outcomes) {
  std::promise<int> listener;
  std::thread([notifier = listener.get_future(), outcomes = std::move(outcomes)]() mutable {
    answer_calls(notifier.get(), outcomes);
  }).detach();
  std::vector<sock_filter> code{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const unsigned call : calls) {
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const long notifier =
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  listener.set_value(static_cast<int>(notifier));
  return notifier >= 0;
}

}  // namespace conformance
