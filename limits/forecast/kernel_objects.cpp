#include "limits/forecast/kernel_objects.hpp"

#include <algorithm>
#include <array>

namespace limits {
namespace {

/// One per connection at each end. The names of sockets are dentries too; lsm_*: state of the
/// security modules per file and per inode.
constexpr std::array of_a_socket{"TCP",    "sock_inode_cache", "filp",
                                 "dentry", "lsm_inode_cache",  "lsm_file_cache"};
/// Of an entry in an epoll: the item, its place in the socket's wait queue, and the list of the
/// epolls that watch this file.
constexpr std::array of_a_watch{"eventpoll_epi", "eventpoll_pwq", "ep_head"};
/// Of a receive request that stays armed in an io_uring: the request, its entry in the socket's
/// wait queue, and its message header.
constexpr std::array of_a_ring_request{"io_kiocb", "kmalloc-96", "kmalloc-512"};

/// Of a task beside its memory maps. A kernel stack is a mapping of the kernel's (vmap_area, and
/// kmalloc-96 for its vm_struct); kmalloc-32 holds the addresses of its pages.
constexpr std::array of_a_task{"task_struct", "pid", "kmalloc-96", "kmalloc-32"};
constexpr double areas_of_a_task = 1.25;  // with free ones between those in use
/// Of the memory maps of a thread's stack, with its guard.
constexpr std::array of_a_stack{"anon_vma", "anon_vma_chain"};
constexpr double nodes_of_a_map = 0.15;  // maple_node: a node holds 16 ranges, rarely full

class Sum {
 public:
  void add(std::string_view cache, double per_connection, double fixed) {
    if (per_connection == 0 && fixed == 0) return;
    const auto found = std::find_if(objects_.begin(), objects_.end(),
                                    [&](const KernelObjects& one) { return one.cache == cache; });
    if (found == objects_.end()) {
      objects_.push_back({cache, per_connection, fixed});
    } else {
      found->per_connection += per_connection;
      found->fixed += fixed;
    }
  }
  template <std::size_t size>
  void add(const std::array<const char*, size>& caches, double per_connection, double fixed) {
    for (const char* cache : caches) add(cache, per_connection, fixed);
  }
  [[nodiscard]] std::vector<KernelObjects> objects() && { return std::move(objects_); }

 private:
  std::vector<KernelObjects> objects_;
};

}  // namespace

std::vector<KernelObjects> kernel_objects(const Demand& demand) {
  const Traits& traits = demand.traits;
  const double tasks = traits.threads_per_connection + traits.processes_per_connection;
  const double fixed = static_cast<double>(demand.own_threads());
  Sum sum;
  sum.add(of_a_socket, 1, 0);
  sum.add(of_a_watch, traits.watches_per_connection, 0);
  sum.add(of_a_ring_request, traits.ring_requests_per_connection, 0);
  sum.add(of_a_task, tasks, fixed);
  sum.add("vmap_area", areas_of_a_task * tasks, areas_of_a_task * fixed);
  sum.add(of_a_stack, traits.threads_per_connection, fixed);
  sum.add("vm_area_struct", traits.maps_per_connection, 2 * fixed);
  sum.add("maple_node", traits.maps_per_connection * nodes_of_a_map, 0);
  return std::move(sum).objects();
}

}  // namespace limits
