// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"
#include "fusefs/tree/node.h"

namespace glance::fs {

/// The lines of .MD5SUMS and .SHA512SUMS, as coreutils 9 writes and reads them.

/// `digest  file_name`; a name with a backslash or a line's end in it is escaped, and the line then
/// begins with a backslash. Pure.
[[nodiscard]] std::string sum_line(std::string_view digest, std::string_view file_name);

/// How long that line is, without its digest's being known. Pure.
[[nodiscard]] std::size_t sum_line_size(SumFile file, std::string_view file_name) noexcept;

/// The file's content for these images, which must all be in it. The lines are made as they are
/// read, some at a time; names and order stay those of `images`, and digests never change.
/// `catalog` must outlive it. Errors of read(): busy, io; gone, if an image was deleted and purged
/// from the database meanwhile.
[[nodiscard]] std::unique_ptr<BlobReader> open_sums(Catalog& catalog, const Caller& caller,
                                                    SumFile file, std::vector<NodePtr> images);

}  // namespace glance::fs
