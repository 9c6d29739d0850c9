#include "tests/conformance/every_model.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>

#include "echo_async/models.hpp"
#include "echo_threads/models.hpp"
#include "tests/conformance/offspring.hpp"

namespace conformance {
namespace {

std::size_t entries_in(const char* folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

}  // namespace

const server::Model& model_named(std::string_view name) {
  for (const auto& models : {echo_threads::models(), echo_async::models()}) {
    for (const server::Model* model : models) {
      if (model->name == name) return *model;
    }
  }
  throw std::invalid_argument("no model " + std::string(name));
}

std::string name_of_model(const ::testing::TestParamInfo<const server::Model*>& info) {
  std::string name{info.param->name};
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(echo_threads, EveryModel, ::testing::ValuesIn(echo_threads::models()),
                         name_of_model);
INSTANTIATE_TEST_SUITE_P(echo_async, EveryModel, ::testing::ValuesIn(echo_async::models()),
                         name_of_model);

void EveryModel::SetUpTestSuite() {
  std::thread([] {}).join();  // the thread sanitizer starts its own thread with the first one
}

void EveryModel::SetUp() {
  descriptors_before_ = entries_in("/proc/self/fd");
  threads_before_ = entries_in("/proc/self/task");
}

void EveryModel::TearDown() {
  if (!harness_) return;
  ASSERT_TRUE(harness_->stop() || harness_->ends_within(patience))
      << "serves even after a forced stop";
  EXPECT_EQ(harness_->complaint(), "");

  const server::Counters& counters = harness_->counters();
  EXPECT_EQ(counters.accepted(), counters.closed() + counters.open());
  // The law alone holds modulo 2^64: a connection that is closed twice would satisfy it.
  EXPECT_LE(counters.closed(), counters.accepted());
  EXPECT_LE(counters.open(), counters.max_open());

  harness_.reset();
  EXPECT_EQ(entries_in("/proc/self/fd"), descriptors_before_) << "descriptors leak";
  // pthread_join returns shortly before the task leaves /proc.
  EXPECT_TRUE(eventually([&] { return entries_in("/proc/self/task") <= threads_before_; }))
      << "threads are left behind";
  EXPECT_TRUE(offspring().empty()) << "children are left behind";
}

Harness& EveryModel::listen(const server::ServerOptions& options) {
  harness_ = std::make_unique<Harness>(*GetParam(), options);
  return *harness_;
}

Harness& EveryModel::serve(const server::ServerOptions& options) {
  listen(options).serve();
  return *harness_;
}

std::vector<Peer> EveryModel::connect_served(std::uint32_t count, Buffers buffers) {
  std::vector<Peer> peers;
  for (std::uint32_t i = 0; i < count; ++i) {
    peers.push_back(connect(buffers));
    EXPECT_TRUE(echoes(peers.back(), payload_, {i, 0}));
  }
  return peers;
}

}  // namespace conformance
