// Limits that are reached in confined children, and what may go wrong with the children.
#include "limits/verify/verify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "limits/cgroup.hpp"
#include "limits/kernel.hpp"
#include "limits/rlimit.hpp"
#include "limits/verify/confined_child.hpp"
#include "limits/verify/probes.hpp"

namespace limits {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds patience{20'000};

Finding found(std::uint64_t predicted, std::uint64_t reached) {
  Finding finding;
  finding.verified = true;
  finding.predicted = predicted;
  finding.reached = reached;
  return finding;
}

TEST(Finding, AgreesWithinTwoPercentAndExactlyBelowFifty) {
  EXPECT_TRUE(found(1'000, 1'020).agrees());
  EXPECT_TRUE(found(1'000, 980).agrees());
  EXPECT_FALSE(found(1'000, 1'021).agrees());
  EXPECT_FALSE(found(1'000, 979).agrees());
  EXPECT_TRUE(found(49, 49).agrees());
  EXPECT_FALSE(found(49, 48).agrees());
  EXPECT_FALSE(not_verified("no reason").agrees());
}

TEST(AllAgree, IsFalseForOneThatWasReachedElsewhere) {
  EXPECT_TRUE(all_agree({{"a", found(10, 10)}, {"b", not_verified("no privilege")}}));
  EXPECT_FALSE(all_agree({{"a", found(10, 10)}, {"b", found(10, 11)}}));
}

TEST(InChild, ReturnsWhatTheProbeFoundAndConfinesTheChildAlone) {
  const std::uint64_t before = read_rlimit(RLIMIT_NOFILE).soft;
  const Finding finding = in_child(
      [] {
        const rlimit few{64, 64};
        ::setrlimit(RLIMIT_NOFILE, &few);
        return found(7, read_rlimit(RLIMIT_NOFILE).soft);
      },
      patience);
  EXPECT_TRUE(finding.verified);
  EXPECT_EQ(finding.predicted, 7U);
  EXPECT_EQ(finding.reached, 64U);
  EXPECT_EQ(read_rlimit(RLIMIT_NOFILE).soft, before);
}

TEST(InChild, NamesWhyThereIsNoFinding) {
  const auto reason = [](const std::function<Finding()>& probe, milliseconds at_most) {
    const Finding finding = in_child(probe, at_most);
    EXPECT_FALSE(finding.verified);
    return std::string(finding.reason.view());
  };
  EXPECT_EQ(reason([]() -> Finding { throw std::runtime_error("no file"); }, patience), "no file");
  EXPECT_EQ(reason(
                []() -> Finding {
                  ::kill(::getpid(), SIGKILL);
                  return {};
                },
                patience),
            "its process ended by signal 9");
  EXPECT_EQ(reason([]() -> Finding { ::_exit(0); }, patience), "its process ended early");
  EXPECT_EQ(reason(
                []() -> Finding {
                  for (;;) ::pause();
                },
                milliseconds{50}),
            "not reached within 50 ms");
  EXPECT_LT(::waitpid(-1, nullptr, WNOHANG), 0) << "each was reaped";
  EXPECT_EQ(errno, ECHILD);
}

#if !defined(TESTBED_SANITIZES_ADDRESS) && !defined(TESTBED_SANITIZES_THREAD)
TEST(VerifyLimits, FindsEachLimitWhereThePreflightSays) {
  const auto before = Kernel{}.sysctl("kernel.pid_max")->value;
  std::size_t reached = 0;
  for (const Verification& one : verify_limits()) {
    const Finding& finding = one.finding;
    if (!finding.verified) {
      EXPECT_NE(finding.reason.view(), "") << one.name;
      continue;
    }
    ++reached;
    EXPECT_TRUE(finding.agrees()) << one.name << ": " << finding.predicted << " predicted, "
                                  << finding.reached << " reached";
  }
  EXPECT_GE(reached, 5U) << "those that need no privilege";
  EXPECT_EQ(Kernel{}.sysctl("kernel.pid_max")->value, before) << "that of the host";
  const auto group = own_cgroup("/", Controller::tasks);
  if (!group) return;
  const auto left = *group + "/limits-verify-" + std::to_string(::getpid());
  EXPECT_FALSE(std::filesystem::exists(left)) << left;
}

// Of each probe, by its errno: one that stops for another cause may agree by chance.
TEST(VerifyLimits, AreReachedWithTheErrorThatBelongsToThem) {
  const auto error = [](Finding (*probe)()) {
    const Finding finding = in_child(probe, patience);
    return finding.verified ? std::string(finding.error.view()) : std::string("not verified");
  };
  using ::testing::AnyOf;
  // A machine's own limits may be below those that a probe needs.
  EXPECT_THAT(error(probe_open_files), AnyOf("EMFILE", "not verified"));
  EXPECT_THAT(error(probe_address_space), AnyOf("EAGAIN", "not verified"));
  EXPECT_THAT(error(probe_data_segment), AnyOf("EAGAIN", "not verified"));
  EXPECT_EQ(error(probe_smallest_stack), "EINVAL");
  EXPECT_THAT(error(probe_listen_backlog), AnyOf("ListenOverflows", "not verified"));
}
#endif

}  // namespace
}  // namespace limits
