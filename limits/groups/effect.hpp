// What shows when a limit is reached, and who may lift it.
//
// pthread_create(3) reports EAGAIN for nearly all of its causes, and the accept queue reports
// nothing: the symptom alone does not name the limit, but a limit names its symptom.
#pragma once

#include "limits/preflight.hpp"

namespace limits {

/// Sets `symptom` and `who` by the row's name; a name that is not known gets neither.
void add_effect(Verdict& verdict);

}  // namespace limits
