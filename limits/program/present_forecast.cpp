#include "limits/program/present_forecast.hpp"
#include "echo/output/text_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <vector>

#include "limits/program/present.hpp"
#include "limits/quantity.hpp"
#include "limits/rlimit.hpp"

namespace limits {
namespace {

struct Kind {
  std::string_view name;  ///< in the table
  std::string_view key;   ///< in the document
  double MemoryKinds::*bytes;
};
constexpr std::array kinds{Kind{"resident", "resident", &MemoryKinds::resident},
                           Kind{"page tables", "page_tables", &MemoryKinds::page_tables},
                           Kind{"kernel stacks", "kernel_stack", &MemoryKinds::kernel_stack},
                           Kind{"slab", "slab", &MemoryKinds::slab},
                           Kind{"socket buffers, idle", "socket", &MemoryKinds::socket}};

std::uint64_t whole(double bytes) {
  constexpr double most = 1.8e19;  // the largest double below 2^64 is a little larger
  return bytes >= most ? unlimited : static_cast<std::uint64_t>(std::llround(bytes));
}

using Rows = echo::TextRows;
/// The first column holds names, the others figures.
constexpr std::size_t last_figure = 99;

std::string each(double bytes) {
  return format_count(whole(bytes)) + " B";
}

std::string each(const ByteRange& range) {
  if (whole(range.least) == whole(range.most)) return each(range.most);
  return format_count(whole(range.least)) + " to " + each(range.most);
}

std::string all(const ByteRange& range) {
  const std::string most = format_bytes(whole(range.most));
  const std::string least = format_bytes(whole(range.least));
  if (least == most) return most;
  const bool same_unit = least.substr(least.find(' ')) == most.substr(most.find(' '));
  const bool none = whole(range.least) == 0;
  return (none ? "0" : same_unit ? least.substr(0, least.find(' ')) : least) + " to " + most;
}

/// One row: the ends, both of them where there are two, and what all connections take.
template <typename Value>
void add_row(Rows& rows, std::string_view name, const Forecast& forecast, const Value& value) {
  std::vector<std::string> row{std::string(name)};
  for (const EndForecast& end : forecast.ends) row.push_back(each(value(end.per_connection)));
  if (forecast.ends.size() > 1) row.push_back(each(value(forecast.per_connection)));
  const auto in_all = value(forecast.in_all);
  if constexpr (std::is_same_v<decltype(in_all), const double>) {
    row.push_back(all({in_all, in_all}));
  } else {
    row.push_back(all(in_all));
  }
  rows.push_back(std::move(row));
}

std::string fixed(double value, const char* format = "%.1f") {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

/// A cache, and the objects of each end in it.
struct CacheOfEnds {
  SlabUse use;  ///< its sizes, and the bytes of all ends
  std::vector<double> objects;
};

std::vector<CacheOfEnds> caches_of(const Forecast& forecast) {
  std::vector<CacheOfEnds> caches;
  for (std::size_t i = 0; i < forecast.ends.size(); ++i) {
    for (const SlabUse& use : forecast.ends[i].slab) {
      auto found = std::find_if(caches.begin(), caches.end(),
                                [&](const CacheOfEnds& one) { return one.use.cache == use.cache; });
      if (found == caches.end()) {
        found = caches.insert(found, {use, std::vector<double>(forecast.ends.size())});
      } else {
        found->use.bytes += use.bytes;
      }
      found->objects[i] = use.per_connection;
    }
  }
  std::stable_sort(caches.begin(), caches.end(), [](const CacheOfEnds& a, const CacheOfEnds& b) {
    return a.use.bytes > b.use.bytes;
  });
  return caches;
}

/// The objects behind the slab. Caches of less than half a percent are not listed.
std::string slab_rows(const Forecast& forecast) {
  Rows rows{{"slab, objects per connection"}};
  for (const EndForecast& end : forecast.ends) rows.front().emplace_back(end.end);
  for (const char* name : {"size", "lost", "bytes"}) rows.front().emplace_back(name);
  for (const CacheOfEnds& cache : caches_of(forecast)) {
    if (cache.use.bytes < forecast.per_connection.slab / 200) continue;
    std::vector<std::string> row{cache.use.cache};
    for (const double objects : cache.objects) row.push_back(fixed(objects, "%g"));
    row.push_back(format_count(cache.use.object_bytes) + " B");
    row.push_back(fixed(cache.use.lost_bytes) + " B");
    row.push_back(each(cache.use.bytes));
    rows.push_back(std::move(row));
  }
  return "\n" + echo::aligned(rows, 1, last_figure);
}

std::string json_range(const ByteRange& range, bool in_whole_bytes) {
  const auto number = [&](double bytes) {
    return in_whole_bytes ? std::to_string(whole(bytes)) : fixed(bytes);
  };
  return "{\"least\": " + number(range.least) + ", \"most\": " + number(range.most) + "}";
}

std::string json_kinds(const MemoryKinds& bytes, bool in_whole_bytes) {
  std::string text = "{";
  for (const Kind& kind : kinds) {
    const double value = bytes.*kind.bytes;
    text += json_string(std::string(kind.key)) + ": " +
            (in_whole_bytes ? std::to_string(whole(value)) : fixed(value)) + ", ";
  }
  return text + "\"send_fragment\": " + json_range(bytes.send_fragment, in_whole_bytes) +
         ", \"all\": " + json_range(bytes.all(), in_whole_bytes) + "}";
}

std::string json_both(const MemoryKinds& per_connection, const MemoryKinds& in_all) {
  return "\"per_connection\": " + json_kinds(per_connection, false) +
         ",\n    \"in_all\": " + json_kinds(in_all, true);
}

std::string json_end(const EndForecast& end) {
  std::string text = "\n   {\"end\": " + json_string(std::string(end.end)) +
                     ", \"threads\": " + std::to_string(end.threads) + ",\n    " +
                     json_both(end.per_connection, end.in_all) + ",\n    \"slab_by_cache\": [";
  std::string_view before = "\n     ";
  for (const SlabUse& use : end.slab) {
    text.append(before).append("{\"cache\": " + json_string(use.cache) +
                               ", \"objects\": " + fixed(use.per_connection, "%.3f") +
                               ", \"object_bytes\": " + std::to_string(use.object_bytes) +
                               ", \"lost_bytes\": " + fixed(use.lost_bytes) +
                               ", \"bytes\": " + fixed(use.bytes) + "}");
    before = ",\n     ";
  }
  return text + "]}";
}

}  // namespace

std::string forecast_table(const Forecast& forecast) {
  Rows rows{{"memory forecast, per connection"}};
  for (const EndForecast& end : forecast.ends) rows.front().emplace_back(end.end);
  if (forecast.ends.size() > 1) rows.front().emplace_back("both");
  rows.front().push_back("in all");
  for (const Kind& kind : kinds) {
    add_row(rows, kind.name, forecast, [&](const MemoryKinds& of) { return of.*kind.bytes; });
  }
  add_row(rows, "send fragments", forecast, [](const MemoryKinds& of) { return of.send_fragment; });
  add_row(rows, "all kinds", forecast, [](const MemoryKinds& of) { return of.all(); });
  return "\n" + echo::aligned(rows, 1, last_figure) + slab_rows(forecast) + "sizes of objects: " +
         (forecast.sizes_are_read ? "/proc/slabinfo"
                                  : "measured on Linux 6.18 (root may read /proc/slabinfo)") +
         "\n";
}

std::string forecast_json(const Forecast& forecast) {
  std::string text =
      "{\"connections\": " + std::to_string(forecast.connections) +
      ", \"object_sizes\": " + (forecast.sizes_are_read ? "\"slabinfo\"" : "\"measured\"") +
      ", \"send_fragment_bytes\": " + std::to_string(forecast.send_fragment_bytes) +
      ",\n  \"total\": {" + json_both(forecast.per_connection, forecast.in_all) +
      "},\n  \"ends\": [";
  std::string_view before;
  for (const EndForecast& end : forecast.ends) {
    text.append(before).append(json_end(end));
    before = ",";
  }
  return text + "]}";
}

}  // namespace limits
