// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/image_format.h"

#include <algorithm>
#include <array>
#include <concepts>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace glance {
namespace {

constexpr std::uint64_t kSectorSize = 512;
using OptionalSize = std::optional<std::uint64_t>;

/// Bytes of an image, with integers at offsets in them. Whatever lies outside is absent: no
/// caller needs to check a length.
class Bytes {
 public:
  explicit Bytes(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

  [[nodiscard]] bool has(std::size_t offset, std::string_view magic) const {
    if (offset > bytes_.size() || magic.size() > bytes_.size() - offset) return false;
    return std::ranges::equal(
        magic, std::span(bytes_).subspan(offset, magic.size()), {},
        [](char c) { return static_cast<unsigned char>(c); },
        [](std::byte b) { return std::to_integer<unsigned char>(b); });
  }

  template <std::unsigned_integral Integer>
  [[nodiscard]] std::optional<Integer> little_endian(std::size_t offset) const {
    return integer<Integer>(offset, [](std::size_t i) { return sizeof(Integer) - 1 - i; });
  }

  template <std::unsigned_integral Integer>
  [[nodiscard]] std::optional<Integer> big_endian(std::size_t offset) const {
    return integer<Integer>(offset, [](std::size_t i) { return i; });
  }

  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] std::span<const std::byte> all() const noexcept { return bytes_; }

 private:
  /// `place(i)` is where the i-th most significant byte lies.
  template <std::unsigned_integral Integer, typename Place>
  [[nodiscard]] std::optional<Integer> integer(std::size_t offset, Place place) const {
    if (offset > bytes_.size() || sizeof(Integer) > bytes_.size() - offset) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Integer); ++i) {
      value = (value << 8U) | std::to_integer<std::uint64_t>(bytes_[offset + place(i)]);
    }
    return static_cast<Integer>(value);
  }

  std::vector<std::byte> bytes_;
};

/// The image as the inspectors see it.
class Source {
 public:
  Source(const ReadAt& read_at, std::uint64_t size) : read_at_(read_at), size_(size) {}

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  /// Up to `count` bytes from `offset` on: fewer, or none, where the image ends.
  [[nodiscard]] Bytes read(std::uint64_t offset, std::size_t count) const {
    if (offset >= size_) return Bytes({});
    std::vector<std::byte> bytes(
        static_cast<std::size_t>(std::min<std::uint64_t>(count, size_ - offset)));
    std::size_t filled = 0;
    while (filled < bytes.size()) {
      const auto rest = std::span(bytes).subspan(filled);
      const std::size_t got = read_at_(offset + filled, rest);
      if (got == 0) break;
      filled += std::min(got, rest.size());
    }
    bytes.resize(filled);
    return Bytes(std::move(bytes));
  }

 private:
  const ReadAt& read_at_;
  std::uint64_t size_;
};

/// The database keeps sizes in signed columns; what does not fit is a damaged header.
OptionalSize plausible(OptionalSize size) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  return size && *size <= kMax ? size : std::nullopt;
}

OptionalSize sectors(OptionalSize count) {
  if (!count || *count > std::numeric_limits<std::uint64_t>::max() / kSectorSize) {
    return std::nullopt;
  }
  return plausible(*count * kSectorSize);
}

// Each inspector answers nothing if the image is not of its format. They follow the formats'
// published layouts; offsets are bytes.

std::optional<ImageFormat> inspect_qcow2(const Bytes& head) {
  if (!head.has(0, std::string_view("QFI\xfb", 4))) return std::nullopt;
  constexpr std::size_t kHeaderSizeV2 = 72;
  const auto version = head.big_endian<std::uint32_t>(4);
  const bool known = version == 2U || version == 3U;
  if (!known || head.size() < kHeaderSizeV2) return ImageFormat{"qcow2", std::nullopt};
  return ImageFormat{"qcow2", plausible(head.big_endian<std::uint64_t>(24))};
}

