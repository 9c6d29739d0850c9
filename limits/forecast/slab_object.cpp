#include "limits/forecast/slab_object.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "limits/proc_text.hpp"

namespace limits {
namespace {

constexpr std::uint64_t slab_page = 4'096;

/// Caches that a kernel has only with a security module that keeps state of that kind.
bool is_optional(std::string_view cache) {
  return cache.starts_with("lsm_");
}

/// A line of slabinfo: name, active objects, objects, object size, objects and pages per slab.
std::optional<SlabObject> parse(std::string_view line) {
  SlabObject object;
  object.cache = next_word(line);
  std::uint64_t figures[5] = {};
  for (std::uint64_t& figure : figures) {
    const auto number = leading_number(next_word(line));
    if (!number) return std::nullopt;
    figure = *number;
  }
  constexpr std::uint64_t most = 1U << 30U;  // larger ones are no figures of a kernel
  object.object_bytes = figures[2];
  object.objects_per_slab = figures[3];
  if (object.objects_per_slab == 0 || figures[4] == 0) return std::nullopt;
  if (object.object_bytes > most || object.objects_per_slab > most || figures[4] > most) {
    return std::nullopt;
  }
  object.slab_bytes = figures[4] * slab_page;
  return object;
}

}  // namespace

SlabObjects SlabObjects::measured() {
  SlabObjects sizes;
  sizes.objects_ = {
      {"TCP", 2'368, 13, 8 * slab_page},
      {"sock_inode_cache", 832, 19, 4 * slab_page},
      {"filp", 192, 21, slab_page},
      {"dentry", 192, 21, slab_page},
      {"lsm_file_cache", 24, 170, slab_page},
      {"lsm_inode_cache", 32, 128, slab_page},
      {"eventpoll_epi", 128, 32, slab_page},
      {"eventpoll_pwq", 64, 64, slab_page},
      {"ep_head", 16, 256, slab_page},
      {"io_kiocb", 256, 16, slab_page},
      {"kmalloc-96", 96, 42, slab_page},
      {"kmalloc-512", 512, 16, 2 * slab_page},
      {"task_struct", 4'288, 7, 8 * slab_page},
      {"pid", 192, 21, slab_page},
      {"vm_area_struct", 192, 21, slab_page},
      {"anon_vma", 104, 39, slab_page},
      {"anon_vma_chain", 64, 64, slab_page},
      {"maple_node", 256, 16, slab_page},
      {"vmap_area", 72, 56, slab_page},
      {"kmalloc-32", 32, 128, slab_page},
  };
  return sizes;
}

SlabObjects SlabObjects::of_this_kernel(const std::filesystem::path& root) {
  SlabObjects sizes = measured();
  const auto text = read_text(root / "proc/slabinfo");
  if (!text) return sizes;
  std::vector<SlabObject> found;
  std::string_view lines = *text;
  while (!lines.empty()) {
    if (auto object = parse(next_line(lines))) found.push_back(*std::move(object));
  }
  if (found.empty()) return sizes;
  sizes.are_read_ = true;
  for (SlabObject& object : sizes.objects_) {
    const auto same = std::find_if(found.begin(), found.end(), [&](const SlabObject& one) {
      return one.cache == object.cache;
    });
    if (same != found.end()) {
      object = *same;
    } else if (is_optional(object.cache)) {
      object.object_bytes = object.slab_bytes = 0;
    }
  }
  return sizes;
}

const SlabObject& SlabObjects::at(std::string_view cache) const {
  const auto found = std::find_if(objects_.begin(), objects_.end(),
                                  [&](const SlabObject& object) { return object.cache == cache; });
  if (found == objects_.end()) throw std::out_of_range("no cache " + std::string(cache));
  return *found;
}

}  // namespace limits
