// SPDX-License-Identifier: Apache-2.0
#include "catalog/database/schema.h"

#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace glance {

namespace {

// What alembic calls the newest migration of Glance 25.
constexpr std::string_view kAlembicVersion = "wallaby_contract01";

// Glance's tables as `glance-manage db_sync` leaves them in SQLite. Names of constraints and
// indexes matter: alembic's later migrations refer to them.
constexpr std::array kGlanceTables = {
    R"(CREATE TABLE alembic_version (
         version_num VARCHAR(32) NOT NULL,
         CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)))",

    R"(CREATE TABLE images (
         id VARCHAR(36) NOT NULL,
         name VARCHAR(255),
         size BIGINT,
         status VARCHAR(30) NOT NULL,
         created_at DATETIME NOT NULL,
         updated_at DATETIME,
         deleted_at DATETIME,
         deleted BOOLEAN NOT NULL,
         disk_format VARCHAR(20),
         container_format VARCHAR(20),
         checksum VARCHAR(32),
         owner VARCHAR(255),
         min_disk INTEGER NOT NULL,
         min_ram INTEGER NOT NULL,
         protected BOOLEAN DEFAULT 0 NOT NULL,
         virtual_size BIGINT,
         visibility VARCHAR(9) DEFAULT 'shared' NOT NULL,
         os_hidden BOOLEAN DEFAULT 0 NOT NULL,
         os_hash_algo VARCHAR(64),
         os_hash_value VARCHAR(128),
         PRIMARY KEY (id)))",
    "CREATE INDEX created_at_image_idx ON images (created_at)",
    "CREATE INDEX updated_at_image_idx ON images (updated_at)",
    "CREATE INDEX ix_images_deleted ON images (deleted)",
    "CREATE INDEX owner_image_idx ON images (owner)",
    "CREATE INDEX visibility_image_idx ON images (visibility)",
    "CREATE INDEX os_hidden_image_idx ON images (os_hidden)",
    "CREATE INDEX checksum_image_idx ON images (checksum)",
    "CREATE INDEX os_hash_value_image_idx ON images (os_hash_value)",

    R"(CREATE TABLE image_properties (
         id INTEGER NOT NULL,
         image_id VARCHAR(36) NOT NULL,
         name VARCHAR(255) NOT NULL,
         value TEXT,
         created_at DATETIME NOT NULL,
         updated_at DATETIME,
         deleted_at DATETIME,
         deleted BOOLEAN NOT NULL,
         PRIMARY KEY (id),
         FOREIGN KEY(image_id) REFERENCES images (id),
         CONSTRAINT ix_image_properties_image_id_name UNIQUE (image_id, name),
         CHECK (deleted IN (0, 1))))",
    "CREATE INDEX ix_image_properties_image_id ON image_properties (image_id)",
    "CREATE INDEX ix_image_properties_deleted ON image_properties (deleted)",

    R"(CREATE TABLE image_locations (
         id INTEGER NOT NULL,
         image_id VARCHAR(36) NOT NULL,
         value TEXT NOT NULL,
         created_at DATETIME NOT NULL,
         updated_at DATETIME,
         deleted_at DATETIME,
         deleted BOOLEAN NOT NULL,
         meta_data TEXT,
         status VARCHAR(30) DEFAULT 'active' NOT NULL,
         PRIMARY KEY (id),
         FOREIGN KEY(image_id) REFERENCES images (id),
         CHECK (deleted IN (0, 1))))",
    "CREATE INDEX ix_image_locations_image_id ON image_locations (image_id)",
    "CREATE INDEX ix_image_locations_deleted ON image_locations (deleted)",

    R"(CREATE TABLE image_members (
         id INTEGER NOT NULL,
         image_id VARCHAR(36) NOT NULL,
         member VARCHAR(255) NOT NULL,
         can_share BOOLEAN NOT NULL,
         created_at DATETIME NOT NULL,
         updated_at DATETIME,
         deleted_at DATETIME,
         deleted BOOLEAN NOT NULL,
         status VARCHAR(20) DEFAULT 'pending' NOT NULL,
         PRIMARY KEY (id),
         FOREIGN KEY(image_id) REFERENCES images (id),
         CONSTRAINT image_members_image_id_member_deleted_at_key
           UNIQUE (image_id, member, deleted_at),
         CHECK (can_share IN (0, 1)),
         CHECK (deleted IN (0, 1))))",
    "CREATE INDEX ix_image_members_image_id ON image_members (image_id)",
    "CREATE INDEX ix_image_members_image_id_member ON image_members (image_id, member)",
    "CREATE INDEX ix_image_members_deleted ON image_members (deleted)",

    R"(CREATE TABLE image_tags (
         id INTEGER NOT NULL,
         image_id VARCHAR(36) NOT NULL,
         value VARCHAR(255) NOT NULL,
         created_at DATETIME NOT NULL,
         updated_at DATETIME,
         deleted_at DATETIME,
         deleted BOOLEAN NOT NULL,
         PRIMARY KEY (id),
         FOREIGN KEY(image_id) REFERENCES images (id),
         CHECK (deleted IN (0, 1))))",
    "CREATE INDEX ix_image_tags_image_id ON image_tags (image_id)",
    "CREATE INDEX ix_image_tags_image_id_tag_value ON image_tags (image_id, value)",

    R"(CREATE TABLE tasks (
         id VARCHAR(36) NOT NULL,
         type VARCHAR(30) NOT NULL,
         status VARCHAR(30) NOT NULL,
         owner VARCHAR(255) NOT NULL,
         expires_at DATETIME,
         created_at DATETIME NOT NULL,
         updated_at DATETIME,
         deleted_at DATETIME,
         deleted BOOLEAN NOT NULL,
         image_id VARCHAR(36),
         request_id VARCHAR(64),
         user_id VARCHAR(64),
         PRIMARY KEY (id),
         CHECK (deleted IN (0, 1))))",
    "CREATE INDEX ix_tasks_deleted ON tasks (deleted)",
    "CREATE INDEX ix_tasks_image_id ON tasks (image_id)",
    "CREATE INDEX ix_tasks_owner ON tasks (owner)",
    "CREATE INDEX ix_tasks_status ON tasks (status)",
    "CREATE INDEX ix_tasks_type ON tasks (type)",
    "CREATE INDEX ix_tasks_updated_at ON tasks (updated_at)",
    R"(CREATE TABLE task_info (
         task_id VARCHAR(36) NOT NULL,
         input TEXT,
         result TEXT,
         message TEXT,
         PRIMARY KEY (task_id),
         FOREIGN KEY(task_id) REFERENCES tasks (id)))",

    R"(CREATE TABLE metadef_namespaces (
         id INTEGER NOT NULL,
         namespace VARCHAR(80) NOT NULL,
         display_name VARCHAR(80),
         description TEXT,
         visibility VARCHAR(32),
         protected BOOLEAN,
         owner VARCHAR(255) NOT NULL,
         created_at DATETIME NOT NULL,
         updated_at DATETIME,
         PRIMARY KEY (id),
         CONSTRAINT uq_metadef_namespaces_namespace UNIQUE (namespace),
         CHECK (protected IN (0, 1))))",
    "CREATE INDEX ix_metadef_namespaces_owner ON metadef_namespaces (owner)",
    R"(CREATE TABLE metadef_resource_types (
         id INTEGER NOT NULL,
         name VARCHAR(80) NOT NULL,
         protected BOOLEAN NOT NULL,
         created_at DATETIME NOT NULL,
         updated_at DATETIME,
         PRIMARY KEY (id),
         CONSTRAINT uq_metadef_resource_types_name UNIQUE (name),
         CHECK (protected IN (0, 1))))",
    R"(CREATE TABLE metadef_namespace_resource_types (
         resource_type_id INTEGER NOT NULL,
         namespace_id INTEGER NOT NULL,
         properties_target VARCHAR(80),
         prefix VARCHAR(80),
         created_at DATETIME NOT NULL,
         updated_at DATETIME,
         PRIMARY KEY (resource_type_id, namespace_id),
         FOREIGN KEY(namespace_id) REFERENCES metadef_namespaces (id),
         FOREIGN KEY(resource_type_id) REFERENCES metadef_resource_types (id)))",
    "CREATE INDEX ix_metadef_ns_res_types_namespace_id"
    " ON metadef_namespace_resource_types (namespace_id)",
    R"(CREATE TABLE metadef_objects (
         id INTEGER NOT NULL,
         namespace_id INTEGER NOT NULL,
         name VARCHAR(80) NOT NULL,
         description TEXT,
         required TEXT,
         json_schema TEXT NOT NULL,
         created_at DATETIME NOT NULL,
         updated_at DATETIME,
         PRIMARY KEY (id),
         FOREIGN KEY(namespace_id) REFERENCES metadef_namespaces (id),
         CONSTRAINT uq_metadef_objects_namespace_id_name UNIQUE (namespace_id, name)))",
    "CREATE INDEX ix_metadef_objects_name ON metadef_objects (name)",
    R"(CREATE TABLE metadef_properties (
         id INTEGER NOT NULL,
         namespace_id INTEGER NOT NULL,
         name VARCHAR(80) NOT NULL,
         json_schema TEXT NOT NULL,
         created_at DATETIME NOT NULL,
         updated_at DATETIME,
         PRIMARY KEY (id),
         FOREIGN KEY(namespace_id) REFERENCES metadef_namespaces (id),
         CONSTRAINT uq_metadef_properties_namespace_id_name UNIQUE (namespace_id, name)))",
    "CREATE INDEX ix_metadef_properties_name ON metadef_properties (name)",
    R"(CREATE TABLE metadef_tags (
         id INTEGER NOT NULL,
         namespace_id INTEGER NOT NULL,
         name VARCHAR(80) NOT NULL,
         created_at DATETIME NOT NULL,
         updated_at DATETIME,
         PRIMARY KEY (id),
         FOREIGN KEY(namespace_id) REFERENCES metadef_namespaces (id),
         CONSTRAINT uq_metadef_tags_namespace_id_name UNIQUE (namespace_id, name)))",
    "CREATE INDEX ix_metadef_tags_name ON metadef_tags (name)",
};

