// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/digest_fields.h"

#include <string>

#include <gtest/gtest.h>

#include "api-bridge/wire/http_error.h"

namespace glance::api {
namespace {

// Of no bytes.
constexpr auto kMd5 = "1B2M2Y8AsgTpgAmY7PhCfg==";
constexpr auto kMd5Hex = "d41d8cd98f00b204e9800998ecf8427e";
constexpr auto kSha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
constexpr auto kSha256Hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr auto kSha512 =
    "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";
constexpr auto kSha512Hex =
    "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";

Expectation read(const Headers& headers, std::string_view preferred = "sha512") {
  Request request;
  request.headers = headers;
  return announced_digests(request, preferred);
}

std::string member(const std::string& algorithm, const std::string& value) {
  return algorithm + "=:" + value + ":";
}

TEST(DigestFields, SayNothingWithoutAny) {
  EXPECT_EQ(read({}), Expectation{});
}

TEST(DigestFields, ReadContentMd5InBothForms) {
  EXPECT_EQ(read({{"content-md5", kMd5}}).checksum, kMd5Hex);
  EXPECT_EQ(read({{"Content-MD5", "D41D8CD98F00B204E9800998ECF8427E"}}).checksum, kMd5Hex);
}

TEST(DigestFields, ReadBothFieldsOfRfc9530) {
  for (const auto* field : {"Repr-Digest", "Content-Digest", "repr-digest"}) {
    const auto expected = read({{field, member("sha-256", kSha256)}});
    EXPECT_EQ(expected.os_hash_algo, "sha256") << field;
    EXPECT_EQ(expected.os_hash_value, kSha256Hex) << field;
    EXPECT_FALSE(expected.checksum) << field;
  }
  EXPECT_EQ(read({{"Repr-Digest", member("md5", kMd5)}}).checksum, kMd5Hex);
}

TEST(DigestFields, PreferTheCatalogsOwnHash) {
  const auto both = member("sha-256", kSha256) + ", " + member("sha-512", kSha512);
  EXPECT_EQ(read({{"Repr-Digest", both}}).os_hash_value, kSha512Hex);
  EXPECT_EQ(read({{"Repr-Digest", both}}, "sha256").os_hash_value, kSha256Hex);
  EXPECT_EQ(read({{"Repr-Digest", both}}, "blake2b512").os_hash_algo, "sha512");
}

TEST(DigestFields, PassOverWhatTheyDoNotKnow) {
  EXPECT_EQ(read({{"Repr-Digest", "crc32c=:AAAA:, unixsum=:?:,sha=1,,"}}), Expectation{});
  EXPECT_EQ(read({{"Repr-Digest", "new=:x:, " + member("md5", kMd5) + ";q=1"}}).checksum, kMd5Hex);
}

TEST(DigestFields, RefuseMalformedValues) {
  const std::string good = kMd5;
  for (const auto& value : std::initializer_list<std::string>{
           "md5", "md5=", "md5=x", "md5=:", "md5=::", "md5=:" + good, "md5=" + good + ":",
           "md5=:" + good + ":x", member("md5", kSha256), member("sha-256", kMd5),
           member("md5", "1B2M2Y8AsgTpgAmY7PhCfg"), member("md5", "1B2M2Y8AsgTpgAmY7PhCf==="),
           member("md5", "1B2M2Y8AsgTpgAmY7PhCf-=="), member("md5", "1B2M2Y8A=gTpgAmY7PhCfg=="),
           member("md5", good + "\n")}) {
    EXPECT_THROW((void)read({{"Repr-Digest", value}}), HttpError) << value;
  }
  for (const auto* value : {"x", "d41d8cd98f00b204e9800998ecf8427", "====", kSha256}) {
    EXPECT_THROW((void)read({{"Content-MD5", value}}), HttpError) << value;
  }
}

TEST(DigestFields, RefuseContradictions) {
  const auto other = member("md5", "AAAAAAAAAAAAAAAAAAAAAA==");
  EXPECT_THROW((void)read({{"Content-MD5", kMd5}, {"Repr-Digest", other}}), HttpError);
  EXPECT_EQ(read({{"Content-MD5", kMd5Hex}, {"Repr-Digest", member("md5", kMd5)}}).checksum,
            kMd5Hex);
}

}  // namespace
}  // namespace glance::api
