// Room that the dynamic linker keeps on every thread's stack, and a way to do without it.
//
// A thread's stack begins with its thread-local storage, and glibc adds a surplus there for
// libraries that dlopen(3) may bring: some 1.5 KiB, which pushes the first frames of each thread
// over the end of the first page. Two tunables take it away (ld.so --list-tunables), but they are
// read when a program starts, so it has to start again.
#pragma once

namespace echo_threads {

/// Executes this program anew, with the same arguments and without the surplus, unless that has
/// happened already (GLIBC_TUNABLES says so). Before any thread: the process stays the same one,
/// with its descriptors. Throws std::system_error when it cannot be executed.
void start_again_without_tls_surplus();

}  // namespace echo_threads
