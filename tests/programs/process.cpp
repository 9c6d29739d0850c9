#include "tests/programs/process.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "echo/socket.hpp"

namespace programs {
namespace {

constexpr int patience_ms = 30'000;

struct Pipe {
  echo::Descriptor read, write;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      throw std::system_error(errno, std::generic_category(), "pipe");
    read.reset(ends[0]);
    write.reset(ends[1]);
  }
};

/// Appends what can be read; returns false at the end.
bool read_more(int fd, std::string& text) {
  std::array<char, 4096> buffer;
  const ssize_t received = ::read(fd, buffer.data(), buffer.size());
  if (received > 0) text.append(buffer.data(), static_cast<std::size_t>(received));
  return received > 0;
}

bool readable(int fd, int timeout_ms) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, timeout_ms) == 1;
}

[[noreturn]] void become(std::vector<std::string>& words, int out, int err, Stdout mode,
                         const std::function<void()>& prepare) {
  ::dup2(err, STDERR_FILENO);
  if (mode == Stdout::closed) {
    ::close(STDOUT_FILENO);
  } else {
    ::dup2(mode == Stdout::full ? ::open("/dev/full", O_WRONLY) : out, STDOUT_FILENO);
  }
  if (prepare) prepare();
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string path = std::filesystem::path(TESTBED_BIN_DIR) / words.front();
  ::execv(path.c_str(), argv.data());
  ::_exit(127);
}

}  // namespace

Process::Process(std::vector<std::string> words, Stdout out, const std::function<void()>& prepare) {
  Pipe to_out;
  Pipe to_err;
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) become(words, to_out.write.get(), to_err.write.get(), out, prepare);
  out_ = std::move(to_out.read);
  err_ = std::move(to_err.read);
}

Process::~Process() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Process::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);  // -1 would stand for every process
}

void Process::stop() const {
  signal(SIGSTOP);
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WEXITED | WNOWAIT) != 0)
    throw std::system_error(errno, std::generic_category(), "waitid");
}

bool Process::ends_within(int milliseconds) const {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds{milliseconds};
  for (;;) {
    siginfo_t info{};
    const int error = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    if (error != 0 || info.si_pid != 0) return true;
    if (Clock::now() >= deadline) return false;
    ::poll(nullptr, 0, 1);
  }
}

std::string Process::next_error_line() {
  for (;;) {
    const std::size_t end = err_seen_.find('\n', err_taken_);
    if (end != std::string::npos) {
      const std::string line = err_seen_.substr(err_taken_, end - err_taken_);
      err_taken_ = end + 1;
      return line;
    }
    if (!readable(err_.get(), patience_ms) || !read_more(err_.get(), err_seen_)) return "";
  }
}

Ended Process::wait() {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds{patience_ms};
  Ended ended;
  pollfd entries[2] = {{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}};
  while (entries[0].fd >= 0 || entries[1].fd >= 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0 || ::poll(entries, 2, static_cast<int>(left)) == 0) {
      ::kill(pid_, SIGKILL);
      ended.err += "(killed: it took too long)";
      break;
    }
    if (entries[0].revents != 0 && !read_more(out_.get(), ended.out)) entries[0].fd = -1;
    if (entries[1].revents != 0 && !read_more(err_.get(), err_seen_)) entries[1].fd = -1;
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ended.err.insert(0, err_seen_.substr(err_taken_));
  return ended;
}

Ended run(std::vector<std::string> words, Stdout out, const std::function<void()>& prepare) {
  return Process{std::move(words), out, prepare}.wait();
}

namespace {

std::vector<std::string> on_any_port(std::vector<std::string> words) {
  words.insert(words.end(), {"-p", "0"});
  return words;
}

}  // namespace

RunningServer::RunningServer(std::vector<std::string> words, Stdout out,
                             const std::function<void()>& prepare)
    : process_(on_any_port(std::move(words)), out, prepare) {
  const std::string line = process_.next_error_line();
  const std::size_t colon = line.find(':');
  if (!line.starts_with("listening 127.0.0.1:")) throw std::runtime_error("not listening: " + line);
  std::from_chars(line.data() + colon + 1, line.data() + line.size(), port_);
}

echo::Descriptor RunningServer::open(int receive_buffer) const {
  const echo::Endpoint where = echo::resolve("127.0.0.1", port_).front();
  echo::Descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (receive_buffer > 0) {  // before connecting: an advertised window is not reduced
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  if (::connect(socket.get(), where.data(), where.size()) != 0) socket.reset();
  return socket;
}

bool RunningServer::echoes_one_byte(int fd) {
  char byte = 'x';
  return ::send(fd, &byte, 1, MSG_NOSIGNAL) == 1 && readable(fd, patience_ms) &&
         ::recv(fd, &byte, 1, 0) == 1;
}

echo::Descriptor RunningServer::connect() const {
  echo::Descriptor socket = open(0);
  if (!echoes_one_byte(socket.get())) throw std::runtime_error("no echo");
  return socket;
}

void allow_few_descriptors() {
  ::prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE);  // otherwise root would raise the limit again
  const rlimit few{256, 256};
  ::setrlimit(RLIMIT_NOFILE, &few);
}

void forbid(unsigned call, unsigned error) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{static_cast<unsigned short>(std::size(code)), code};
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

echo::Descriptor RunningServer::connect_and_never_read() const {
  constexpr int quiet_ms = 500;
  static constexpr std::array<char, 65536> bytes{};
  echo::Descriptor socket = open(16 * 1024);
  for (;;) {
    pollfd entry{socket.get(), POLLOUT, 0};
    if (::poll(&entry, 1, quiet_ms) != 1) return socket;
    ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
}

bool RunningServer::drains() const {
  for (int waited_ms = 0; waited_ms < patience_ms; ++waited_ms) {
    if (!open(0)) return true;
    ::poll(nullptr, 0, 1);
  }
  return false;
}

}  // namespace programs
