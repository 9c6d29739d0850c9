// Simulated work: which values are allowed, and that the work takes about the time given.
#include "server/work.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>

#include "limits/cpu.hpp"

namespace server {
namespace {

using namespace std::chrono_literals;

TEST(Work, ParsesAKindAndATime) {
  EXPECT_EQ(Work::parse("none").kind(), Work::Kind::none);
  EXPECT_EQ(Work::parse("cpu:50us").kind(), Work::Kind::cpu);
  EXPECT_EQ(Work::parse("cpu:50us").amount(), 50us);
  EXPECT_EQ(Work::parse("sleep:5ms").kind(), Work::Kind::sleep);
  EXPECT_EQ(Work::parse("sleep:5ms").amount(), 5ms);
}

TEST(Work, RefusesWhatIsNotAKindAndATime) {
  for (const char* text : {"", "cpu", "cpu:", "cpu:0s", "sleep:-1s", "nap:5ms", "sleep:2h"}) {
    EXPECT_THROW(Work::parse(text), std::invalid_argument) << text;
  }
}

TEST(Work, ComputesOnTheProcessorForAboutTheTimeGiven) {
  const Work work = Work::parse("cpu:20ms");
  const auto before = limits::thread_cpu_time();
  work.compute();
  const auto took = limits::thread_cpu_time() - before;
  EXPECT_GE(took, 10ms);  // processors change their speed, by a factor of two at most
  EXPECT_LE(took, 200ms) << "ten times as long";
}

TEST(Work, SleepsWithoutUsingTheProcessor) {
  const Work work = Work::parse("sleep:20ms");
  const auto began = std::chrono::steady_clock::now();
  const auto before = limits::thread_cpu_time();
  work.perform();
  EXPECT_GE(std::chrono::steady_clock::now() - began, 20ms);
  EXPECT_LT(limits::thread_cpu_time() - before, 10ms);
}

}  // namespace
}  // namespace server
