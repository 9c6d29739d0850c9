#include "echo_threads/stack/connection_stack.hpp"

#include <fmt/format.h>

#include <CLI/Error.hpp>
#include <CLI/Option.hpp>
#include <cstdint>
#include <memory>

#include "echo/options.hpp"
#include "echo_threads/stack/guard.hpp"
#include "echo_threads/stack/static_tls.hpp"
#include "server/protocol_options.hpp"

namespace echo_threads {
namespace {

struct Options {
  StackOptions stack;
  bool one_page = false;
  GuardMethod guards = GuardMethod::protect;
};

/// The largest buffer with which one page of stack suffices, in bytes. Without the surplus of
/// static TLS, struct pthread takes 2.3 KiB of the page and the code that runs the thread 0.7 KiB.
/// What is left differs between machines with the same binary: 800 fitted on one, at most 736 on
/// another.
constexpr std::uint64_t one_page_buffer = 512;

void check(const Options& options, const server::ServerOptions& common) {
  check(options.stack, common.buffer_size, server::stack_bytes_of_protocol(common));
  if (!options.one_page) return;
  if (common.speaks_http) {
    throw CLI::ValidationError("--one-page-stacks",
                               "cannot be given with --protocol http, which needs three pages");
  }
  if (common.buffer_size > one_page_buffer) {
    throw CLI::ValidationError(
        "--one-page-stacks",
        fmt::format("the buffer is on the stack too: give --buffer-size {} or less",
                    one_page_buffer));
  }
  if (options.stack.touch > 0 || options.stack.report) {
    throw CLI::ValidationError(
        "--one-page-stacks",
        "cannot be given with --touch-stack or --stack-report, which touch more than one page");
  }
}

limits::Demand demand(const Options& options, std::uint64_t connections) {
  limits::Traits traits = limits::thread_traits(options.stack.size, options.stack.guard);
  if (options.stack.allocator == StackAllocator::region) {
    // Without guards, or with guards that are marks, all stacks are one map.
    const bool divided = options.stack.guard > 0 && options.guards == GuardMethod::protect;
    traits.maps_per_connection = divided ? 2 : 0;
  }
  if (options.one_page) traits.resident_bytes -= 4096;
  traits.resident_bytes += touched_bytes(options.stack);
  return {connections, traits};
}

void add_stack_allocator(CLI::App& app, Options& options) {
  // One region wins where it is one map; divided by mprotect(2) it takes as many as pthread's.
  options.guards = guard_method_of_this_kernel();
  const bool one_map = options.guards == GuardMethod::install;
  options.stack.allocator = one_map ? StackAllocator::region : StackAllocator::pthread;
  echo::add_choice(app, "--stack-allocator",
                   "Where stacks lie: each in mappings of its own (pthread), or all in one "
                   "(region), the default where the kernel has guards without maps (Linux 6.13)",
                   {"pthread", "region"},
                   [&options](std::size_t index) {
                     options.stack.allocator = static_cast<StackAllocator>(index);
                   })
      ->default_str(one_map ? "region" : "pthread");
}

}  // namespace

server::Configured configured_with_stacks(CLI::App& app,
                                          void (*serve)(const server::Serving& serving,
                                                        const StackOptions& stack)) {
  auto options = std::make_shared<Options>();
  add_stack_options(app, options->stack);
  add_stack_allocator(app, *options);
  echo::add_flag(app, "--one-page-stacks", options->one_page,
                 "Touch one page of each stack instead of two; needs --buffer-size 512 or less");
  return {.check = [options](const server::ServerOptions& common) { check(*options, common); },
          .prepare =
              [options](const server::ServerOptions&) {
                if (options->one_page) start_again_without_tls_surplus();
              },
          .shape = {},
          .demand = [options](const server::ServerOptions&,
                              std::uint64_t connections) { return demand(*options, connections); },
          .serve = [options,
                    serve](const server::Serving& serving) { serve(serving, options->stack); }};
}

}  // namespace echo_threads
