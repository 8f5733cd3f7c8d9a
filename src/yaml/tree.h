/* yaml/tree.h — a YAML document as a bounded tree with a place for every node.
 *
 * libyaml's events become nodes in a bump; nothing refers to libyaml afterwards. ${VAR} and
 * ${VAR:-default} are replaced inside scalar values ("$${" stands for "${"), never in keys, and the
 * text that comes in is not looked at again.
 * Invariants
 *  1. Depth is at most WR_YAML_DEPTH_MAX, so walkers may recurse.
 *  2. Walking the tree visits at most WR_YAML_NODES_MAX nodes, aliases followed: an alias shares its
 *     target's children, and counts with all of them ("billion laughs" are refused).
 *  3. Keys are scalars and unique in their map. All text is valid UTF-8.
 * Owner    nodes in the bump; texts borrow from the bump, not from the file.
 * Errors   WR_INVALID with the place, the line and a caret; WR_NO_MEMORY bump or heap spent.
 * Cost: linear in the file. */
#ifndef WR_YAML_TREE_H
#define WR_YAML_TREE_H

#include "mem/bump.h"
#include "parse/source.h"
#include "yaml/pipeline.h"

enum { WR_YAML_DEPTH_MAX = 64, WR_YAML_NODES_MAX = 1000000, WR_YAML_ANCHORS_MAX = 256 };

typedef enum wr_yaml_kind { WR_YAML_SCALAR, WR_YAML_LIST, WR_YAML_MAP } wr_yaml_kind;

typedef struct wr_yaml wr_yaml;
struct wr_yaml {
    wr_yaml_kind kind;
    bool         is_null;     /* a plain "", "~" or "null"                         */
    bool         is_replaced; /* a ${VAR} was replaced in the text                 */
    wr_place     place;       /* of its first character; of a map its first key's  */
    size_t       byte_offset; /* the same in the file                              */
    wr_text      text;        /* SCALAR                                            */
    uint32_t     count;       /* LIST: items; MAP: entries                         */
    uint32_t     node_count;  /* this node and all below it, aliases followed      */
    wr_yaml     *first;       /* LIST: items; MAP: key, value, key, value ...      */
    wr_yaml     *next;        /* next among its siblings                           */
};

/** A file while it is read: what messages need. */
typedef struct wr_yaml_file {
    wr_text     text; /* without byte order mark */
    const char *path;
} wr_yaml_file;

/** Parse the first and only document. `keep` (NULL: all): names of the top-level keys whose values
 *  are wanted, NULL-terminated; the others' values are left out (NULL scalars).
 *  An empty document gives a scalar that is null. */
wr_status wr_yaml_parse(wr_text text, const char *path, const wr_variables *variables,
                        const char *const *keep, wr_bump *bump, wr_yaml_file *out_file,
                        wr_yaml **out_root, wr_error *err) WR_MUST_USE;

/** The value of a key, or NULL. Cost O(entries). */
const wr_yaml *wr_yaml_get(const wr_yaml *map, const char *key);

/** Replace variables in `text`, which stands at `place`. Borrows when there is nothing to replace. */
wr_status wr_yaml_replace(wr_text text, const wr_variables *variables, wr_bump *bump,
                          wr_text *out_text, bool *out_replaced, wr_error *err) WR_MUST_USE;

/** Where a scalar's text stands, for wr_source_locate and the parser. */
wr_source wr_yaml_source(const wr_yaml_file *file, const wr_yaml *scalar);

/** Raise at a node: "path:line:column: message", the line and a caret. */
wr_status wr_yaml_fail(const wr_yaml_file *file, const wr_yaml *node, wr_error *err,
                       const char *format, ...) WR_PRINTF(4, 5);

/** Put a node's place into a failure that was raised without one. Returns `status`. */
wr_status wr_yaml_locate(const wr_yaml_file *file, const wr_yaml *node, wr_status status,
                         wr_error *err);

#endif
