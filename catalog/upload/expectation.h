// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "catalog/model/digests.h"
#include "catalog/model/image.h"

namespace glance {

/// Announced digests and what became of them. Pure.

/// The expectation with its hex digits in lower case. Error: invalid, for what no digest of that
/// name looks like; names what is allowed.
[[nodiscard]] Expectation normalized(Expectation expected);

/// `before` with what `later` says in its place. Errors: as normalized().
[[nodiscard]] Expectation replaced_by(Expectation before, const Expectation& later);

/// The two together; where both speak, `first` wins.
[[nodiscard]] Expectation merged(Expectation first, const Expectation& second);

/// Throws mismatch, naming both values, unless `size` and `digests` are what was expected.
/// `digest_by` makes the data's digest by a hash that `digests` does not have; it is only called
/// where such a one was announced.
void require_expected(const Expectation& expected, std::uint64_t size, const Digests& digests,
                      const std::function<std::string(const std::string& algo)>& digest_by);

}  // namespace glance
