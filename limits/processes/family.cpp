#include "limits/processes/family.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "limits/proc_text.hpp"

namespace limits {
namespace {

/// The parent in the text of /proc/PID/stat. The name before it may contain any character, also
/// ')'.
std::optional<pid_t> parent_in(std::string_view stat) {
  const std::size_t close = stat.rfind(')');
  if (close == std::string_view::npos) return std::nullopt;
  stat.remove_prefix(close + 1);
  next_word(stat);  // its state
  const auto parent = leading_number(stat);
  return parent ? std::optional(static_cast<pid_t>(*parent)) : std::nullopt;
}

std::multimap<pid_t, pid_t> children_by_parent(const std::filesystem::path& root) {
  std::multimap<pid_t, pid_t> children;
  std::error_code error;  // a process may end meanwhile
  for (std::filesystem::directory_iterator entry(root / "proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    pid_t pid = 0;
    const auto [last, wrong] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (wrong != std::errc{} || last != name.data() + name.size()) continue;
    const auto text = read_text(entry->path() / "stat");
    const auto parent = text ? parent_in(*text) : std::nullopt;
    if (parent) children.emplace(*parent, pid);
  }
  return children;
}

}  // namespace

std::vector<pid_t> with_descendants(const std::vector<pid_t>& pids,
                                    const std::filesystem::path& root) {
  if (pids.empty()) return {};
  const std::multimap<pid_t, pid_t> children = children_by_parent(root);
  std::vector<pid_t> sorted = pids;
  std::sort(sorted.begin(), sorted.end());
  std::vector<pid_t> family = pids;
  for (std::size_t i = 0; i < family.size(); ++i) {
    const auto [first, last] = children.equal_range(family[i]);
    for (auto child = first; child != last; ++child) {
      if (!std::binary_search(sorted.begin(), sorted.end(), child->second))
        family.push_back(child->second);
    }
  }
  std::sort(family.begin(), family.end());
  return family;
}

}  // namespace limits
