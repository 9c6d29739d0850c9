#pragma once
#include <string>
#include <vector>
#include "client/load.hpp"
namespace client {
std::vector<std::string> warnings_of(const Result& result);
}