/// A sparse extent of VMware's hosted products. A text descriptor ("# Disk DescriptorFile") is no
/// such thing: it holds no data, only names of other files, which nothing may follow.
std::optional<ImageFormat> inspect_hosted_vmdk(const Source& image, const Bytes& head) {
  if (!head.has(0, "KDMV")) return std::nullopt;
  constexpr std::size_t kCapacity = 12;
  constexpr std::size_t kGrainDirectory = 56;
  constexpr std::uint64_t kFooterDistance = 1024;
  auto capacity = head.little_endian<std::uint64_t>(kCapacity);
  // Writers of streams may not know the capacity until the end: then a footer repeats the header.
  const bool at_end = head.little_endian<std::uint64_t>(kGrainDirectory) ==
                      std::numeric_limits<std::uint64_t>::max();
  if (capacity == 0U && at_end && image.size() >= kFooterDistance) {
    const Bytes footer = image.read(image.size() - kFooterDistance, kSectorSize);
    if (footer.has(0, "KDMV")) capacity = footer.little_endian<std::uint64_t>(kCapacity);
  }
  return ImageFormat{"vmdk", sectors(capacity)};
}

/// A sparse extent of ESX 3 and older.
std::optional<ImageFormat> inspect_esx_vmdk(const Bytes& head) {
  if (!head.has(0, "COWD")) return std::nullopt;
  return ImageFormat{"vmdk", sectors(head.little_endian<std::uint32_t>(12))};
}

std::optional<ImageFormat> inspect_vdi(const Bytes& head) {
  if (!head.has(0x40, "\x7f\x10\xda\xbe")) return std::nullopt;
  return ImageFormat{"vdi", plausible(head.little_endian<std::uint64_t>(0x170))};
}

constexpr std::string_view kVhdCookie = "conectix";
constexpr std::size_t kVhdCurrentSize = 48;

/// Dynamic and differencing disks begin with a copy of their footer.
std::optional<ImageFormat> inspect_dynamic_vhd(const Bytes& head) {
  if (!head.has(0, kVhdCookie)) return std::nullopt;
  return ImageFormat{"vhd", plausible(head.big_endian<std::uint64_t>(kVhdCurrentSize))};
}

/// The complement of the sum of all bytes but the checksum's own.
bool vhd_checksum_holds(const Bytes& footer) {
  constexpr std::size_t kChecksum = 64;
  const auto stored = footer.big_endian<std::uint32_t>(kChecksum);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < footer.size(); ++i) {
    const bool own = i >= kChecksum && i < kChecksum + 4;
    if (!own) sum += std::to_integer<std::uint32_t>(footer.all()[i]);
  }
  return stored == ~sum;
}

/// A fixed disk is raw data and a footer. Eight letters at the end of a guest's disk are not enough
/// to call it so: the whole footer must be sound.
std::optional<ImageFormat> inspect_fixed_vhd(const Source& image) {
  constexpr std::size_t kFooterSize = 512;
  constexpr std::uint32_t kFixed = 2;
  if (image.size() < kFooterSize) return std::nullopt;
  const std::uint64_t data_size = image.size() - kFooterSize;
  const Bytes footer = image.read(data_size, kFooterSize);
  if (!footer.has(0, kVhdCookie) || footer.big_endian<std::uint32_t>(60) != kFixed ||
      !vhd_checksum_holds(footer)) {
    return std::nullopt;
  }
  const auto current_size = plausible(footer.big_endian<std::uint64_t>(kVhdCurrentSize));
  return ImageFormat{"vhd",
                     current_size && *current_size <= data_size ? current_size : std::nullopt};
}

// GUIDs as their bytes lie on disk.
constexpr std::string_view kVhdxMetadataRegion(
    "\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e", 16);
constexpr std::string_view kVhdxVirtualDiskSize(
    "\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8", 16);

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kVhdxTableSize = 64 * kKiB;
constexpr std::size_t kVhdxMaxEntries = 2047;
constexpr std::size_t kVhdxRegionHeaderSize = 16;
constexpr std::size_t kVhdxMetadataHeaderSize = 32;

