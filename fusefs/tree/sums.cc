// SPDX-License-Identifier: Apache-2.0
#include "fusefs/tree/sums.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "catalog/base/sync.h"
#include "catalog/model/digests.h"

namespace glance::fs {

namespace {

constexpr std::string_view kSeparator = "  ";
constexpr std::string_view kEscaped = "\\\n\r";

// One read(2) of 128 KiB then asks the database a few times only.
constexpr std::size_t kImagesPerChunk = 128;

bool needs_escape(std::string_view file_name) noexcept {
  return file_name.find_first_of(kEscaped) != std::string_view::npos;
}

/// md5sum -c takes the name `-` for its standard input.
std::string_view prefix_of(std::string_view file_name) noexcept {
  return file_name == "-" ? "./" : "";
}

class SumsReader final : public BlobReader {
 public:
  SumsReader(Catalog& catalog, Caller caller, SumFile file, std::vector<NodePtr> images)
      : catalog_(catalog), caller_(std::move(caller)), file_(file), images_(std::move(images)) {
    for (std::size_t i = 0; i < images_.size(); ++i) {
      if (i % kImagesPerChunk == 0) chunk_starts_.push_back(size_);
      size_ += sum_line_size(file_, images_[i]->file_name);
    }
  }

  [[nodiscard]] std::uint64_t size() const override { return size_; }

  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const override {
    std::size_t done = 0;
    while (done < into.size() && offset + done < size_) {
      const std::uint64_t at = offset + done;
      const auto after = std::ranges::upper_bound(chunk_starts_, at);
      const auto number = static_cast<std::size_t>(after - chunk_starts_.begin()) - 1;
      const auto text = chunk(number);
      const auto skip = static_cast<std::size_t>(at - chunk_starts_[number]);
      const std::size_t count = std::min(text->size() - skip, into.size() - done);
      std::memcpy(into.data() + done, text->data() + skip, count);
      done += count;
    }
    return done;
  }

 private:
  using Text = std::shared_ptr<const std::string>;

  [[nodiscard]] Text chunk(std::size_t number) const EXCLUDES(mutex_) {
    {
      MutexLock lock(mutex_);
      if (newest_number_ == number) return newest_;
    }
    auto text = std::make_shared<const std::string>(make_chunk(number));
    MutexLock lock(mutex_);
    newest_number_ = number;
    newest_ = text;
    return text;
  }

  [[nodiscard]] std::string make_chunk(std::size_t number) const {
    const auto from = number * kImagesPerChunk;
    const auto images =
        std::span(images_).subspan(from, std::min(kImagesPerChunk, images_.size() - from));
    std::vector<ImageId> ids;
    ids.reserve(images.size());
    for (const auto& node : images) ids.push_back(node->image.id);
    const auto digests = catalog_.digests(caller_, ids);
    std::string text;
    for (const auto& node : images) {
      const auto found = digests.find(node->image.id);
      std::string line;
      if (found != digests.end()) {
        line =
            sum_line(file_ == SumFile::md5 ? found->second.checksum : found->second.os_hash_value,
                     node->file_name);
      }
      // All offsets after it would be wrong.
      if (line.size() != sum_line_size(file_, node->file_name)) {
        throw Error(Errc::gone, "the digest of image " + node->image.id.text() + " is gone");
      }
      text += line;
    }
    return text;
  }

  Catalog& catalog_;
  const Caller caller_;
  const SumFile file_;
  const std::vector<NodePtr> images_;
  std::vector<std::uint64_t> chunk_starts_;  // constant after construction
  std::uint64_t size_ = 0;                   // constant after construction
  mutable Mutex mutex_;                      // a leaf, see sync.h
  mutable std::optional<std::size_t> newest_number_ GUARDED_BY(mutex_);
  mutable Text newest_ GUARDED_BY(mutex_);
};

}  // namespace

std::string sum_line(std::string_view digest, std::string_view file_name) {
  std::string line = needs_escape(file_name) ? "\\" : "";
  line += digest;
  line += kSeparator;
  line += prefix_of(file_name);
  for (const char c : file_name) {
    switch (c) {
      case '\\':
        line += "\\\\";
        break;
      case '\n':
        line += "\\n";
        break;
      case '\r':
        line += "\\r";
        break;
      default:
        line += c;
    }
  }
  return line + '\n';
}

std::size_t sum_line_size(SumFile file, std::string_view file_name) noexcept {
  const auto escapes = std::ranges::count_if(
      file_name, [](char c) { return kEscaped.find(c) != std::string_view::npos; });
  return (escapes > 0 ? 1 : 0) + (file == SumFile::md5 ? kMd5Digits : kSha512Digits) +
         kSeparator.size() + prefix_of(file_name).size() + file_name.size() +
         static_cast<std::size_t>(escapes) + 1;
}

std::unique_ptr<BlobReader> open_sums(Catalog& catalog, const Caller& caller, SumFile file,
                                      std::vector<NodePtr> images) {
  return std::make_unique<SumsReader>(catalog, caller, file, std::move(images));
}

}  // namespace glance::fs
