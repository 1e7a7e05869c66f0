// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/model/attributes.h"
#include "catalog/model/caller.h"
#include "catalog/model/image.h"

namespace glance {

/// Whether the caller may know that the image exists (docs/image-api.md, "Who sees what": by its
/// id; shared images also admit members, which the database knows). Pure.
[[nodiscard]] bool may_see(const Caller& caller, const Image& image) noexcept;

/// Whether the caller may change, fill or delete the image: its owner's project and admins. Pure.
[[nodiscard]] bool may_modify(const Caller& caller, const Image& image) noexcept;

/// Whether the caller may read the image's data; deactivated ones are open to admins only. Pure.
[[nodiscard]] bool may_download(const Caller& caller, const Image& image) noexcept;

/// Publishing an image to all projects and giving it to another one are for administrators.
/// Error: forbidden.
void require_permitted(const Caller& caller, Visibility visibility);
void require_permitted(const Caller& caller, const AttributeEdit& edit);

}  // namespace glance