/// The offset of the entry with `guid` in a VHDX table: `count` entries of 32 bytes that begin
/// with their GUID, behind a header.
std::optional<std::size_t> find_vhdx_entry(const Bytes& table, std::size_t header_size,
                                           std::size_t count, std::string_view guid) {
  constexpr std::size_t kEntrySize = 32;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t entry = header_size + i * kEntrySize;
    if (table.has(entry, guid)) return entry;
  }
  return std::nullopt;
}

OptionalSize vhdx_size_in_metadata(const Source& image, std::uint64_t region) {
  const Bytes table = image.read(region, kVhdxTableSize);
  const auto count = table.little_endian<std::uint16_t>(10);
  if (!table.has(0, "metadata") || !count || *count > kVhdxMaxEntries) return std::nullopt;
  const auto entry = find_vhdx_entry(table, kVhdxMetadataHeaderSize, *count, kVhdxVirtualDiskSize);
  if (!entry) return std::nullopt;
  const auto offset = table.little_endian<std::uint32_t>(*entry + 16);
  const auto length = table.little_endian<std::uint32_t>(*entry + 20);
  constexpr std::uint32_t kSizeLength = 8;
  if (!offset || length != kSizeLength) return std::nullopt;
  // `region` has 63 bits at most, so a 32-bit offset cannot carry the sum around.
  const Bytes item = image.read(region + *offset, kSizeLength);
  return plausible(item.little_endian<std::uint64_t>(0));
}

OptionalSize vhdx_size_by_region_table(const Source& image, std::uint64_t table_offset) {
  const Bytes table = image.read(table_offset, kVhdxTableSize);
  const auto count = table.little_endian<std::uint32_t>(8);
  if (!table.has(0, "regi") || !count || *count > kVhdxMaxEntries) return std::nullopt;
  const auto entry = find_vhdx_entry(table, kVhdxRegionHeaderSize, *count, kVhdxMetadataRegion);
  if (!entry) return std::nullopt;
  const auto region = plausible(table.little_endian<std::uint64_t>(*entry + 16));
  if (!region || *region >= image.size()) return std::nullopt;
  return vhdx_size_in_metadata(image, *region);
}

std::optional<ImageFormat> inspect_vhdx(const Source& image, const Bytes& head) {
  if (!head.has(0, "vhdxfile")) return std::nullopt;
  // Two copies, for a writer that dies in the middle of one.
  constexpr std::array<std::uint64_t, 2> kRegionTables = {192 * kKiB, 256 * kKiB};
  for (const std::uint64_t offset : kRegionTables) {
    if (const auto size = vhdx_size_by_region_table(image, offset)) {
      return ImageFormat{"vhdx", size};
    }
  }
  return ImageFormat{"vhdx", std::nullopt};
}

/// Many ISO images are hybrids that begin with a partition table, so that they boot from a USB
/// stick as well. They are still ISO images.
std::optional<ImageFormat> inspect_iso(const Source& image) {
  constexpr std::uint64_t kFirstDescriptor = 32768;
  constexpr std::size_t kIdentifier = 1;
  if (!image.read(kFirstDescriptor, 8).has(kIdentifier, "CD001")) return std::nullopt;
  return ImageFormat{"iso", plausible(image.size())};
}

}  // namespace

ImageFormat inspect_image(const ReadAt& read_at, std::uint64_t size) {
  const Source image(read_at, size);
  const Bytes head = image.read(0, 1024);
  // From what is hardest to mistake to what is easiest.
  if (auto format = inspect_qcow2(head)) return *format;
  if (auto format = inspect_hosted_vmdk(image, head)) return *format;
  if (auto format = inspect_esx_vmdk(head)) return *format;
  if (auto format = inspect_vhdx(image, head)) return *format;
  if (auto format = inspect_dynamic_vhd(head)) return *format;
  if (auto format = inspect_vdi(head)) return *format;
  if (auto format = inspect_iso(image)) return *format;
  if (auto format = inspect_fixed_vhd(image)) return *format;
  return {"raw", plausible(size)};
}

}  // namespace glance
