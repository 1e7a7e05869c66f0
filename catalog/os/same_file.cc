// SPDX-License-Identifier: Apache-2.0
#include "catalog/os/same_file.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include <fcntl.h>

namespace glance {

namespace {

bool has_same_bytes(const File& one, const File& other) {
  constexpr std::size_t kBlock = std::size_t{1} << 20;
  if (one.size() != other.size()) return false;
  std::vector<std::byte> a(kBlock);
  std::vector<std::byte> b(kBlock);
  for (std::uint64_t at = 0;; at += kBlock) {
    a.resize(one.read(at, a));
    b.resize(other.read(at, b));
    if (a != b) return false;
    if (a.size() < kBlock) return true;
  }
}

}  // namespace

bool is_same_file(const Directory& directory, const std::string& name, const File& file) {
  if (directory.names(name, file)) return true;
  const auto found = directory.find_file(name, O_RDONLY);
  return found && has_same_bytes(*found, file);
}

}  // namespace glance