/// Something of ours in the database, made where it is missing.
struct Addition {
  std::string name;
  std::string text;
};

/// An index in the order of a list that is sorted by `column`.
Addition page_index(const std::string& column) {
  const std::string name = "glancefs_images_page_" + column;
  return {name, "CREATE INDEX " + name + " ON images (deleted, " + column + ", created_at, id)"};
}

// Tables and indexes of ours. Each order that the Image API can list in has an index that starts
// with `deleted` and ends with the columns that break ties; tags, properties, members and locations
// are found by their values. None of Glance's own indexes does either (docs/catalog-format.md,
// "Indexes").
const std::array kTables = {
    Addition{"glancefs_changes",
             "CREATE TABLE glancefs_changes ("
             " seq INTEGER PRIMARY KEY AUTOINCREMENT, image_id VARCHAR(36) NOT NULL)"},
    Addition{"glancefs_names",
             "CREATE TABLE glancefs_names ("
             " image_id VARCHAR(36) NOT NULL PRIMARY KEY, seq BIGINT NOT NULL)"},
    Addition{"glancefs_names_seq", "CREATE INDEX glancefs_names_seq ON glancefs_names (seq)"},
    Addition{"glancefs_attributes",
             "CREATE TABLE glancefs_attributes ("
             " image_id VARCHAR(36) NOT NULL PRIMARY KEY, data_time DATETIME)"},
    Addition{"glancefs_uploads",
             "CREATE TABLE glancefs_uploads ("
             " image_id VARCHAR(36) NOT NULL PRIMARY KEY,"
             " host VARCHAR(255) NOT NULL,"
             " origin VARCHAR(10) NOT NULL,"
             " owns_image BOOLEAN NOT NULL,"
             " state VARCHAR(10) NOT NULL,"
             " size BIGINT,"
             " checksum VARCHAR(32),"
             " os_hash_algo VARCHAR(64),"
             " os_hash_value VARCHAR(128),"
             " disk_format VARCHAR(20),"
             " container_format VARCHAR(20),"
             " virtual_size BIGINT,"
             " created_at DATETIME NOT NULL,"
             " updated_at DATETIME NOT NULL,"
             " instance VARCHAR(36))"},
    Addition{"glancefs_stagings",
             "CREATE TABLE glancefs_stagings ("
             " image_id VARCHAR(36) NOT NULL PRIMARY KEY,"
             " instance VARCHAR(36) NOT NULL,"
             " created_at DATETIME NOT NULL)"},
    Addition{"glancefs_instances",
             "CREATE TABLE glancefs_instances ("
             " id VARCHAR(36) NOT NULL PRIMARY KEY,"
             " boot_id VARCHAR(36) NOT NULL,"
             " heartbeat BIGINT NOT NULL,"
             " seen_at DATETIME NOT NULL,"
             " created_at DATETIME NOT NULL)"},
    Addition{"glancefs_replacements",
             "CREATE TABLE glancefs_replacements ("
             " image_id VARCHAR(36) NOT NULL PRIMARY KEY,"
             " replaced_id VARCHAR(36) NOT NULL,"
             " name VARCHAR(255) NOT NULL,"
             " hides BOOLEAN NOT NULL)"},
    Addition{"glancefs_expectations",
             "CREATE TABLE glancefs_expectations ("
             " image_id VARCHAR(36) NOT NULL PRIMARY KEY,"
             " size BIGINT,"
             " checksum VARCHAR(32),"
             " os_hash_algo VARCHAR(64),"
             " os_hash_value VARCHAR(128))"},
    Addition{"glancefs_progress",
             "CREATE TABLE glancefs_progress ("
             " image_id VARCHAR(36) NOT NULL PRIMARY KEY, size BIGINT NOT NULL)"},
    Addition{"glancefs_temporaries",
             "CREATE TABLE glancefs_temporaries (image_id VARCHAR(36) NOT NULL PRIMARY KEY)"},
    Addition{"glancefs_garbage",
             "CREATE TABLE glancefs_garbage ("
             " url VARCHAR(1024) NOT NULL PRIMARY KEY, created_at DATETIME NOT NULL)"},
    Addition{"glancefs_stores",
             "CREATE TABLE glancefs_stores ("
             " store VARCHAR(255) NOT NULL PRIMARY KEY, marker VARCHAR(255) NOT NULL)"},
    Addition{"glancefs_images_page",
             "CREATE INDEX glancefs_images_page ON images (deleted, created_at, id)"},
    page_index("name"),
    page_index("status"),
    page_index("disk_format"),
    page_index("container_format"),
    page_index("size"),
    page_index("updated_at"),
    Addition{"glancefs_images_page_id",
             "CREATE INDEX glancefs_images_page_id ON images (deleted, id)"},
    Addition{"glancefs_tags_value",
             "CREATE INDEX glancefs_tags_value ON image_tags (value, deleted, image_id)"},
    Addition{"glancefs_properties_value",
             "CREATE INDEX glancefs_properties_value"
             " ON image_properties (name, value, deleted, image_id)"},
    // By the last part of the URL, which every spelling of a place shares.
    Addition{"glancefs_locations_file",
             "CREATE INDEX glancefs_locations_file ON image_locations"
             " (replace(value, rtrim(value, replace(value, '/', '')), ''), deleted)"},
    Addition{"glancefs_members_member",
             "CREATE INDEX glancefs_members_member"
             " ON image_members (member, deleted, status, image_id)"},
};

