// The report of all ranks together, made on rank 0.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "client/options/options.hpp"
#include "client/report/run_document.hpp"

namespace client::mpi {

/// What came of one rank.
struct Part {
  std::uint32_t rank = 0;
  std::string host;
  int code = 0;
  bool lost_its_server = false;
  std::string document;  ///< empty, or not whole: it is missing
};

/// The parts that came, merged as `client merge` does. What is missing is named. One verdict:
/// errors, concurrency and objectives are judged on all ranks together.
boost::json::object merge_parts(const Options& whole, const std::vector<Part>& parts);

}  // namespace client::mpi
