// Outputs that take nothing: a full pipe, and a terminal after Ctrl-S.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>

#include "echo/descriptor.hpp"
#include "tests/faults/bounds.hpp"
#include "tests/faults/program.hpp"

namespace faults {

/// An output that takes nothing until read() or resume().
class Stall {
 public:
  virtual ~Stall() = default;
  /// Makes it the descriptor `number` of a program: for Program::Setup.
  void become(int number) const { faults::become(program_end_.get(), number); }
  /// The status flags of the description that it shares with a program.
  [[nodiscard]] int flags() const { return ::fcntl(program_end_.get(), F_GETFL); }
  /// Lets it take what comes, as far as it is read.
  virtual void resume() = 0;
  /// What has come until `text` is in it, or until the end of the patience.
  std::string read_until(const std::string& text) {
    std::string all;
    std::array<char, 65536> piece{};
    eventually([&] {
      pollfd entry{own_end_.get(), POLLIN, 0};
      while (::poll(&entry, 1, 0) == 1 && (entry.revents & POLLIN) != 0) {
        const ssize_t count = ::read(own_end_.get(), piece.data(), piece.size());
        if (count <= 0) break;
        all.append(piece.data(), static_cast<std::size_t>(count));
      }
      return all.find(text) != std::string::npos;
    });
    return all;
  }

 protected:
  echo::Descriptor own_end_, program_end_;
};

class FullPipe : public Stall {
 public:
  FullPipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    own_end_.reset(ends[0]);
    program_end_.reset(ends[1]);
    ::fcntl(ends[1], F_SETPIPE_SZ, 4096);
    ::fcntl(ends[1], F_SETFL, O_WRONLY | O_NONBLOCK);
    const std::string filler(4096, '.');
    while (::write(ends[1], filler.data(), filler.size()) > 0) {
    }
    ::fcntl(ends[1], F_SETFL, O_WRONLY);  // as a shell leaves it
  }
  void resume() override {}  // reading is enough
};

class StoppedTerminal : public Stall {
 public:
  StoppedTerminal() {
    own_end_.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!own_end_ || ::grantpt(own_end_.get()) != 0 || ::unlockpt(own_end_.get()) != 0)
      throw std::runtime_error("posix_openpt");
    program_end_.reset(::open(::ptsname(own_end_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!program_end_) throw std::runtime_error("open the terminal");
    ::tcflow(program_end_.get(), TCOOFF);  // what Ctrl-S does
  }
  void resume() override { ::tcflow(program_end_.get(), TCOON); }
};

/// A Stall of this kind, for tables of cases.
template <typename Kind>
std::unique_ptr<Stall> made() {
  return std::make_unique<Kind>();
}

}  // namespace faults
