// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "catalog/os/unique_fd.h"

namespace glance::tool {

/// Where `save` writes, front to back.
class Output {
 public:
  virtual ~Output() = default;

  /// Errors: no_space, over_quota, too_large, io.
  virtual void write(std::span<const std::byte> bytes) = 0;

  /// Zeros; a file gets a hole.
  virtual void write_zeros(std::span<const std::byte> zeros) = 0;

  /// The bytes are right and all there.
  virtual void commit() = 0;
};

/// The standard output. What is written cannot be taken back.
class StandardOutput final : public Output {
 public:
  /// UsageError, if it is a terminal.
  StandardOutput();

  void write(std::span<const std::byte> bytes) override;
  void write_zeros(std::span<const std::byte> zeros) override { write(zeros); }
  void commit() override {}
};

/// A file that is there, whole and durable, once commit() has returned, and not before: it grows
/// under a name of its own beside its place. Replaces an existing file, whose mode it takes;
/// destruction without commit() leaves that as it was.
class OutputFile final : public Output {
 public:
  /// UsageError, if `path` is something else than a file. Errors: those of open(2).
  explicit OutputFile(const std::string& path);
  ~OutputFile() override;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::span<const std::byte> bytes) override;
  void write_zeros(std::span<const std::byte> zeros) override { size_ += zeros.size(); }
  void commit() override;

 private:
  const std::filesystem::path target_;
  const std::filesystem::path temporary_;
  const UniqueFd fd_;
  std::uint64_t size_ = 0;
  bool committed_ = false;
};

}  // namespace glance::tool
