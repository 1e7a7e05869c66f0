// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "catalog/os/unique_fd.h"
#include "catalog/tool/interruption.h"

namespace glance::tool {

/// What `add` reads: a file, a device, a pipe, or the standard input, called `-`. Opening a pipe
/// waits for its writer.
class Input {
 public:
  /// Errors: not_found and other failures of open(2), invalid (a directory); UsageError, if it is
  /// a terminal.
  explicit Input(const std::string& path);

  /// How many bytes are to come; nothing if only the end will tell.
  [[nodiscard]] std::optional<std::uint64_t> size() const noexcept { return size_; }

  /// What image data that come from here are called; nothing for the standard input.
  [[nodiscard]] std::optional<std::string> name() const;

  /// The next bytes: as many as fit, fewer only at the end. Throws Interrupted. Error: io.
  std::size_t read(std::span<std::byte> into, const Interruption& interruption) const;

 private:
  const std::string path_;
  const UniqueFd fd_;
  std::optional<std::uint64_t> size_;
};

}  // namespace glance::tool
