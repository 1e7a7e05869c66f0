// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include <boost/asio/ssl/context.hpp>

#include "api-bridge/http_server/server.h"

namespace glance::api {

/// A server's side of TLS 1.2 and 1.3 with the certificate chain and key of the files. Throws
/// std::runtime_error that names the file which is missing, malformed or not the other's.
[[nodiscard]] std::shared_ptr<boost::asio::ssl::context> load_tls(const TlsFiles& files);

}  // namespace glance::api
