#include "echo/output/result_writer.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace echo {
namespace {

constexpr std::chrono::seconds idle{1};

}  // namespace

void ResultWriter::complete_by(Clock::time_point end) {
  time_left_ = std::clamp<std::chrono::nanoseconds>(end - Clock::now(), least_time, longest_time);
}

Patience ResultWriter::patience_for(const Output& output) {
  if (output.is_stdout()) return for_stdout();
  const Patience patience = for_pipe();
  waits_for_reader_ = output.has_reader();
  return patience;
}

Patience ResultWriter::for_stdout() {
  if (stop_ == nullptr) return endless;
  if (stop_->draining()) return for_pipe();
  return {endless.idle, endless.total, stop_->drain_fd()};
}

Patience ResultWriter::for_pipe() {
  waits_for_reader_ = true;
  if (stop_ == nullptr || stop_->forced()) return {idle, time_left_};
  return {idle, time_left_, stop_->draining() ? stop_->force_fd() : stop_->drain_fd()};
}

Patience ResultWriter::patience_for_program() {
  waits_for_reader_ = true;
  if (stop_ == nullptr || stop_->forced()) return {idle, time_left_};
  return {idle, time_left_, stop_->force_fd()};
}

void ResultWriter::take_off(std::chrono::nanoseconds waited) {
  time_left_ = std::max(time_left_ - waited, std::chrono::nanoseconds{0});
}

void ResultWriter::write_text(std::string_view text) {
  attempt([&] {
    if (!Writer::to_shared(STDOUT_FILENO).write_all(text, for_stdout()))
      fail_to_write("stdout", errno);
  });
}

void ResultWriter::keep(const Exit& failure) {
  const bool signalled = signals_ != nullptr && signals_->signal() != 0 && !is_stopped_;
  interrupted_ = interrupted_ || signalled || failure.code() == exit_signal;
  if (!failure_) failure_ = failure;
}

int ResultWriter::code() const {
  if (code_ >= exit_signal || !failure_) return code_;
  if (interrupted_ && signals_ != nullptr) return exit_signal + signals_->signal();
  return exit_internal;
}

int ResultWriter::finish() const {
  if (!failure_) return code_;
  throw Exit(code(), failure_->what());
}

}  // namespace echo
