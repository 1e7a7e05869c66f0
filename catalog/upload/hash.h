// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

struct evp_md_st;
struct evp_md_ctx_st;

namespace glance {

/// One running hash. Externally synchronized.
class Hash {
 public:
  /// `name` as Glance's configuration and rows have it, which is Python's ("md5", "sha512",
  /// "sha3_512", "blake2b"). Error: invalid, for a hash that OpenSSL does not know.
  explicit Hash(const std::string& name);
  Hash(Hash&&) noexcept = default;
  ~Hash() = default;

  /// Starts anew, with no bytes.
  void restart();

  void update(std::span<const std::byte> bytes);

  /// How many hex digits a value has.
  [[nodiscard]] std::size_t digits() const;

  /// The value so far, as lower-case hex; more bytes may follow.
  [[nodiscard]] std::string value() const;

 private:
  struct Free {
    void operator()(evp_md_st* type) const noexcept;
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  using Context = std::unique_ptr<evp_md_ctx_st, Free>;
  [[nodiscard]] static Context new_context();

  std::unique_ptr<evp_md_st, Free> type_;
  Context context_;
};

}  // namespace glance
