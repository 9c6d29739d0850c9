#include "echo_threads/stack/stack_region.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <new>

namespace echo_threads {
namespace {

/// The region grows by as many stacks as fit, or by one: a system call for 60 stacks of 64 KiB.
constexpr std::size_t growth = 4U << 20U;
/// Range in which the region can grow: 4 million stacks of 64 KiB, the most that Linux can number.
/// Not more, because the thread sanitizer knows only the upper 1.5 TiB of the user addresses.
constexpr std::size_t largest_range = 256ULL << 30U;
/// Unused stacks that keep pages, and how much from their top: 10 MiB in all. glibc keeps 640
/// stacks of 64 KiB (glibc.pthread.stack_cache_size) and 16 KiB of each.
constexpr std::size_t most_warm = 640;
constexpr std::size_t kept = 16U << 10U;
/// GCC's thread sanitizer takes 770 KiB of each stack. It enlarges the stacks that pthread_create
/// maps, but not these.
#if defined(TESTBED_SANITIZES_THREAD) || defined(TESTBED_SANITIZES_ADDRESS)
constexpr std::size_t for_the_sanitizer = 1U << 20U;
#else
constexpr std::size_t for_the_sanitizer = 0;
#endif

std::size_t whole_pages(std::uint64_t bytes) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return static_cast<std::size_t>((bytes + page - 1) / page * page);
}

/// Only touched pages are charged (MAP_NORESERVE). `where`: preferred address.
std::byte* map_stacks(std::byte* where, std::size_t bytes) {
  void* const pages = ::mmap(where, bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (pages == MAP_FAILED) return nullptr;
  // A huge page would make thirty stacks resident at once. MAP_STACK prevents it from Linux 6.7 on.
  // EINVAL: a kernel without huge pages.
  ::madvise(pages, bytes, MADV_NOHUGEPAGE);
  return static_cast<std::byte*>(pages);
}

/// The lowest address of a free range of `largest_range`, or of half of it, and so on down to
/// `bytes`; nullptr where none is that large.
std::byte* find_range(std::size_t bytes) {
  for (std::size_t size = std::max(largest_range, bytes);; size = std::max(size / 2, bytes)) {
    void* const range =
        ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range != MAP_FAILED) {
      ::munmap(range, size);
      return static_cast<std::byte*>(range);
    }
    if (size == bytes) return nullptr;
  }
}

}  // namespace

StackRegion::StackRegion(std::uint64_t stack_size, std::uint64_t guard_size, GuardMethod method)
    : stack_size_(whole_pages(stack_size) + for_the_sanitizer),
      guard_size_(whole_pages(guard_size)),
      stride_(stack_size_ + guard_size_),
      method_(method) {}

StackRegion::~StackRegion() {
  for (const Mapping& mapping : mappings_)
    ::munmap(mapping.begin, static_cast<std::size_t>(mapping.end - mapping.begin));
}

std::byte* StackRegion::allocate() {
  std::vector<std::byte*>& free = warm_.empty() ? empty_ : warm_;
  if (!free.empty()) {
    std::byte* const stack = free.back();
    free.pop_back();
    return stack;
  }
  if (mappings_.empty() || unused_ == mappings_.back().end) grow();
  if (guard_size_ > 0 && !make_guard(unused_, guard_size_, method_)) throw std::bad_alloc();
  std::byte* const stack = unused_ + guard_size_;
  unused_ += stride_;
  return stack;
}

void StackRegion::deallocate(std::byte* stack) noexcept {
  const bool warm = warm_.size() < most_warm;
  const std::size_t keep = warm ? std::min(kept, stack_size_) : 0;
  if (keep < stack_size_) ::madvise(stack, stack_size_ - keep, MADV_DONTNEED);
  (warm ? warm_ : empty_).push_back(stack);  // has room: prepare_lists()
}

/// Maps room for further stacks, behind the last mapping if possible, and for fewer of them where
/// memory or address space is short.
void StackRegion::grow() {
  std::size_t count = std::max<std::size_t>(growth / stride_, 1);
  prepare_lists();
  std::byte* begin = map_at_the_end(count * stride_);
  while (begin == nullptr && count > 1) {
    count /= 2;
    begin = map_at_the_end(count * stride_);
  }
  if (begin == nullptr) throw std::bad_alloc();
  std::byte* const end = begin + count * stride_;
  if (!mappings_.empty() && mappings_.back().end == begin) {
    mappings_.back().end = end;
  } else {
    mappings_.push_back({begin, end});
  }
  unused_ = begin;
  stacks_ += count;
}

std::byte* StackRegion::map_at_the_end(std::size_t bytes) {
  if (!mappings_.empty()) {
    std::byte* const end = mappings_.back().end;
    std::byte* const pages = map_stacks(end, bytes);
    if (pages == end || pages == nullptr) return pages;
    ::munmap(pages, bytes);  // another mapping is there
  }
  std::byte* const range = find_range(bytes);
  return range == nullptr ? nullptr : map_stacks(range, bytes);
}

/// Reserves memory for all that grow() and deallocate() store, so that neither can fail in it.
void StackRegion::prepare_lists() {
  warm_.reserve(most_warm);
  const std::size_t all = stacks_ + std::max<std::size_t>(growth / stride_, 1);
  if (empty_.capacity() < all) empty_.reserve(std::max(all, 2 * empty_.capacity()));
  if (mappings_.capacity() == mappings_.size()) mappings_.reserve(2 * mappings_.size() + 1);
}

}  // namespace echo_threads
