// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include <fmt/format.h>

#include "catalog/model/attribute_text.h"
#include "catalog/model/digests.h"
#include "catalog/text/ascii.h"
#include "catalog/text/hex.h"
#include "catalog/tool/blocks.h"
#include "catalog/tool/command.h"
#include "catalog/tool/images.h"
#include "catalog/tool/input.h"
#include "catalog/tool/interruption.h"
#include "catalog/tool/progress.h"

namespace glance::tool {

namespace po = boost::program_options;

namespace {

/// The options that are attributes, by name.
struct AttributeOption {
  const char* option;
  const char* attribute;
};

constexpr auto kAttributeOptions = std::to_array<AttributeOption>({
    {"name", "name"},
    {"disk-format", "disk_format"},
    {"container-format", "container_format"},
    {"visibility", "visibility"},
    {"owner", "owner"},
    {"min-disk", "min_disk"},
    {"min-ram", "min_ram"},
});

/// The image that the attribute options describe, by the same rules as every later change.
Image described_image(const Invocation& invocation, const Input& input, const ImageLimits& limits) {
  Image image{.id = ImageId::random()};
  image.name = input.name();
  for (const auto& [option, attribute] : kAttributeOptions) {
    if (const auto text = invocation.text(option)) {
      apply({.name = attribute, .value = parse_attribute(attribute, *text)}, limits, image);
    }
  }
  return image;
}

std::map<std::string, std::string> given_properties(const Invocation& invocation) {
  std::map<std::string, std::string> properties;
  for (const auto& text : invocation.texts("property")) {
    const auto [name, value] = split_assignment(text);
    if (!properties.emplace(name, value).second) {
      throw UsageError("the property '" + name + "' is given twice");
    }
  }
  return properties;
}

std::optional<ImageId> given_id(const Invocation& invocation) {
  const auto text = invocation.text("id");
  if (!text) return std::nullopt;
  auto id = ImageId::parse(*text);
  if (!id) throw UsageError("--id wants a UUID, not '" + *text + "'");
  return id;
}

ImageDraft described_draft(const Invocation& invocation, const Input& input,
                           const ImageLimits& limits) {
  const Image image = described_image(invocation, input, limits);
  return {.id = given_id(invocation),
          .name = image.name,
          .visibility = image.visibility,
          .is_protected = invocation.has("protected"),
          .os_hidden = invocation.has("hidden"),
          .owner = image.owner,
          .disk_format = image.disk_format,
          .container_format = image.container_format,
          .min_disk = image.min_disk,
          .min_ram = image.min_ram,
          .tags = invocation.texts("tag"),
          .properties = given_properties(invocation)};
}

/// A digest in lower case, as they are recorded.
std::optional<std::string> given_digest(const Invocation& invocation, const char* option,
                                        std::size_t digits) {
  const auto text = invocation.text(option);
  if (!text) return std::nullopt;
  if (!is_hex(*text, digits)) {
    throw UsageError(fmt::format("--{} wants {} hexadecimal digits", option, digits));
  }
  return lower_case(*text);
}

UploadOptions upload_options(const Invocation& invocation) {
  UploadOptions options{.origin = UploadOrigin::tool, .owns_image = true, .detect_format = true};
  options.expected.checksum = given_digest(invocation, "checksum", kMd5Digits);
  options.expected.os_hash_value = given_digest(invocation, "sha512", kSha512Digits);
  if (options.expected.os_hash_value) options.expected.os_hash_algo = "sha512";
  return options;
}

/// The upload of a new image, which goes away with it. Where it cannot begin there is no image.
std::shared_ptr<Upload> begin_upload(Catalog& catalog, const ImageDraft& draft,
                                     const UploadOptions& options) {
  const Caller caller = Caller::local_admin();
  const ImageId id = catalog.add(caller, draft).id;
  try {
    return catalog.upload(caller, id, options);
  } catch (...) {
    const AttributeEdit unprotect{.name = "protected", .value = false};
    catalog.update(caller, id, {&unprotect, 1});
    catalog.remove(caller, id);
    throw;
  }
}

void copy(const Input& input, Upload& upload, Progress& progress,
          const Interruption& interruption) {
  std::vector<std::byte> buffer(kBlock);
  std::uint64_t position = 0;
  for (;;) {
    const std::size_t size = input.read(buffer, interruption);
    each_run(std::span(buffer).first(size), [&](Bytes run, bool zeros) {
      // Growing leaves a hole.
      zeros ? upload.truncate(position + run.size()) : upload.write(position, run);
      position += run.size();
    });
    progress.advance(size);
    if (size < buffer.size()) break;
  }
  // A program that fails at the other end of a pipe looks like this.
  if (position == 0) throw Error(Errc::invalid, "there are no image data: the input is empty");
}

Image fill(const Input& input, Upload& upload, bool quiet, const Interruption& interruption) {
  try {
    Progress progress(input.size(), quiet);
    copy(input, upload, progress, interruption);
    upload.seal();
    interruption.check();
    return upload.publish();
  } catch (const Interrupted&) {
    upload.abandon("interrupted");
    throw;
  } catch (const std::exception& error) {
    // Also what is sealed: here nobody was told that it is safe.
    upload.abandon(error.what());
    throw;
  }
}

ExitCode add(const Invocation& invocation) {
  const Input input(invocation.arguments.front());
  const auto catalog = open_catalog(invocation);
  const auto draft = described_draft(invocation, input, catalog->config().limits);
  const auto options = upload_options(invocation);
  const Interruption interruption;
  const auto upload = begin_upload(*catalog, draft, options);
  const Image image = fill(input, *upload, invocation.has("quiet"), interruption);
  std::cout << image.id.text() << '\n';
  if (!std::cout.flush()) {
    throw Failure(ExitCode::failure,
                  "image " + image.id.text() + " is added, but its id cannot be written to stdout");
  }
  return ExitCode::ok;
}

po::typed_value<std::string>* value(const char* name) {
  return po::value<std::string>()->value_name(name);
}

po::typed_value<std::vector<std::string>>* values(const char* name) {
  return po::value<std::vector<std::string>>()->value_name(name);
}

}  // namespace

Command make_add() {
  Command command{.name = "add",
                  .operands = "FILE",
                  .summary = "Add an image with the data of FILE, - for stdin. Prints its id.",
                  .arguments = {1, 1},
                  .options = {},
                  .run = add};
  command.options.add_options()                                                         //
      ("name", value("NAME"), "its name (default: FILE's)")                             //
      ("disk-format", value("FORMAT"), "qcow2, raw, ... (default: found in the data)")  //
      ("container-format", value("FORMAT"), "bare, ovf, ... (default: bare)")           //
      ("property", values("KEY=VALUE"), "a custom property; may be repeated")           //
      ("tag", values("TAG"), "may be repeated")                                         //
      ("visibility", value("V"), "public, private, shared (default) or community")      //
      ("owner", value("PROJECT"), "the project that it belongs to")                     //
      ("protected", "protect it against deletion")                                      //
      ("hidden", "leave it out of lists")                                               //
      ("min-disk", value("GB"), "disk that it needs to boot")                           //
      ("min-ram", value("MB"), "memory that it needs to boot")                          //
      ("id", value("UUID"), "its id (default: random)")                                 //
      ("checksum", value("MD5"), "refuse the data if their MD5 is another")             //
      ("sha512", value("HEX"), "refuse the data if their SHA-512 is another")           //
      ("quiet", "no progress bar");
  return command;
}

}  // namespace glance::tool
