// A stack for each connection: the options of a model that has one thread per connection.
//
// --stack-size is virtual memory only: a page becomes resident when it is first touched. An echo
// touches two, the second only by a little. With --one-page-stacks and a small buffer it touches
// one, because the surplus of static TLS is gone (static_tls.hpp). --stack-allocator region puts
// all stacks into one mapping (stack_region.hpp), so their number is not limited by
// vm.max_map_count. Try it: ./echo_threads --one-page-stacks --buffer-size 512 & ./client -n 10000
#pragma once

#include "echo_threads/stack/stack.hpp"
#include "server/model.hpp"

namespace echo_threads {

/// Adds the options of add_stack_options(), --stack-allocator and --one-page-stacks. The demand is
/// a thread and its stack for each connection; `serve` gets the options of the stacks.
server::Configured configured_with_stacks(CLI::App& app,
                                          void (*serve)(const server::Serving& serving,
                                                        const StackOptions& stack));

}  // namespace echo_threads