/// Notes a change of an image in the feed.
Addition change_trigger(const std::string& table, const std::string& event) {
  const std::string name = "glancefs_changed_" + table + "_" + event;
  const std::string row = event == "delete" ? "OLD." : "NEW.";
  const std::string id = table == "images" ? "id" : "image_id";
  return {name, "CREATE TRIGGER " + name + " AFTER " + event + " ON " + table +
                    " BEGIN INSERT INTO glancefs_changes (image_id) VALUES (" + row + id +
                    "); END"};
}

// Who has carried a name longest keeps it bare: a renamed image goes to the end of the queue.
const std::array kNameTriggers = {
    Addition{"glancefs_named_insert",
             "CREATE TRIGGER glancefs_named_insert AFTER INSERT ON images BEGIN"
             " INSERT INTO glancefs_names (image_id, seq) VALUES (NEW.id,"
             " (SELECT COALESCE(MAX(seq), 0) + 1 FROM glancefs_names)); END"},
    Addition{"glancefs_named_update",
             "CREATE TRIGGER glancefs_named_update AFTER UPDATE OF name ON images"
             " WHEN NEW.name IS NOT OLD.name BEGIN"
             " UPDATE glancefs_names SET seq ="
             " (SELECT COALESCE(MAX(seq), 0) + 1 FROM glancefs_names)"
             " WHERE image_id = NEW.id; END"},
    Addition{"glancefs_named_deleted",
             "CREATE TRIGGER glancefs_named_deleted AFTER UPDATE OF deleted ON images"
             " WHEN NEW.deleted BEGIN"
             " DELETE FROM glancefs_names WHERE image_id = NEW.id;"
             " DELETE FROM glancefs_attributes WHERE image_id = NEW.id; END"},
    Addition{"glancefs_named_purged",
             "CREATE TRIGGER glancefs_named_purged AFTER DELETE ON images BEGIN"
             " DELETE FROM glancefs_names WHERE image_id = OLD.id; END"},
};

