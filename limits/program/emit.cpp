#include "limits/program/emit.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

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
                             Sysctl{"process ids", "kernel.pid_max"},
                             Sysctl{"threads, machine", "kernel.threads-max"},
                             Sysctl{"memory maps", "vm.max_map_count"},
                             Sysctl{"listen backlog", "net.core.somaxconn"},
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
  return "fs.nr_open = " + std::to_string(need) + "\n";
}

std::string sysctl_line(const Sysctl& sysctl, const Verdict& row) {
  if (const std::string setting = setting_in(row.lift); !setting.empty()) return setting + "\n";
  std::string line = "# " + std::string(sysctl.name);
  if (row.status == Status::unknown) return line + " could not be read\n";
  if (row.status == Status::ok) {
    line += " suffices";
    if (row.have) line += ": " + format_count(*row.have) + " left";
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

/// The limits that are too low and that no setting lifts.
std::string unliftable_lines(const std::vector<Verdict>& verdicts) {
  std::string text;
  for (const Verdict& row : verdicts) {
    if (row.status != Status::short_ || !row.lift.empty()) continue;
    text += "# cannot be lifted: " + refusal_line(row) + "\n";
  }
  return text;
}

std::string systemd(const Question& question, const std::vector<Verdict>& verdicts) {
  const std::string tasks = std::to_string(need_of(verdicts, "process ids"));
  return header(question, "in a unit: systemctl edit NAME.service") +
         "[Service]\nLimitNOFILE=" + std::to_string(need_of(verdicts, "open files")) +
         "\nLimitNPROC=" + tasks + "\nTasksMax=" + tasks + "\n";
}

/// The wildcard does not include root (limits.conf(5)). RLIMIT_NPROC does not apply to root.
std::string limits_d(const Question& question, const std::vector<Verdict>& verdicts,
                     const Ceilings& ceilings) {
  const std::string files = std::to_string(need_of(verdicts, "open files"));
  const std::string tasks =
      std::to_string(saturating_add(need_of(verdicts, "process ids"), ceilings.processes_used));
  std::string text = header(
      question, "/etc/security/limits.d/90-echo-testbed.conf; in force from the next login on");
  for (const char* who : {"*", "root"}) {
    for (const char* kind : {"soft", "hard"}) {
      text += std::string(who) + " " + kind + " nofile " + files + "\n";
    }
  }
  for (const char* kind : {"soft", "hard"})
    text += std::string("* ") + kind + " nproc " + tasks + "\n";
  return text;
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
  const std::string lines = where == EmitTo::systemd    ? systemd(question, verdicts)
                            : where == EmitTo::limits_d ? limits_d(question, verdicts, ceilings)
                                                        : sysctl_d(question, verdicts, ceilings);
  return lines + unliftable_lines(verdicts);
}

bool has_unliftable(const std::vector<Verdict>& verdicts) {
  return std::any_of(verdicts.begin(), verdicts.end(), [](const Verdict& row) {
    return row.status == Status::short_ && row.lift.empty();
  });
}

}  // namespace limits
