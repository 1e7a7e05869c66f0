// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

namespace glance {

/// Glance's image states (glance/domain/__init__.py).
enum class ImageStatus {
  queued,
  saving,
  uploading,
  importing,
  active,
  deactivated,
  killed,
  pending_delete,
  deleted,
};

[[nodiscard]] std::string_view to_string(ImageStatus status) noexcept;
[[nodiscard]] std::optional<ImageStatus> parse_image_status(std::string_view text) noexcept;

/// Whether Glance's state machine knows the step (docs/image-api.md, "Statuses").
[[nodiscard]] bool can_transition(ImageStatus from, ImageStatus to) noexcept;

/// For whoever writes a status: a step that the state machine does not know is a fault of ours, and
/// reaches no database. Throws std::logic_error; to stay is no step.
void require_transition(ImageStatus from, ImageStatus to);

/// Data are on their way: saving, uploading, importing.
[[nodiscard]] bool is_being_filled(ImageStatus status) noexcept;

/// The data are there, be it for administrators only: active, deactivated.
[[nodiscard]] bool has_data(ImageStatus status) noexcept;

}  // namespace glance
