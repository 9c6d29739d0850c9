// The kernel's objects (slab): how many bytes one of a cache takes on this kernel.
//
// A cache divides blocks of pages, the slabs, among objects of one size; what is left over at the
// end of a slab is lost. So an object costs slab / objects per slab, which is more than its size.
// Both are in /proc/slabinfo (slabinfo(5)), which only root may read. Sizes depend on the version
// and the configuration of a kernel: TCP sockets have grown by a tenth from Linux 5.10 to 6.18.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace limits {

/// One object of a cache.
struct SlabObject {
  std::string cache;  ///< "TCP"
  std::uint64_t object_bytes = 0;
  std::uint64_t objects_per_slab = 1;
  std::uint64_t slab_bytes = 0;
  /// Its share of a slab: object_bytes and what is lost.
  [[nodiscard]] double bytes() const {
    return static_cast<double>(slab_bytes) / static_cast<double>(objects_per_slab);
  }
};

/// The sizes of all objects that a connection, a thread or a process needs.
class SlabObjects {
 public:
  /// Those measured on Linux 6.18 (docs/kernel-costs.md).
  static SlabObjects measured();
  /// Those of this kernel, from `root`/proc/slabinfo. A cache that is not there keeps the measured
  /// size (the kernel merges caches of one size, under the name of the first), except one of
  /// security modules, which a kernel may lack. Without the file: all measured ones.
  static SlabObjects of_this_kernel(const std::filesystem::path& root = "/");

  /// Throws std::out_of_range for a cache that measured() does not have.
  [[nodiscard]] const SlabObject& at(std::string_view cache) const;
  /// Whether /proc/slabinfo was read.
  [[nodiscard]] bool are_read() const { return are_read_; }

 private:
  std::vector<SlabObject> objects_;
  bool are_read_ = false;
};

}  // namespace limits
