#include "limits/processes/family.hpp"

#include <gtest/gtest.h>

#include "tests/limits/fixture_tree.hpp"

namespace limits {
namespace {

using Pids = std::vector<pid_t>;

TEST(Family, HasAllDescendantsOnce) {
  fixtures::FixtureTree tree;
  tree.file("/proc/10/stat", "10 (server) S 1 10 10 0 -1 0\n")
      .file("/proc/11/stat",
            "11 (a ) S 99 (name) S 10 10 10 0 -1 0\n")  // comm may contain any character
      .file("/proc/12/stat", "12 (worker) S 11 10 10 0 -1 0\n")
      .file("/proc/13/stat", "13 (shell) S 1 13 13 0 -1 0\n");
  EXPECT_EQ(with_descendants({10}, tree.root()), (Pids{10, 11, 12}));
  EXPECT_EQ(with_descendants({10, 11}, tree.root()), (Pids{10, 11, 12}))
      << "no process is listed twice";
  EXPECT_EQ(with_descendants({13}, tree.root()), Pids{13});
  EXPECT_EQ(with_descendants({}, tree.root()), Pids{});
}

}  // namespace
}  // namespace limits
