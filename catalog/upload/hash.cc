// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/hash.h"

#include <algorithm>
#include <array>
#include <new>
#include <string_view>

#include <openssl/evp.h>

#include "catalog/base/error.h"
#include "catalog/text/hex.h"

namespace glance {

namespace {

void require_ok(int result) {
  if (result != 1) throw Error(Errc::io, "OpenSSL could not compute a digest");
}

/// Python's hashlib, whose names Glance uses, spells some hashes differently.
std::string openssl_name(std::string name) {
  if (name == "blake2b") return "blake2b512";
  if (name == "blake2s") return "blake2s256";
  std::ranges::replace(name, '_', '-');
  return name;
}

}  // namespace

void Hash::Free::operator()(evp_md_st* type) const noexcept {
  EVP_MD_free(type);
}

void Hash::Free::operator()(evp_md_ctx_st* context) const noexcept {
  EVP_MD_CTX_free(context);
}

Hash::Context Hash::new_context() {
  Context context(EVP_MD_CTX_new());
  if (!context) throw std::bad_alloc();
  return context;
}

Hash::Hash(const std::string& name)
    : type_(EVP_MD_fetch(nullptr, openssl_name(name).c_str(), nullptr)), context_(new_context()) {
  if (!type_) throw Error(Errc::invalid, "OpenSSL knows no hash named '" + name + "'");
  restart();
}

void Hash::restart() {
  require_ok(EVP_DigestInit_ex2(context_.get(), type_.get(), nullptr));
}

void Hash::update(std::span<const std::byte> bytes) {
  require_ok(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

std::size_t Hash::digits() const {
  return static_cast<std::size_t>(EVP_MD_get_size(type_.get())) * 2;
}

std::string Hash::value() const {
  const Context copy = new_context();
  require_ok(EVP_MD_CTX_copy_ex(copy.get(), context_.get()));
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int size = 0;
  require_ok(EVP_DigestFinal_ex(copy.get(), bytes.data(), &size));
  return to_hex(std::span(bytes).first(size));
}

}  // namespace glance
