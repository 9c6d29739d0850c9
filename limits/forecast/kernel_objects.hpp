// How many kernel objects of each cache a demand needs: sockets, epoll entries, tasks.
//
// Counts and not bytes, because what an object takes depends on the kernel (slab_object.hpp). Pure.
// Found with slabinfo(5): the growth of each cache over 10,000 to 100,000 idle connections
// (docs/kernel-costs.md).
#pragma once

#include <string_view>
#include <vector>

#include "limits/demand.hpp"

namespace limits {

/// Objects of one cache.
struct KernelObjects {
  std::string_view cache;
  double per_connection = 0;
  double fixed = 0;  ///< of the threads that do not depend on the connections
};

/// Those of a server or a client, of the largest group first; without caches of which it needs
/// none.
std::vector<KernelObjects> kernel_objects(const Demand& demand);

}  // namespace limits