// What is only known of images without data, or of files on their way to their name.
const std::array kUploadTriggers = {
    Addition{"glancefs_expected_done",
             "CREATE TRIGGER glancefs_expected_done AFTER UPDATE OF status ON images"
             " WHEN NEW.status IN ('active', 'deleted') BEGIN"
             " DELETE FROM glancefs_expectations WHERE image_id = NEW.id;"
             " DELETE FROM glancefs_temporaries WHERE image_id = NEW.id; END"},
    Addition{"glancefs_temporary_named",
             "CREATE TRIGGER glancefs_temporary_named AFTER UPDATE OF name ON images"
             " WHEN NEW.name IS NOT OLD.name BEGIN"
             " DELETE FROM glancefs_temporaries WHERE image_id = NEW.id; END"},
    // See progress_rows.h.
    Addition{"glancefs_progress_over",
             "CREATE TRIGGER glancefs_progress_over AFTER UPDATE OF status, size ON images"
             " WHEN NEW.size IS NOT NULL"
             " OR NEW.status NOT IN ('saving', 'uploading', 'importing') BEGIN"
             " DELETE FROM glancefs_progress WHERE image_id = NEW.id; END"},
    Addition{"glancefs_progress_purged",
             "CREATE TRIGGER glancefs_progress_purged AFTER DELETE ON images BEGIN"
             " DELETE FROM glancefs_progress WHERE image_id = OLD.id; END"},
    // See replacement_rows.h. Whether another image is shown depends on these rows.
    Addition{"glancefs_replacement_dropped",
             "CREATE TRIGGER glancefs_replacement_dropped AFTER UPDATE OF name, status ON images"
             " WHEN NEW.name IS NOT OLD.name OR NEW.status = 'deleted' BEGIN"
             " DELETE FROM glancefs_replacements WHERE image_id = NEW.id; END"},
    Addition{"glancefs_replaced_named",
             "CREATE TRIGGER glancefs_replaced_named AFTER UPDATE OF name ON images"
             " WHEN NEW.name IS NOT OLD.name BEGIN"
             " DELETE FROM glancefs_replacements WHERE replaced_id = NEW.id AND name ="
             " (SELECT heir.name FROM images heir WHERE heir.id = image_id); END"},
    Addition{"glancefs_replacement_begun",
             "CREATE TRIGGER glancefs_replacement_begun AFTER INSERT ON glancefs_replacements BEGIN"
             " INSERT INTO glancefs_changes (image_id) VALUES (NEW.replaced_id); END"},
    Addition{"glancefs_replacement_over",
             "CREATE TRIGGER glancefs_replacement_over AFTER DELETE ON glancefs_replacements BEGIN"
             " INSERT INTO glancefs_changes (image_id) VALUES (OLD.replaced_id); END"},
};

