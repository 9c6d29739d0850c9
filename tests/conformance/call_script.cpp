#include "tests/conformance/call_script.hpp"

#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <functional>
#include <future>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "tests/programs/failing_call.hpp"

namespace conformance {
namespace {

/// The errno of a call, or 0 to let the kernel execute it.
using Outcome = std::function<int(const seccomp_data&)>;

/// Answers the filtered calls until the process ends, each with its outcome. Its thread was
/// started before the filter was set, so the filter does not apply to it.
void answer_calls(int notifier, const Outcome& outcome_of) {
  for (;;) {
    seccomp_notif call{};
    if (::ioctl(notifier, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) {
      if (errno != EINTR && errno != ENOENT) return;  // ENOENT: the caller is gone
      continue;
    }
    seccomp_notif_resp reply{};
    reply.id = call.id;
    reply.error = -outcome_of(call.data);
    if (reply.error == 0) reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ::ioctl(notifier, SECCOMP_IOCTL_NOTIF_SEND, &reply);
  }
}

bool intercept(const std::vector<unsigned>& calls, Outcome outcome_of) {
  std::promise<int> listener;
  std::thread([notifier = listener.get_future(), outcome_of = std::move(outcome_of)]() mutable {
    answer_calls(notifier.get(), outcome_of);
  }).detach();
  const int notifier = programs::notify_of(calls);
  listener.set_value(notifier);
  return notifier >= 0;
}

}  // namespace

bool script_calls(std::initializer_list<unsigned> calls, std::vector<int> outcomes) {
  return intercept(
      calls, [outcomes = std::move(outcomes), next = std::size_t{0}](const seccomp_data&) mutable {
        return next < outcomes.size() ? outcomes[next++] : 0;
      });
}

CallFaults::CallFaults() {
  void* page =
      ::mmap(nullptr, sizeof *shared_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  shared_ = ::new (page) Shared;
}

CallFaults::~CallFaults() {
  ::munmap(shared_, sizeof *shared_);
}

bool CallFaults::install(std::vector<FailingCall> calls) {
  std::vector<unsigned> numbers;
  for (const FailingCall& each : calls) numbers.push_back(each.number);
  return intercept(numbers, [shared = shared_, calls = std::move(calls)](const seccomp_data& call) {
    for (const FailingCall& each : calls) {
      if (call.nr != static_cast<int>(each.number)) continue;
      if (each.is_meant && !each.is_meant(call)) continue;
      const unsigned left = shared->left;
      if (left == 0) continue;
      if (left != for_ever) shared->left = left - 1;
      ++shared->failed;
      return each.error;
    }
    return 0;
  });
}

}  // namespace conformance
