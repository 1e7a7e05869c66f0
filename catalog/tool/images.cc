// SPDX-License-Identifier: Apache-2.0
#include "catalog/tool/images.h"

#include <algorithm>

#include "catalog/config/spec.h"

namespace glance::tool {

std::unique_ptr<Catalog> open_catalog(const Invocation& invocation) {
  return Catalog::open(read_spec(invocation.spec, false));
}

Image resolve_image(Catalog& catalog, const std::string& name_or_id) {
  try {
    return catalog.resolve(Caller::local_admin(), name_or_id);
  } catch (const Error& error) {
    if (error.code() != Errc::not_found && error.code() != Errc::ambiguous) throw;
    throw Failure(ExitCode::no_such_image, error.what());
  }
}

std::vector<Image> resolve_images(Catalog& catalog, const std::vector<std::string>& references) {
  std::vector<Image> images;
  for (const auto& reference : references) {
    auto image = resolve_image(catalog, reference);
    if (std::ranges::find(images, image.id, &Image::id) == images.end()) {
      images.push_back(std::move(image));
    }
  }
  return images;
}

std::pair<std::string, std::string> split_assignment(const std::string& text) {
  const auto sign = text.find('=');
  if (sign == std::string::npos || sign == 0) {
    throw UsageError("KEY=VALUE is wanted, not '" + text + "'");
  }
  return {text.substr(0, sign), text.substr(sign + 1)};
}

}  // namespace glance::tool
