// Rows of text in aligned columns.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace echo {

using TextRows = std::vector<std::vector<std::string>>;

/// One line per row, two spaces between columns. Columns from `first` to `last` are aligned to the
/// right, as figures are; the others to the left. No line ends with a space.
std::string aligned(const TextRows& rows, std::size_t first, std::size_t last);

}  // namespace echo
