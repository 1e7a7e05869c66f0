// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/accept.h"

#include <charconv>

#include <fmt/format.h>

#include "catalog/text/ascii.h"

namespace glance::api {
namespace {

/// The weight that one element of an Accept header (`text/*;q=0.5`) gives.
double weight_of(std::string_view parameters) {
  for (auto rest = parameters; !rest.empty();) {
    const auto end = rest.find(';');
    const auto parameter = trim(rest.substr(0, end));
    if (parameter.starts_with("q=") || parameter.starts_with("Q=")) {
      double weight = 0;
      std::from_chars(parameter.begin() + 2, parameter.end(), weight);
      return weight;
    }
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  return 1;
}

}  // namespace

double preference(std::string_view accept, std::string_view type) {
  const auto any_subtype = fmt::format("{}/*", type.substr(0, type.find('/')));
  int best_rank = 0;
  double weight = 0;
  while (!accept.empty()) {
    const auto end = accept.find(',');
    const auto element = accept.substr(0, end);
    const auto semicolon = element.find(';');
    const auto range = trim(element.substr(0, semicolon));
    const int rank = equal_ignoring_case(range, type)          ? 3
                     : equal_ignoring_case(range, any_subtype) ? 2
                     : range == "*/*"                          ? 1
                                                               : 0;
    if (rank > best_rank) {
      best_rank = rank;
      weight = semicolon == std::string_view::npos ? 1 : weight_of(element.substr(semicolon + 1));
    }
    accept = end == std::string_view::npos ? std::string_view{} : accept.substr(end + 1);
  }
  return weight;
}

}  // namespace glance::api
