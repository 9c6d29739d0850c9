#include "echo/output/result_writer.hpp"

#include <unistd.h>

#include <cerrno>

namespace echo {
namespace {

constexpr std::chrono::seconds idle{1};
constexpr std::chrono::seconds total{10};

}  // namespace

Patience ResultWriter::patience_for(const Output& output) const {
  return output.is_stdout() ? for_stdout() : for_pipe();
}

Patience ResultWriter::for_stdout() const {
  if (stop_ == nullptr) return endless;
  if (stop_->draining()) return for_pipe();
  return {endless.idle, endless.total, stop_->drain_fd()};
}

Patience ResultWriter::for_pipe() const {
  if (stop_ == nullptr || stop_->forced()) return {idle, total};
  return {idle, total, stop_->draining() ? stop_->force_fd() : stop_->drain_fd()};
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
