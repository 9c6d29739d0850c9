#include "echo_threads/stack/static_tls.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

namespace echo_threads {
namespace {

constexpr const char* variable = "GLIBC_TUNABLES";
constexpr const char* no_surplus = "glibc.rtld.nns=1:glibc.rtld.optional_static_tls=0";

std::vector<std::string> arguments() {
  std::ifstream file{"/proc/self/cmdline", std::ios::binary};
  std::vector<std::string> arguments;
  for (std::string one; std::getline(file, one, '\0');) arguments.push_back(one);
  return arguments;
}

}  // namespace

void start_again_without_tls_surplus() {
  const char* set = std::getenv(variable);
  const std::string before = set != nullptr ? set : "";
  if (before.find(no_surplus) != std::string::npos) return;
  ::setenv(variable, (before.empty() ? no_surplus : before + ":" + no_surplus).c_str(), 1);
  std::vector<std::string> words = arguments();
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // Resolved first: ps(1) would show a program executed as "/proc/self/exe" as "exe".
  const std::string program = std::filesystem::read_symlink("/proc/self/exe");
  ::execv(program.c_str(), argv.data());
  throw std::system_error(errno, std::generic_category(), program);
}

}  // namespace echo_threads