// Images that were there before the table was (an existing Glance's), and those that a Glance
// added while alembic had dropped the triggers.
constexpr std::string_view kFillNames =
    "INSERT INTO glancefs_names (image_id, seq)"
    " SELECT id, (SELECT COALESCE(MAX(seq), 0) FROM glancefs_names)"
    "        + ROW_NUMBER() OVER (ORDER BY created_at, id)"
    " FROM images"
    " WHERE deleted = false AND id NOT IN (SELECT image_id FROM glancefs_names)";

std::vector<Addition> additions() {
  std::vector<Addition> all(kTables.begin(), kTables.end());
  for (const char* table :
       {"images", "image_properties", "image_tags", "image_members", "image_locations"}) {
    for (const char* event : {"insert", "update", "delete"}) {
      all.push_back(change_trigger(table, event));
    }
  }
  for (const char* event : {"insert", "update"}) {
    all.push_back(change_trigger("glancefs_attributes", event));
  }
  all.push_back(change_trigger("glancefs_progress", "insert"));
  all.insert(all.end(), kNameTriggers.begin(), kNameTriggers.end());
  all.insert(all.end(), kUploadTriggers.begin(), kUploadTriggers.end());
  return all;
}

std::set<std::string> existing_names(Session& sql) {
  std::set<std::string> names;
  const soci::rowset<std::string> rows = (sql.prepare << "SELECT name FROM sqlite_master");
  for (const auto& name : rows) names.insert(name);
  return names;
}

