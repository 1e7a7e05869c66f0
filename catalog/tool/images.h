// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/tool/command.h"

namespace glance::tool {

/// The catalog of the call.
[[nodiscard]] std::unique_ptr<Catalog> open_catalog(const Invocation& invocation);

/// Failure no_such_image, if there is none or the name is ambiguous.
[[nodiscard]] Image resolve_image(Catalog& catalog, const std::string& name_or_id);

/// All of them, each once, in the order given; before the first one is touched.
[[nodiscard]] std::vector<Image> resolve_images(Catalog& catalog,
                                                const std::vector<std::string>& references);

/// Splits `KEY=VALUE` at its first `=`. UsageError, if there is none or no key before it.
[[nodiscard]] std::pair<std::string, std::string> split_assignment(const std::string& text);

}  // namespace glance::tool
