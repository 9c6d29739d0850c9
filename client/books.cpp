#include "client/books.hpp"

namespace client {
namespace {

using Figure = std::optional<std::uint64_t>;

/// What was added; a shrinkage is 0: noise of the rest of the machine.
Figure growth(const Figure& before, const Figure& after) {
  if (!before || !after) return std::nullopt;
  return *after > *before ? *after - *before : 0;
}

Figure share(const std::optional<std::chrono::nanoseconds>& before,
             const std::optional<std::chrono::nanoseconds>& after, std::uint64_t echoes) {
  if (!before || !after || echoes == 0 || *after < *before) return std::nullopt;
  return static_cast<std::uint64_t>((*after - *before).count()) / echoes;
}

}  // namespace

Books books_of(const Moments& moments, std::uint64_t echoes) {
  Books books;
  const Sample& from = moments.begin;
  const Sample& to = moments.end;
  books.client_per_echo = share(from.client_cpu, to.client_cpu, echoes);
  books.server_per_echo = share(from.server_cpu, to.server_cpu, echoes);
  books.softirq_per_echo = share(from.softirq_cpu, to.softirq_cpu, echoes);
  if (books.client_per_echo && books.server_per_echo && books.softirq_per_echo) {
    books.total_per_echo =
        *books.client_per_echo + *books.server_per_echo + *books.softirq_per_echo;
  }
  if (books.total_per_echo && from.busy && to.busy) {
    const Figure busy = share(from.busy->busy, to.busy->busy, echoes);
    if (busy)
      books.unattributed_per_echo =
          *busy > *books.total_per_echo ? *busy - *books.total_per_echo : 0;
  }

  const Sample& one = moments.before;
  const std::uint64_t added =
      to.connections > one.connections ? to.connections - one.connections : 0;
  books.client_resident = resident_per_connection(one.client, to.client, added);
  books.server_resident = resident_per_connection(one.server, to.server, added);
  books.slab = growth(one.machine.slab, to.machine.slab);
  books.kernel_stack = growth(one.machine.kernel_stack, to.machine.kernel_stack);
  books.page_tables = growth(one.machine.page_tables, to.machine.page_tables);
  books.socket = growth(one.machine.socket, to.machine.socket);
  books.anon = growth(one.machine.anon, to.machine.anon);
  books.total = growth(to.machine.free, one.machine.free);
  if (added > 0 && books.slab && books.kernel_stack && books.page_tables && books.socket) {
    books.kernel_per_connection =
        (*books.slab + *books.kernel_stack + *books.page_tables + *books.socket) / added;
  }
  // Free memory that shrank by less than its known parts grew: others gave some back meanwhile.
  if (books.kernel_per_connection && books.total) {
    const std::uint64_t all = *books.total / added;
    if (all >= *books.kernel_per_connection) books.total_per_connection = all;
  }

  const Sample& end = moments.after;
  books.listen_overflows = growth(one.tcp.listen_overflows, end.tcp.listen_overflows);
  books.listen_drops = growth(one.tcp.listen_drops, end.tcp.listen_drops);
  books.retransmitted_segments =
      growth(one.tcp.retransmitted_segments, end.tcp.retransmitted_segments);
  books.syn_cookies_sent = growth(one.tcp.syn_cookies_sent, end.tcp.syn_cookies_sent);
  return books;
}

}  // namespace client
