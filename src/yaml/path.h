/* yaml/path.h — where a declared column's value stands in a record.
 *
 *   $.address.city   $['first name']   $.tags[0].id   JSONPath that has one value; indexes from 0
 *   /address/city    /tags/0/id        JSON pointer (RFC 6901); a step of digits alone is an index
 * Invariant  the first step is a key: a record is an object. No key is empty.
 * Cost: linear in the text. */
#ifndef WR_BUILDING_YAML
#error "yaml/path.h is private to src/yaml"
#endif
#ifndef WR_YAML_PATH_H
#define WR_YAML_PATH_H

#include "mem/bump.h"

enum { WR_PATH_STEPS_MAX = 30 };

typedef struct wr_path_step {
    bool     is_index;
    uint32_t index;
    wr_text  key; /* borrows from the path's text, or from the bump */
} wr_path_step;

typedef struct wr_path {
    wr_path_step *steps; /* in the bump */
    uint32_t      step_count;
} wr_path;

/** Errors   WR_INVALID  no such path; *out_fault_bytes says where in the text */
wr_status wr_path_parse(wr_text text, wr_bump *bump, wr_path *out_path, size_t *out_fault_bytes,
                        wr_error *err) WR_MUST_USE;

#endif
