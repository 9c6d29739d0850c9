#include "tests/faults/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace faults {
namespace {

constexpr int ready_fd = 9;

echo::Descriptor file_in_memory(const char* name) {
  echo::Descriptor file{::memfd_create(name, MFD_CLOEXEC)};
  if (!file) throw std::system_error(errno, std::generic_category(), "memfd_create");
  return file;
}

nanoseconds time_of(const timeval& time) {
  return seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
}

std::string text_in(const echo::Descriptor& file) {
  std::string text;
  char piece[4096];
  ssize_t count = 0;
  while ((count = ::pread(file.get(), piece, sizeof piece, static_cast<off_t>(text.size()))) > 0) {
    text.append(piece, static_cast<std::size_t>(count));
  }
  return text;
}

std::pair<echo::Descriptor, echo::Descriptor> open_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe2");
  }
  return {echo::Descriptor{ends[0]}, echo::Descriptor{ends[1]}};
}

Words arguments() {
  return {"--port", "0", "--ready-fd", std::to_string(ready_fd)};
}

}  // namespace

void become(int descriptor, int number) {
  ::dup2(descriptor, number);
  ::fcntl(number, F_SETFD, 0);
}

Program::Program(const std::string& name, const Words& arguments, const Setup& setup)
    : out_(file_in_memory("stdout")), err_(file_in_memory("stderr")) {
  const std::string path = std::filesystem::path(TESTBED_BIN_DIR) / name;
  Words words{path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  begun_ = std::chrono::steady_clock::now();
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ > 0) return;
  ::setsid();
  ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
  ::dup2(out_.get(), STDOUT_FILENO);
  ::dup2(err_.get(), STDERR_FILENO);
  if (setup) setup();
  ::execv(path.c_str(), argv.data());
  ::_exit(127);
}

Program::~Program() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Program::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);  // -1 would stand for every process
}

void Program::stop() const {
  signal(SIGSTOP);
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WEXITED | WNOWAIT) != 0)
    throw std::system_error(errno, std::generic_category(), "waitid");
}

bool Program::prints(std::string_view text) const {
  return eventually([&] { return text_in(err_).find(text) != std::string::npos; });
}

std::string Program::errors() const {
  return text_in(err_);
}

Ended Program::end() {
  Ended ended;
  int status = 0;
  rusage usage{};
  const nanoseconds away = time_away();
  if (!eventually([&] { return ::wait4(pid_, &status, WNOHANG, &usage) == pid_; })) {
    ::kill(pid_, SIGKILL);
    ::wait4(pid_, &status, 0, &usage);
  }
  pid_ = -1;
  ended.took = std::chrono::steady_clock::now() - begun_ - (time_away() - away);
  ended.cpu = time_of(usage.ru_utime) + time_of(usage.ru_stime);
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  ended.out = text_in(out_);
  ended.err = text_in(err_);
  return ended;
}

Server::Server()
    : pipe_(open_pipe()),
      program_("echo_threads", arguments(), [this] { become(pipe_.second.get(), ready_fd); }) {
  pipe_.second.reset();
  char digits[16] = {};
  pollfd entry{pipe_.first.get(), POLLIN, 0};
  ::poll(&entry, 1, static_cast<int>(milliseconds{patience}.count()));
  const ssize_t count = ::read(pipe_.first.get(), digits, sizeof digits);
  if (count < 2) throw std::runtime_error("echo_threads does not listen: " + program_.end().err);
  port_ = static_cast<std::uint16_t>(std::stoul(digits));
}

std::string Server::target() const {
  return "127.0.0.1:" + std::to_string(port_);
}

}  // namespace faults
