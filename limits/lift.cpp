// Commands that lift limits; see lift.hpp.
#include "limits/lift.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "limits/saturating.hpp"

namespace limits {
namespace {

/// The names of an rlimit in bash's ulimit and in prlimit(1). ulimit counts sizes in KiB.
struct Names {
  char flag;
  const char* option;
  const char* docker;
  std::uint64_t unit;
};
constexpr Names open_files_names{'n', "nofile", "nofile", 1};
constexpr Names processes_names{'u', "nproc", "nproc", 1};
constexpr Names address_space_names{'v', "as", "as", 1024};
constexpr Names data_names{'d', "data", "data", 1024};

/// The largest value that the kernel accepts for a sysctl, where it is below 2^64.
struct Most {
  std::string_view name;
  std::uint64_t value;
};
constexpr std::array highest{
    Most{"kernel.pid_max", 4'194'304},          // PID_MAX_LIMIT, 64-bit
    Most{"kernel.threads-max", 1'073'741'823},  // FUTEX_TID_MASK
    Most{"vm.max_map_count", 2'147'483'647},
    Most{"fs.nr_open", 2'147'483'584},  // INT_MAX rounded down to BITS_PER_LONG
    Most{"fs.file-max", 9'223'372'036'854'775'807},
    Most{"fs.epoll.max_user_watches", 9'223'372'036'854'775'807},
    Most{"net.netfilter.nf_conntrack_max", 2'147'483'647},
};

std::uint64_t most_of(std::string_view name) {
  const auto found = std::find_if(highest.begin(), highest.end(),
                                  [&](const Most& most) { return most.name == name; });
  return found == highest.end() ? unlimited : found->value;
}

std::uint64_t with_spare(std::uint64_t value) {
  const std::uint64_t roomy = saturating_add(value, value / 16);
  return saturating_multiply(saturating_add(roomy, 999) / 1000, 1000);
}

std::string ulimit(const Names& names, std::uint64_t needed, const char* dash = "ulimit -") {
  const std::uint64_t amount = needed / names.unit + (needed % names.unit != 0 ? 1 : 0);
  return std::string(dash) + names.flag + " " + std::to_string(amount);
}

/// The command that passes the hard limit. `$$` is the shell in which the line is typed; the
/// programs that it starts inherit the limit.
std::string past_hard(const Lift& lift, const Names& names, std::uint64_t needed) {
  std::string plain = ulimit(names, needed);
  if (lift.can_raise_hard) return plain;
  const std::string amount = std::to_string(needed);
  if (!lift.root) {
    return std::string("sudo prlimit --pid $$ --") + names.option + "=" + amount + " && " + plain;
  }
  // Root without CAP_SYS_RESOURCE: the limit must be raised before the container or login starts.
  return plain + " before this container or login shell starts (docker run --ulimit " +
         names.docker + "=" + amount + ")";
}

std::string raise(const Lift& lift, const Names& names, std::uint64_t needed, std::uint64_t hard) {
  if (needed > hard) return past_hard(lift, names, needed);
  return ulimit(names, needed, "ulimit -S");  // the soft limit only: the hard one stays
}

std::string as_root(bool root, const std::string& command) {
  return root ? command : "sudo " + command;
}

}  // namespace

std::string Lift::open_files(std::uint64_t needed, std::uint64_t hard) const {
  if (needed > most_of("fs.nr_open")) return "";
  const bool new_shell_may = ancestors_open_files == 0 || ancestors_open_files >= needed;
  if (needed > hard && !can_raise_hard && new_shell_may) {
    return ulimit(open_files_names, needed) + " in a new shell";
  }
  return raise(*this, open_files_names, needed, hard);
}

std::string Lift::processes(std::uint64_t needed, std::uint64_t hard) const {
  return raise(*this, processes_names, needed, hard);
}

std::string Lift::address_space(std::uint64_t needed, std::uint64_t hard) const {
  return raise(*this, address_space_names, needed, hard);
}

std::string Lift::data(std::uint64_t needed, std::uint64_t hard) const {
  return raise(*this, data_names, needed, hard);
}

std::string Lift::sysctl(const std::string& name, std::uint64_t needed) const {
  if (needed > most_of(name)) return "";
  return as_root(root, "sysctl -w " + name + "=" + std::to_string(needed));
}

std::string Lift::shared_sysctl(const std::string& name, std::uint64_t needed) const {
  if (needed > most_of(name)) return "";
  return sysctl(name, std::min(with_spare(needed), most_of(name)));
}

std::string Lift::tcp_pages(std::uint64_t needed) const {
  // As the kernel sets them when it starts: pressure at two thirds of the limit, none below a half.
  const std::uint64_t most = with_spare(needed);
  return as_root(root, "sysctl -w net.ipv4.tcp_mem='" + std::to_string(most / 2) + " " +
                           std::to_string(most / 3 * 2) + " " + std::to_string(most) + "'");
}

std::string Lift::write(std::uint64_t needed, const std::string& path) const {
  const std::string echo = "echo " + std::to_string(with_spare(needed));
  return root ? echo + " > " + path : echo + " | sudo tee " + path;
}

std::string Lift::unlimit_cpu(const std::string& path) const {
  const std::string echo = path.ends_with("cpu.max") ? "echo max" : "echo -1";
  return root ? echo + " > " + path : echo + " | sudo tee " + path;
}

std::string Lift::ports(const Demand& client, const PortRange& range) const {
  constexpr PortRange widest{1024, 65535};
  if (range.count() < widest.count() &&
      client.connections <= saturating_multiply(client.sources, widest.count() / 2)) {
    return as_root(root, "sysctl -w net.ipv4.ip_local_port_range='1024 65535'");
  }
  const std::uint64_t half = std::max<std::uint64_t>(range.count() / 2, 1);
  const std::uint64_t sources =
      client.connections / half + (client.connections % half != 0 ? 1 : 0);
  return "client --source with " + std::to_string(sources) + " addresses (ADDR,ADDR,.. or a CIDR)";
}

std::string Lift::backlog(std::uint64_t needed, std::uint64_t backlog,
                          std::uint64_t somaxconn) const {
  if (somaxconn < needed) return sysctl("net.core.somaxconn", needed);
  return backlog < needed ? "--backlog " + std::to_string(needed) : "";
}

}  // namespace limits
