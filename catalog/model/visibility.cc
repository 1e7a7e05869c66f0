// SPDX-License-Identifier: Apache-2.0
#include "catalog/model/visibility.h"

#include "catalog/text/word_table.h"

namespace glance {
namespace {

constexpr WordTable<Visibility, 4> kVisibilityNames = {{
    {Visibility::public_, "public"},
    {Visibility::private_, "private"},
    {Visibility::shared, "shared"},
    {Visibility::community, "community"},
}};

}  // namespace

std::string_view to_string(Visibility visibility) noexcept {
  return word_of(kVisibilityNames, visibility);
}

std::optional<Visibility> parse_visibility(std::string_view text) noexcept {
  return value_of(kVisibilityNames, text);
}

}  // namespace glance
