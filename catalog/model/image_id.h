// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace glance {

/// An image's id: a UUID in the form 8-4-4-4-12. The letters' case is kept as given, as Glance
/// does, and two ids that differ in case are two ids.
class ImageId {
 public:
  /// A random id (version 4).
  [[nodiscard]] static ImageId random();

  /// Nothing unless `text` has the form of a UUID.
  [[nodiscard]] static std::optional<ImageId> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  friend auto operator<=>(const ImageId&, const ImageId&) = default;

 private:
  explicit ImageId(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

}  // namespace glance
