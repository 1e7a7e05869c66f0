// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/examination.h"

#include <algorithm>
#include <array>
#include <utility>

#include "catalog/upload/digester.h"
#include "catalog/upload/expectation.h"
#include "catalog/upload/image_format.h"

namespace glance {

namespace {

ReadAt reader_of(const Spool& spool) {
  return [&spool](std::uint64_t offset, std::span<std::byte> into) {
    return spool.read(offset, into);
  };
}

}  // namespace

void require_formats(const Image& image) {
  std::string missing;
  if (!image.disk_format) missing = "disk_format";
  if (!image.container_format)
    missing += missing.empty() ? "container_format" : ", container_format";
  if (missing.empty()) return;
  const bool both = !image.disk_format && !image.container_format;
  throw Error(Errc::invalid, (both ? "Properties " : "Property ") + missing +
                                 " must be set prior to saving data.");
}

void require_verifiable(const Image& image) {
  constexpr std::array<const char*, 4> kSignature = {"img_signature", "img_signature_hash_method",
                                                     "img_signature_key_type",
                                                     "img_signature_certificate_uuid"};
  const bool is_signed = std::ranges::all_of(
      kSignature, [&](const char* name) { return image.properties.contains(name); });
  if (!is_signed) return;
  throw Error(Errc::mismatch, "Signature verification failed: this server has no key manager.");
}

rows::SealedData examine(const Image& image, const Spool& spool, std::uint64_t size,
                         const Digests& digests, bool detect_format) {
  const ImageFormat found = inspect_image(reader_of(spool), size);
  rows::SealedData data;
  data.size = size;
  data.digests = digests;
  if (!image.disk_format && detect_format) data.disk_format = found.disk_format;
  if (!image.container_format && detect_format) data.container_format = "bare";
  // A header is believed only about the format that the image is declared to have; everything is
  // a raw image of its own length.
  const std::string& declared = image.disk_format ? *image.disk_format : found.disk_format;
  if (declared == found.disk_format) data.virtual_size = found.virtual_size;
  if (declared == "raw") data.virtual_size = size;
  return data;
}

void require_expected(const Expectation& expected, const Spool& spool,
                      const rows::SealedData& found) {
  require_expected(expected, found.size, found.digests, [&](const std::string& algo) {
    return digest_of(reader_of(spool), found.size, algo);
  });
}

}  // namespace glance
