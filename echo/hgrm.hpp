// A histogram as HdrHistogram's percentile text: what its plotters, hdr-plot and wrk2's users read.
//
// Rows of value, percentile, count and 1/(1-percentile), closer together towards 100 % (five to
// each halving of the rest), then three lines of summary. Values are milliseconds to the
// nanosecond, and the same bin middles that the report's percentiles are. The form has no place for
// what is only known to be "at least": such values stay in the distribution, and a last line behind
// '#', which every parser skips, tells how many they are and from where on the rows are lower
// bounds. The form is by Gil Tene, https://github.com/HdrHistogram/HdrHistogram (public domain,
// CC0).
#pragma once

#include <string>

#include "echo/histogram.hpp"

namespace echo {

std::string hgrm_of(const Histogram& histogram);

}  // namespace echo
