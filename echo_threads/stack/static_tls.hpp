// Removes the room that the dynamic linker reserves on every thread's stack.
//
// A thread's stack begins with its thread-local storage. glibc adds a surplus there for libraries
// that dlopen(3) may load: some 1.5 KiB, which moves the first frames of each thread beyond the
// first page. Two tunables remove it (ld.so --list-tunables), but they are read only when a program
// starts, so the program has to start again.
#pragma once

namespace echo_threads {

/// Executes this program again with the same arguments and without the surplus, unless
/// GLIBC_TUNABLES is set so already. Call it before any thread is started. The process and its
/// descriptors stay the same. Throws std::system_error when the program cannot be executed.
void start_again_without_tls_surplus();

}  // namespace echo_threads
