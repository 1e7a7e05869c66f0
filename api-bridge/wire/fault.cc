// SPDX-License-Identifier: Apache-2.0
#include "api-bridge/wire/fault.h"

#include "api-bridge/wire/http_error.h"
#include "catalog/base/error.h"

namespace glance::api {
namespace {

std::string_view kind_of_status(int status) noexcept {
  switch (status) {
    case 400:
    case 416:
    case 417:
      return "invalid";
    case 401:
      return "unauthenticated";
    case 403:
      return "forbidden";
    case 404:
      return "not_found";
    case 405:
    case 501:
      return "unsupported";
    case 408:
      return "timeout";
    case 409:
      return "conflict";
    case 410:
      return "gone";
    case 412:
      return "unmet";
    case 413:
    case 414:
    case 431:
      return "too_large";
    case 415:
      return "media_type";
    case 503:
      return "busy";
    default:
      return status < 500 ? "refused" : "unforeseen";
  }
}

}  // namespace

std::string_view fault_kind(const std::exception_ptr& failure) noexcept {
  try {
    std::rethrow_exception(failure);
  } catch (const HttpError& error) {
    return kind_of_status(error.status());
  } catch (const Error& error) {
    return to_string(error.code());
  } catch (...) {
    return "unforeseen";
  }
}

}  // namespace glance::api
