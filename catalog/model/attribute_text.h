// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "catalog/model/attributes.h"

namespace glance {

/// The reverse of attribute_text(), by the attribute's type; any text is fine for a custom
/// property. Error: invalid, naming what is allowed.
[[nodiscard]] AttributeValue parse_attribute(std::string_view name, std::string_view text);

}  // namespace glance
