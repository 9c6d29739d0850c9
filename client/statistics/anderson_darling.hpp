// Whether gaps are exponential with a known rate: the test of Anderson and Darling for a
// distribution that is fully specified (their case 0). Pure.
//
// Anderson and Darling, "A Test of Goodness of Fit", JASA 49 (1954). The distribution of the
// statistic: Marsaglia and Marsaglia, "Evaluating the Anderson-Darling Distribution", Journal of
// Statistical Software 9 (2), 2004, https://doi.org/10.18637/jss.v009.i02, the approximation for
// many samples, within 0.000002. It holds from some 100 samples on. Where the rate is estimated
// from the samples, as scipy.stats.anderson does, other critical values hold.
#pragma once

#include <cstddef>
#include <vector>

namespace client {

struct ExponentialFit {
  std::size_t samples = 0;
  double squared = 0;   ///< the statistic A²; 0 for no samples
  double distance = 0;  ///< largest difference of the two distribution functions, 0 to 1
};

/// Compares `gaps`, in units of the expected mean gap, with the exponential distribution of mean 1.
/// A gap below `resolution`, in the same unit and above 0, counts as `resolution`: the logarithm of
/// 0 is not finite. Sorts: O(n log n).
ExponentialFit exponential_fit(std::vector<double> gaps, double resolution);

/// The chance of a larger A² if the gaps are exponential.
double anderson_darling_p(double squared);
/// The A² that is exceeded with chance `p`, 0.000001 to 0.5.
double anderson_darling_critical(double p);

}  // namespace client