std::vector<Addition> missing_additions(Session& sql) {
  const auto existing = existing_names(sql);
  auto missing = additions();
  std::erase_if(missing, [&](const Addition& each) { return existing.contains(each.name); });
  return missing;
}

void check_version(Session& sql) {
  if (!existing_names(sql).contains("alembic_version")) {
    throw Error(Errc::unsupported,
                "the database has no Glance tables (no alembic_version); `glance-catalog db-sync` "
                "makes them in an empty database");
  }
  std::optional<std::string> version;
  sql << "SELECT version_num FROM alembic_version", soci::into(version);
  if (version != kAlembicVersion) {
    throw Error(Errc::unsupported, "the database's schema version is '" + version.value_or("") +
                                       "'; this version of glancefs knows '" +
                                       std::string(kAlembicVersion) + "' (Glance 25, Zed)");
  }
}

bool uploads_have(Session& sql, const std::string& column) {
  int count = 0;
  sql << "SELECT COUNT(*) FROM pragma_table_info('glancefs_uploads') WHERE name = :column",
      soci::use(column), soci::into(count);
  return count > 0;
}

// Columns that came and went since the table was first made. `host` stays, for older versions of
// ours that look for it; nobody else reads it.
constexpr const char* kOldColumn = "hidden";
constexpr const char* kNewColumn = "instance";

bool has_outdated_uploads(Session& sql) {
  return uploads_have(sql, kOldColumn) || !uploads_have(sql, kNewColumn);
}

void update_uploads(Session& sql) {
  if (uploads_have(sql, kOldColumn)) sql << "ALTER TABLE glancefs_uploads DROP COLUMN hidden";
  if (!uploads_have(sql, kNewColumn)) {
    sql << "ALTER TABLE glancefs_uploads ADD COLUMN instance VARCHAR(36)";
  }
}

}  // namespace

void create_schema(Database& database) {
  database.write([](Session& sql) {
    const auto existing = existing_names(sql);
    if (existing.contains("alembic_version")) return;
    if (existing.contains("images")) {
      throw Error(Errc::unsupported,
                  "the database has a table 'images' but no alembic_version: not a Glance "
                  "database; an empty one is needed");
    }
    for (const char* text : kGlanceTables) sql << text;
    execute(sql, "INSERT INTO alembic_version (version_num) VALUES (:version)",
            std::string(kAlembicVersion));
  });
  check_schema(database);
}

void check_schema(Database& database) {
  const bool complete = database.read([](Session& sql) {
    check_version(sql);
    return missing_additions(sql).empty() && !has_outdated_uploads(sql);
  });
  if (complete) return;
  database.write([](Session& sql) {
    for (const auto& each : missing_additions(sql)) sql << each.text;
    update_uploads(sql);
    sql << std::string(kFillNames);
  });
}

}  // namespace glance
