// A histogram as HdrHistogram's percentile text, the format that its plotters, hdr-plot and users
// of wrk2 read.
//
// Rows of value, percentile, count and 1/(1-percentile), denser towards 100 % (five per halving of
// the rest), then three summary lines. Values are in milliseconds with nanosecond digits, and are
// the same bin middles as the report's percentiles. The format cannot represent a value that is
// only a lower bound. Such values stay in the distribution; a final line after '#', which every
// parser skips, gives their number and the value from which the rows are lower bounds.
// The format is by Gil Tene, https://github.com/HdrHistogram/HdrHistogram (public domain, CC0).
#pragma once

#include <string>

#include "echo/histogram.hpp"

namespace echo {

std::string hgrm_of(const Histogram& histogram);

}  // namespace echo
