// SPDX-License-Identifier: Apache-2.0
// rm, set.

#include <set>

#include "catalog/model/attribute_text.h"
#include "catalog/tool/command.h"
#include "catalog/tool/images.h"

namespace glance::tool {

namespace po = boost::program_options;

namespace {

void require_unprotected(const Image& image) {
  if (!image.is_protected) return;
  throw Error(Errc::protected_, "image " + image.id.text() +
                                    " is protected and cannot be deleted; `glance-catalog set " +
                                    image.id.text() + " protected=false` unprotects it");
}

ExitCode rm(const Invocation& invocation) {
  const auto catalog = open_catalog(invocation);
  const auto images = resolve_images(*catalog, invocation.arguments);
  for (const auto& image : images) require_unprotected(image);
  for (const auto& image : images) catalog->remove(Caller::local_admin(), image.id);
  return ExitCode::ok;
}

std::vector<AttributeEdit> given_edits(const Invocation& invocation) {
  std::vector<AttributeEdit> edits;
  std::set<std::string> keys;
  const auto take = [&](AttributeEdit edit) {
    if (!keys.insert(edit.name).second) throw UsageError("'" + edit.name + "' is given twice");
    edits.push_back(std::move(edit));
  };
  for (std::size_t i = 1; i < invocation.arguments.size(); ++i) {
    const auto [key, text] = split_assignment(invocation.arguments[i]);
    take({.kind = AttributeEdit::Kind::put, .name = key, .value = parse_attribute(key, text)});
  }
  for (const auto& key : invocation.texts("unset")) {
    take({.kind = AttributeEdit::Kind::reset, .name = key});
  }
  if (edits.empty()) throw UsageError("'set' wants KEY=VALUE or --unset KEY");
  return edits;
}

ExitCode set(const Invocation& invocation) {
  const auto edits = given_edits(invocation);
  const auto catalog = open_catalog(invocation);
  const auto image = resolve_image(*catalog, invocation.arguments.front());
  try {
    catalog->update(Caller::local_admin(), image.id, edits);
  } catch (const Error& error) {
    // The image is there; it is a property that is not.
    if (error.code() == Errc::not_found) throw Failure(ExitCode::refused, error.what());
    throw;
  }
  return ExitCode::ok;
}

}  // namespace

Command make_rm() {
  return {.name = "rm",
          .operands = "NAME|ID...",
          .summary = "Delete images. Nothing is deleted unless all are there and unprotected.",
          .arguments = {1, kAnyNumber},
          .options = {},
          .run = rm};
}

Command make_set() {
  Command command{.name = "set",
                  .operands = "NAME|ID [KEY=VALUE...]",
                  .summary = "Change attributes and properties of an image, all or none.",
                  .arguments = {1, kAnyNumber},
                  .options = {},
                  .run = set};
  command.options.add_options()                                            //
      ("unset", po::value<std::vector<std::string>>()->value_name("KEY"),  //
       "remove a property, give an attribute its default; may be repeated");
  return command;
}

}  // namespace glance::tool
