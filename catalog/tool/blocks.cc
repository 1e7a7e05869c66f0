// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/blocks.h"

#include <algorithm>
#include <cstring>

#include "catalog/base/error.h"

namespace glance::tool {

namespace {

constexpr std::size_t kStep = std::size_t{64} * 1024;

bool all_zero(Bytes bytes) {
  // Each byte equals its neighbour, and the first one is zero.
  return bytes.front() == std::byte{0} &&
         std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

}  // namespace

void each_block(const BlobReader& reader,
                const std::function<void(std::uint64_t offset, Bytes block)>& take) {
  std::vector<std::byte> buffer(kBlock);
  const std::uint64_t size = reader.size();
  for (std::uint64_t offset = 0; offset < size;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, size - offset));
    const auto block = std::span(buffer).first(wanted);
    if (reader.read(offset, block) != wanted) {
      throw Error(Errc::corrupt, "the image's data end before their size");
    }
    take(offset, block);
    offset += wanted;
  }
}

void each_run(Bytes block, const std::function<void(Bytes run, bool zeros)>& take) {
  std::size_t begin = 0;
  bool zeros = false;
  for (std::size_t at = 0; at < block.size(); at += kStep) {
    const bool here = all_zero(block.subspan(at, std::min(kStep, block.size() - at)));
    if (at > begin && here != zeros) {
      take(block.subspan(begin, at - begin), zeros);
      begin = at;
    }
    zeros = here;
  }
  if (begin < block.size()) take(block.subspan(begin), zeros);
}

}  // namespace glance::tool
