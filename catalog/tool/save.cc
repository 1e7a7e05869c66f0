// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <optional>

#include "catalog/tool/blocks.h"
#include "catalog/tool/command.h"
#include "catalog/tool/digest_check.h"
#include "catalog/tool/images.h"
#include "catalog/tool/interruption.h"
#include "catalog/tool/output.h"
#include "catalog/tool/progress.h"

namespace glance::tool {

namespace {

/// The file to write; nothing for the standard output.
std::optional<std::string> given_file(const Invocation& invocation) {
  if (invocation.arguments.size() < 2 || invocation.arguments[1] == "-") return std::nullopt;
  return invocation.arguments[1];
}

std::unique_ptr<Output> open_output(const std::optional<std::string>& file) {
  if (file) return std::make_unique<OutputFile>(*file);
  return std::make_unique<StandardOutput>();
}

/// Says in one line what stands in the way, where the catalog would log half of it.
std::unique_ptr<BlobReader> open_data(Catalog& catalog, const Image& image) {
  if (has_data(image.status)) {
    if (const auto finding = catalog.check_data(image)) {
      const bool elsewhere = finding->fault == Fault::unverifiable;
      throw Error(elsewhere ? Errc::unsupported : Errc::corrupt,
                  "image " + image.id.text() + ": " + finding->text);
    }
  }
  return catalog.open_data(Caller::local_admin(), image.id);
}

void write_block(Bytes block, Output& output) {
  each_run(block,
           [&](Bytes run, bool zeros) { zeros ? output.write_zeros(run) : output.write(run); });
}

ExitCode save(const Invocation& invocation) {
  const auto catalog = open_catalog(invocation);
  const auto image = resolve_image(*catalog, invocation.arguments.front());
  const auto reader = open_data(*catalog, image);
  const auto file = given_file(invocation);
  // Where a file is in the making; a pipe that nobody reads must not hold a signal up.
  std::optional<Interruption> interruption;
  if (file) interruption.emplace();
  const auto output = open_output(file);
  DigestCheck digests(image);
  if (!digests.possible()) {
    std::cerr << "glance-catalog: image " << image.id.text()
              << " has no recorded digests: its data cannot be verified\n";
  }
  {
    Progress progress(reader->size(), invocation.has("quiet"));
    each_block(*reader, [&](std::uint64_t, Bytes block) {
      if (interruption) interruption->check();
      digests.update(block);
      write_block(block, *output);
      progress.advance(block.size());
    });
  }
  if (const auto mismatch = digests.mismatch()) {
    throw Error(Errc::corrupt,
                "the data of image " + image.id.text() + " are not what was stored: " + *mismatch);
  }
  output->commit();
  return ExitCode::ok;
}

}  // namespace

Command make_save() {
  Command command{.name = "save",
                  .operands = "NAME|ID [FILE]",
                  .summary = "Copy an image's data to FILE or stdout, verifying its digests.",
                  .arguments = {1, 2},
                  .options = {},
                  .run = save};
  command.options.add_options()("quiet", "no progress bar");
  return command;
}

}  // namespace glance::tool
