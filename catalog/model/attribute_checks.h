// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "catalog/model/attributes.h"

namespace glance {

struct ImageLimits;

/// What single attributes are checked against, by edits and by drafts, and the refusals in Glance's
/// words. Pure. Each check throws Error: invalid, or what it says. `name` is the attribute's.
namespace checks {

[[noreturn]] void refuse_schema(std::string_view what);

/// Messages go into logs, JSON and HTML, so they are UTF-8 whatever the user sent, and do not end
/// at the first NUL.
[[nodiscard]] std::string_view readable(std::string_view text);

/// A text as messages show it: in quotes, and short.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// A value as messages show it.
[[nodiscard]] std::string shown(const AttributeValue& value);

/// The value, which must be of that type; `allowed` is the type's name in messages.
template <typename Type>
const Type& typed(std::string_view name, const AttributeValue& value, std::string_view allowed) {
  if (const Type* held = std::get_if<Type>(&value)) return *held;
  refuse_schema(fmt::format("{} is not of type {} ({})", shown(value), allowed, in_quotes(name)));
}

void short_text(std::string_view name, const std::optional<std::string>& value);
void format(std::string_view name, const std::optional<std::string>& value,
            const std::vector<std::string>& allowed);
void minimum(std::string_view name, std::int64_t value);

/// What a tag may be, whoever gives it to which image.
void tag(std::string_view tag);

/// `tags` must be free of duplicates by now. Error: over_quota, too.
void tags(const std::vector<std::string>& tags, const ImageLimits& limits);

void property(const std::string& name, const std::string& value);

/// `what` is the plural, in messages. Error: over_quota.
void quota(std::string_view what, std::size_t attempted, std::int64_t quota);

}  // namespace checks
}  // namespace glance
