// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "catalog/database/database.h"
#include "catalog/model/caller.h"
#include "catalog/model/image.h"

namespace glance {

/// How every catalog call gets at an image: policy.h's rules, and the memberships that only the
/// database knows. All work inside the caller's transaction.

/// The image, if the caller may know of it.
[[nodiscard]] std::optional<Image> find_visible(Session& sql, const Caller& caller,
                                                const ImageId& id);

/// The same. Error: not_found.
[[nodiscard]] Image require_visible(Session& sql, const Caller& caller, const ImageId& id);

/// Whether the caller may know of the image, or could when it was deleted.
[[nodiscard]] bool could_see(Session& sql, const Caller& caller, const ImageId& id);

/// The image, for a change by the caller. Errors: not_found, forbidden.
[[nodiscard]] Image require_modifiable(Session& sql, const Caller& caller, const ImageId& id);

/// What every refusal of an unknown image says.
[[nodiscard]] Error no_such_image(const ImageId& id);

}  // namespace glance
