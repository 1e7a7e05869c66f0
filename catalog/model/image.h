// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glance {

/// UTC with Glance's resolution, a microsecond.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// The clock that every stored timestamp comes from.
[[nodiscard]] Timestamp now() noexcept;

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

/// Data are on their way: saving, uploading, importing.
[[nodiscard]] bool is_being_filled(ImageStatus status) noexcept;

/// The data are there, be it for administrators only: active, deactivated.
[[nodiscard]] bool has_data(ImageStatus status) noexcept;

enum class Visibility { public_, private_, shared, community };

[[nodiscard]] std::string_view to_string(Visibility visibility) noexcept;
[[nodiscard]] std::optional<Visibility> parse_visibility(std::string_view text) noexcept;

/// Where a store keeps an image's data.
struct Location {
  std::string url;              ///< e.g. file:///var/lib/glance/images/<id>
  std::string metadata = "{}";  ///< a JSON object as Glance writes it, e.g. {"store": "file"}

  friend bool operator==(const Location&, const Location&) = default;
};

/// What an upload found out about its bytes; every part is lower-case hex or a hash's name.
struct Digests {
  std::string checksum;       ///< MD5
  std::string os_hash_algo;   ///< e.g. "sha512"
  std::string os_hash_value;  ///< by os_hash_algo

  friend bool operator==(const Digests&, const Digests&) = default;
};

/// What a writer announces about data to come. Absent parts may be anything.
struct Expectation {
  std::optional<std::uint64_t> size;         ///< bytes
  std::optional<std::string> checksum;       ///< MD5, in hex
  std::optional<std::string> os_hash_algo;   ///< absent: the catalog's own
  std::optional<std::string> os_hash_value;  ///< by os_hash_algo, in hex

  friend bool operator==(const Expectation&, const Expectation&) = default;
};

/// One image as the catalog held it at one moment: a value, never updated behind its owner's back.
struct Image {
  ImageId id;
  std::optional<std::string> name;
  ImageStatus status = ImageStatus::queued;
  Visibility visibility = Visibility::shared;
  bool is_protected = false;
  bool os_hidden = false;
  std::optional<std::string> owner;
  std::optional<std::string> disk_format;
  std::optional<std::string> container_format;
  std::int32_t min_disk = 0;                  ///< GB
  std::int32_t min_ram = 0;                   ///< MB
  std::optional<std::uint64_t> size;          ///< bytes
  std::optional<std::uint64_t> virtual_size;  ///< bytes
  std::optional<std::string> checksum;
  std::optional<std::string> os_hash_algo;
  std::optional<std::string> os_hash_value;
  Timestamp created_at;
  Timestamp updated_at;
  std::vector<std::string> tags;                  ///< sorted, no duplicates
  std::map<std::string, std::string> properties;  ///< the custom ones
  std::vector<Location> locations;
  bool temporary = false;  ///< see ImageDraft
};

/// What becomes of an image whose name another one takes over.
enum class Replaced {
  deleted,
  hidden,  ///< kept under its id, with os_hidden: clouds rebuild servers from old ids
};

/// What a new image may be given. Everything else is the catalog's to decide.
struct ImageDraft {
  std::optional<ImageId> id;  ///< random when absent
  std::optional<std::string> name;
  Visibility visibility = Visibility::shared;
  bool is_protected = false;
  bool os_hidden = false;
  std::optional<std::string> owner;  ///< the caller's project when absent
  std::optional<std::string> disk_format;
  std::optional<std::string> container_format;
  std::int32_t min_disk = 0;
  std::int32_t min_ram = 0;
  std::vector<std::string> tags;
  std::map<std::string, std::string> properties;
  /// A file on its way to its real name, as rsync makes them: shown to callers who see
  /// temporaries only, until it is renamed or active.
  bool temporary = false;
};

}  // namespace glance
