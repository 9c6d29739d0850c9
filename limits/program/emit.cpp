#include "limits/program/emit.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "limits/lift.hpp"
#include "limits/quantity.hpp"
#include "limits/saturating.hpp"

namespace limits {
namespace {

/// A row of the preflight, and the sysctl behind it.
struct Sysctl {
  std::string_view row;
  std::string_view name;
};
constexpr std::array sysctls{Sysctl{"open files, machine", "fs.file-max"},
                             Sysctl{"epoll watches, user", "fs.epoll.max_user_watches"},
                             Sysctl{"process ids", "kernel.pid_max"},
                             Sysctl{"threads, machine", "kernel.threads-max"},
                             Sysctl{"memory maps", "vm.max_map_count"},
                             Sysctl{"listen backlog", "net.core.somaxconn"},
                             Sysctl{"tracked connections", "net.netfilter.nf_conntrack_max"},
                             Sysctl{"TCP memory, pages", "net.ipv4.tcp_mem"},
                             Sysctl{"local ports", "net.ipv4.ip_local_port_range"}};

const Verdict* row_named(const std::vector<Verdict>& verdicts, std::string_view name) {
  const auto found = std::find_if(verdicts.begin(), verdicts.end(),
                                  [&](const Verdict& row) { return row.name == name; });
  return found == verdicts.end() ? nullptr : &*found;
}

std::uint64_t need_of(const std::vector<Verdict>& verdicts, std::string_view name) {
  const Verdict* row = row_named(verdicts, name);
  return row == nullptr ? 0 : row->need;
}

/// "NAME = VALUE" from "sudo sysctl -w NAME='VALUE'". Only lift.cpp makes the commands; the setting
/// is read from the command, so that the two agree.
std::string setting_in(const std::string& lift) {
  constexpr std::string_view command = "sysctl -w ";
  const std::size_t at = lift.find(command);
  if (at == std::string::npos) return "";
  std::string setting = lift.substr(at + command.size());
  setting.erase(std::remove(setting.begin(), setting.end(), '\''), setting.end());
  const std::size_t equals = setting.find('=');
  return setting.substr(0, equals) + " = " + setting.substr(equals + 1);
}

/// fs.nr_open bounds every RLIMIT_NOFILE.
std::string nr_open_line(const std::vector<Verdict>& verdicts, const Ceilings& ceilings) {
  const std::uint64_t need = need_of(verdicts, "open files");
  if (!ceilings.nr_open)
    return "# fs.nr_open could not be read; needed: " + std::to_string(need) + "\n";
  const std::string have = std::to_string(ceilings.nr_open->value);
  if (ceilings.nr_open->value >= need) {
    return "# fs.nr_open = " + have + " suffices (needed: " + std::to_string(need) + ")\n";
  }
  const std::string setting = setting_in(Lift{}.sysctl("fs.nr_open", need));
  if (!setting.empty()) return setting + "\n";
  return "# fs.nr_open: needed " + std::to_string(need) + ", more than the kernel accepts\n";
}

std::string sysctl_line(const Sysctl& sysctl, const Verdict& row) {
  if (const std::string setting = setting_in(row.lift); !setting.empty()) return setting + "\n";
  std::string line = "# " + std::string(sysctl.name);
  if (row.status == Status::unknown) return line + " could not be read\n";
  if (row.status == Status::ok) {
    line += " suffices";
    if (row.have) line += ": " + format_count(*row.have) + " left";
    if (row.name == "local ports") line += " over all source addresses";
    return line + " (needed: " + format_count(row.need) + ")\n";
  }
  if (!row.lift.empty()) return line + ": instead, " + row.lift + "\n";
  return line + ": needed " + format_count(row.need) + ", more than the kernel accepts\n";
}

std::string header(const Question& question, std::string_view where) {
  return "# " + format_count(question.connections) +
         (question.connections == 1 ? " connection, " : " connections, ") + question.who + "\n# " +
         std::string(where) + "\n";
}

/// Whether a file of this kind has a setting for the row.
bool covers(EmitTo where, const Verdict& row) {
  if (where == EmitTo::sysctl_d) return !setting_in(row.lift).empty();
  const bool in_both = row.name == "user processes" || row.name == "address space" ||
                       row.name == "data segment" ||
                       (row.name == "open files" && setting_in(row.lift).empty());
  const bool of_unit = row.name == "cgroup tasks" || row.name == "cgroup memory";
  return in_both || (where == EmitTo::systemd && of_unit);
}

/// The limits that are too low and that this file does not lift.
std::string other_lines(EmitTo where, const std::vector<Verdict>& verdicts) {
  std::string text;
  for (const Verdict& row : verdicts) {
    if (row.status != Status::short_ || covers(where, row)) continue;
    text +=
        (row.lift.empty() ? "# cannot be lifted: " : "# needed too: ") + refusal_line(row) + "\n";
  }
  return text;
}

/// A limit in bytes that is too low here, as "NAME" + its need in units of `unit` bytes.
std::string bytes_line(const std::vector<Verdict>& verdicts, std::string_view row_name,
                       const std::string& setting, std::uint64_t unit) {
  const Verdict* row = row_named(verdicts, row_name);
  if (row == nullptr || row->status != Status::short_) return "";
  return setting + std::to_string(row->need / unit + (row->need % unit != 0 ? 1 : 0)) + "\n";
}

/// RLIMIT_NPROC counts what the user runs already.
std::string processes_of_user(const std::vector<Verdict>& verdicts, const Ceilings& ceilings) {
  return std::to_string(saturating_add(need_of(verdicts, "process ids"), ceilings.processes_used));
}

std::string systemd(const Question& question, const std::vector<Verdict>& verdicts,
                    const Ceilings& ceilings) {
  return header(question, "in a unit: systemctl edit NAME.service") +
         "[Service]\nLimitNOFILE=" + std::to_string(need_of(verdicts, "open files")) +
         "\nLimitNPROC=" + processes_of_user(verdicts, ceilings) +
         "\nTasksMax=" + std::to_string(need_of(verdicts, "process ids")) + "\n" +
         bytes_line(verdicts, "address space", "LimitAS=", 1) +
         bytes_line(verdicts, "data segment", "LimitDATA=", 1) +
         bytes_line(verdicts, "cgroup memory", "MemoryMax=", 1);
}

/// The wildcard does not include root (limits.conf(5)). RLIMIT_NPROC does not apply to root.
std::string limits_d(const Question& question, const std::vector<Verdict>& verdicts,
                     const Ceilings& ceilings) {
  const std::string files = std::to_string(need_of(verdicts, "open files"));
  const std::string tasks = processes_of_user(verdicts, ceilings);
  std::string text = header(
      question, "/etc/security/limits.d/90-echo-testbed.conf; in force from the next login on");
  for (const char* who : {"*", "root"}) {
    for (const char* kind : {"soft", "hard"}) {
      text += std::string(who) + " " + kind + " nofile " + files + "\n";
    }
  }
  for (const char* kind : {"soft", "hard"})
    text += std::string("* ") + kind + " nproc " + tasks + "\n";
  constexpr std::uint64_t kib = 1024;  // the unit of as and data
  return text + bytes_line(verdicts, "address space", "* - as ", kib) +
         bytes_line(verdicts, "data segment", "* - data ", kib);
}

std::string sysctl_d(const Question& question, const std::vector<Verdict>& verdicts,
                     const Ceilings& ceilings) {
  std::string text =
      header(question, "/etc/sysctl.d/90-echo-testbed.conf; in force after sysctl --system");
  text += nr_open_line(verdicts, ceilings);
  for (const Sysctl& sysctl : sysctls) {
    const Verdict* row = row_named(verdicts, sysctl.row);
    if (row != nullptr) text += sysctl_line(sysctl, *row);
  }
  return text;
}

}  // namespace

std::string emit(EmitTo where, const Question& question, const std::vector<Verdict>& verdicts,
                 const Ceilings& ceilings) {
  const std::string lines = where == EmitTo::systemd    ? systemd(question, verdicts, ceilings)
                            : where == EmitTo::limits_d ? limits_d(question, verdicts, ceilings)
                                                        : sysctl_d(question, verdicts, ceilings);
  return lines + other_lines(where, verdicts);
}

bool has_unliftable(const std::vector<Verdict>& verdicts) {
  return std::any_of(verdicts.begin(), verdicts.end(), [](const Verdict& row) {
    return row.status == Status::short_ && row.lift.empty();
  });
}

}  // namespace limits
