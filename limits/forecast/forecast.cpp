#include "limits/forecast/forecast.hpp"

#include <algorithm>

#include "limits/forecast/kernel_objects.hpp"
#include "limits/kernel.hpp"

namespace limits {
namespace {

constexpr double page = 4'096;
constexpr double addresses_of_an_entry = 512;  // 8 bytes of page table for a page of 4 KiB
constexpr double addresses_of_a_directory_entry = 512 * addresses_of_an_entry;
constexpr double kernel_stack_bytes = 16'384;            // THREAD_SIZE, x86-64
constexpr double program_page_tables = 64 * 1'024;       // image, libraries, the first of a heap
constexpr double page_tables_of_a_process = 56 * 1'024;  // for ~1 MiB that it shares

double number(std::uint64_t count) {
  return static_cast<double>(count);
}

/// Page tables of memory that lies in ranges of `stride` bytes, of which only the ends are touched:
/// a page of them for each range of 2 MiB or more, and a share of one for smaller ones. The next
/// level is the same for ranges of 1 GiB.
double page_tables_of(double stride) {
  return std::min(page, stride / addresses_of_an_entry) +
         std::min(page, stride / addresses_of_a_directory_entry);
}

double page_tables_of_a_connection(const Demand& demand) {
  const Traits& traits = demand.traits;
  const double stacks = traits.threads_per_connection * page_tables_of(number(traits.stack_bytes));
  const double heap = traits.threads_per_connection > 0 ? 0 : number(demand.connection_bytes());
  return stacks + page_tables_of(number(traits.virtual_bytes)) + heap / addresses_of_an_entry +
         traits.processes_per_connection * page_tables_of_a_process;
}

double tasks_of_a_connection(const Traits& traits) {
  return traits.threads_per_connection + traits.processes_per_connection;
}

MemoryKinds of_a_connection(const Demand& demand, double fragment) {
  const double tasks = tasks_of_a_connection(demand.traits);
  MemoryKinds kinds;
  kinds.resident = number(demand.connection_bytes());
  kinds.page_tables = page_tables_of_a_connection(demand);
  kinds.kernel_stack = tasks * kernel_stack_bytes;
  kinds.send_fragment.most = tasks * fragment;
  return kinds;
}

/// What does not depend on the connections: the fixed threads and memory.
MemoryKinds fixed_part(const Demand& demand, double fragment) {
  const double threads = number(demand.own_threads());
  MemoryKinds kinds;
  kinds.resident =
      number(demand.traits.fixed_bytes) + number(demand.tables) * number(demand.traits.table_bytes);
  kinds.page_tables = program_page_tables + threads * page + kinds.resident / addresses_of_an_entry;
  kinds.kernel_stack = threads * kernel_stack_bytes;
  kinds.send_fragment.most = threads * fragment;
  return kinds;
}

MemoryKinds scaled(MemoryKinds kinds, double by) {
  for (double* part : {&kinds.resident, &kinds.page_tables, &kinds.kernel_stack, &kinds.slab,
                       &kinds.socket, &kinds.send_fragment.least, &kinds.send_fragment.most}) {
    *part *= by;
  }
  return kinds;
}

EndForecast end_of(const Demand& demand, const SlabObjects& objects, double fragment) {
  EndForecast end;
  end.end = demand.takes_ports ? "client" : "server";
  end.threads = demand.threads();
  end.per_connection = of_a_connection(demand, fragment);
  MemoryKinds fixed = fixed_part(demand, fragment);
  for (const KernelObjects& one : kernel_objects(demand)) {
    const SlabObject& object = objects.at(one.cache);
    if (object.slab_bytes == 0) continue;  // this kernel has no such cache
    const double bytes = one.per_connection * object.bytes();
    if (one.per_connection > 0) {
      end.slab.push_back({object.cache, one.per_connection, object.object_bytes,
                          object.bytes() - number(object.object_bytes), bytes});
    }
    end.per_connection.slab += bytes;
    fixed.slab += one.fixed * object.bytes();
  }
  std::stable_sort(end.slab.begin(), end.slab.end(),
                   [](const SlabUse& a, const SlabUse& b) { return a.bytes > b.bytes; });
  end.in_all = scaled(end.per_connection, number(demand.connections));
  end.in_all += fixed;
  return end;
}

}  // namespace

ByteRange MemoryKinds::all() const {
  const double certain = resident + page_tables + kernel_stack + slab + socket;
  return {certain + send_fragment.least, certain + send_fragment.most};
}

MemoryKinds& MemoryKinds::operator+=(const MemoryKinds& other) {
  resident += other.resident;
  page_tables += other.page_tables;
  kernel_stack += other.kernel_stack;
  slab += other.slab;
  socket += other.socket;
  send_fragment.least += other.send_fragment.least;
  send_fragment.most += other.send_fragment.most;
  return *this;
}

Forecast forecast_of(const std::vector<Demand>& demands, const SlabObjects& objects,
                     std::uint64_t send_fragment_bytes) {
  Forecast forecast;
  forecast.send_fragment_bytes = send_fragment_bytes;
  forecast.sizes_are_read = objects.are_read();
  for (const Demand& demand : demands) {
    forecast.connections = std::max(forecast.connections, demand.connections);
    const EndForecast& end =
        forecast.ends.emplace_back(end_of(demand, objects, number(send_fragment_bytes)));
    forecast.per_connection += end.per_connection;
    forecast.in_all += end.in_all;
  }
  return forecast;
}

std::uint64_t send_fragment_bytes(const std::filesystem::path& root) {
  const auto disabled = Kernel{root}.sysctl("net.core.high_order_alloc_disable");
  return disabled && disabled->value == 1 ? 4'096 : 32'768;
}

}  // namespace limits
