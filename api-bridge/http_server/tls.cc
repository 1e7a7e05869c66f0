// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/http_server/tls.h"

#include <stdexcept>

#include <fmt/format.h>
#include <openssl/ssl.h>

namespace glance::api {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& file, const char* what,
                         const boost::system::error_code& error) {
  throw std::runtime_error(
      fmt::format("{}: cannot use it as the {}: {}", file.string(), what, error.message()));
}

}  // namespace

std::shared_ptr<boost::asio::ssl::context> load_tls(const TlsFiles& files) {
  namespace ssl = boost::asio::ssl;
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  context->set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 |
                       ssl::context::no_compression);
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION);
  // A connection that waits for its next request keeps no buffers.
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  boost::system::error_code error;
  if (context->use_certificate_chain_file(files.certificate.string(), error)) {
    refuse(files.certificate, "certificate (cert_file)", error);
  }
  if (context->use_private_key_file(files.key.string(), ssl::context::pem, error)) {
    refuse(files.key, "key (key_file)", error);
  }
  return context;
}

}  // namespace glance::api
