// --emit: the settings that N connections need, as lines to paste into a configuration file.
#pragma once

#include <string>
#include <vector>

#include "limits/preflight.hpp"
#include "limits/program/present.hpp"

namespace limits {

enum class EmitTo {
  systemd,   ///< [Service] of a unit: systemd.exec(5), systemd.resource-control(5)
  limits_d,  ///< /etc/security/limits.d: limits.conf(5)
  sysctl_d   ///< /etc/sysctl.d: sysctl.d(5)
};

/// Limits per process are always written, because a unit or a login does not have those of this
/// shell. Settings of the machine are written where they do not suffice; the others are comments
/// with their values. A limit that is too low and that this file does not lift is a comment with
/// the command that does, or that nothing does.
std::string emit(EmitTo where, const Question& question, const std::vector<Verdict>& verdicts,
                 const Ceilings& ceilings);

/// Whether a limit is too low and nothing lifts it.
bool has_unliftable(const std::vector<Verdict>& verdicts);

}  // namespace limits
