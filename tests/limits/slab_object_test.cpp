// Sizes of kernel objects, from a file in place of /proc/slabinfo.
#include "limits/forecast/slab_object.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "tests/limits/fixture_tree.hpp"

namespace limits {
namespace {

const std::string header =
    "slabinfo - version: 2.1\n"
    "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : ...\n";
const std::string of_sockets =
    "TCP                  105    156   2000     16    8 : tunables    0    0    0 : slabdata     "
    "12 "
    "    12      0\n";

TEST(SlabObjects, AnObjectTakesItsShareOfASlab) {
  const SlabObject object = SlabObjects::measured().at("TCP");
  EXPECT_EQ(object.object_bytes, 2'368U);
  EXPECT_NEAR(object.bytes(), 2'520.6, 0.1) << "13 of them in 32 KiB";
}

TEST(SlabObjects, AreThoseOfThisKernelWhereItsFileCanBeRead) {
  fixtures::FixtureTree tree;
  tree.file("/proc/slabinfo", header + of_sockets + "lsm_file_cache 1 2 40 102 1 : tunables\n");
  const SlabObjects objects = SlabObjects::of_this_kernel(tree.root());
  EXPECT_TRUE(objects.are_read());
  EXPECT_EQ(objects.at("TCP").object_bytes, 2'000U);
  EXPECT_EQ(objects.at("TCP").bytes(), 2'048);
  EXPECT_EQ(objects.at("lsm_file_cache").object_bytes, 40U);
  EXPECT_EQ(objects.at("eventpoll_pwq").object_bytes, 64U) << "merged with another cache";
  EXPECT_EQ(objects.at("lsm_inode_cache").bytes(), 0) << "no module that has state per inode";
}

TEST(SlabObjects, AreTheMeasuredOnesWithoutTheFile) {
  const SlabObjects objects = SlabObjects::of_this_kernel(fixtures::FixtureTree{}.root());
  EXPECT_FALSE(objects.are_read());
  EXPECT_EQ(objects.at("TCP").object_bytes, 2'368U);
  EXPECT_EQ(objects.at("lsm_inode_cache").object_bytes, 32U);
}

TEST(SlabObjects, OfAMalformedFileAreTheMeasuredOnes) {
  for (const char* line : {"TCP 1 2 2000 0 8 : tunables\n", "TCP 1 2 2000 16 0 : tunables\n",
                           "TCP 1 2 2000 99999999999999 8 :\n", "TCP 1 2 x 16 8\n", "TCP\n", "\n",
                           "TCP 1 2 2000 16 18446744073709551615 :\n"}) {
    fixtures::FixtureTree tree;
    tree.file("/proc/slabinfo", header + line);
    const SlabObjects objects = SlabObjects::of_this_kernel(tree.root());
    EXPECT_FALSE(objects.are_read()) << line;
    EXPECT_EQ(objects.at("TCP").object_bytes, 2'368U) << line;
  }
}

TEST(SlabObjects, OfAnUnknownCacheAreAnError) {
  EXPECT_THROW((void)SlabObjects::measured().at("nonsense"), std::out_of_range);
}

}  // namespace
}  // namespace limits
