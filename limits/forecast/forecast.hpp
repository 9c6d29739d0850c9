// The memory of N connections before they exist, by kind.
//
// Resident memory shows the smaller part of a connection. The rest is the kernel's: slab, kernel
// stacks, page tables, and the send fragments of threads, which are in no counter of the kernel.
// Each kind follows from a model's demand and from sizes of this kernel, which are passed in: pure.
// What is in flight (socket buffers) depends on the load; the forecast is that of idle connections.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "limits/demand.hpp"
#include "limits/forecast/slab_object.hpp"

namespace limits {

struct ByteRange {
  double least = 0;
  double most = 0;
};

/// Bytes by kind, as doubles: N may be so large that they exceed 64 bits.
struct MemoryKinds {
  double resident = 0;
  double page_tables = 0;
  double kernel_stack = 0;
  double slab = 0;
  double socket = 0;  ///< buffers; 0 while connections are idle
  /// A thread that sends on TCP keeps the rest of a block of pages for its next messages
  /// (task_frag). How many of its pages are used up already depends on what it has sent.
  ByteRange send_fragment;

  [[nodiscard]] ByteRange all() const;
  MemoryKinds& operator+=(const MemoryKinds& other);
};

/// The objects of one cache that an end needs.
struct SlabUse {
  std::string cache;
  double per_connection = 0;  ///< number
  std::uint64_t object_bytes = 0;
  double lost_bytes = 0;  ///< at the end of each slab, a share per object
  double bytes = 0;       ///< per connection, with what is lost
};

struct EndForecast {
  std::string_view end;  ///< "server" or "client"
  std::uint64_t threads = 0;
  MemoryKinds per_connection;
  MemoryKinds in_all;
  std::vector<SlabUse> slab;
};

struct Forecast {
  std::uint64_t connections = 0;
  std::uint64_t send_fragment_bytes = 0;  ///< of one thread, at most
  bool sizes_are_read = false;            ///< of objects, from /proc/slabinfo
  std::vector<EndForecast> ends;
  MemoryKinds per_connection;  ///< of both ends
  MemoryKinds in_all;
};

/// Of the programs in `demands`, each divided among its descriptor tables already.
Forecast forecast_of(const std::vector<Demand>& demands, const SlabObjects& objects,
                     std::uint64_t send_fragment_bytes);

/// The largest send fragment of a thread: 32 KiB, or one page with
/// net.core.high_order_alloc_disable=1 (skb_page_frag_refill() in net/core/sock.c).
std::uint64_t send_fragment_bytes(const std::filesystem::path& root = "/");

}  // namespace limits
