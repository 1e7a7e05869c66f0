// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "catalog/model/digests.h"
#include "catalog/model/image.h"
#include "catalog/rows/upload_rows.h"
#include "catalog/spool/spool.h"

namespace glance {

/// An image needs both formats before it can have data. Error: invalid, naming what is missing.
void require_formats(const Image& image);

/// An image whose data are to be checked against a signature (all of `img_signature`,
/// `img_signature_hash_method`, `img_signature_key_type`, `img_signature_certificate_uuid`) does
/// not become active unchecked, and there is no key manager to ask. Error: mismatch.
void require_verifiable(const Image& image);

/// What sealing has to find out about `size` bytes of `spool`, which are to become the data of
/// `image`: the format and virtual size by their content, and with `digests` the record of it
/// all. Formats that the image does not say are only found out with `detect_format`.
/// Error: io.
[[nodiscard]] rows::SealedData examine(const Image& image, const Spool& spool, std::uint64_t size,
                                       const Digests& digests, bool detect_format);

/// Holds the record against what was announced. Errors: mismatch, io.
void require_expected(const Expectation& expected, const Spool& spool,
                      const rows::SealedData& found);

}  // namespace glance
