/* json_guess.h — guesses of types: a tree with one for every place in a record.
 *
 * A place is a member of an object, or the elements of an array; the values of a map are one place. What the
 * values of a place have in common is its type:
 *  - Booleans are Boolean; numbers are Int64, UInt64, Decimal(38, 0) or Float64, the first that holds them
 *    all without loss (Float64: fractions); texts are Date32, Time or Timestamp if all read as such, else
 *    Utf8; numbers that no type holds are Utf8;
 *  - arrays are List; objects are Struct, or Map if they have more than map_keys different keys;
 *  - a mixture is Utf8 with the text of the value, as is what lies deeper than infer_depth, has no
 *    member, or makes more guesses or members than a schema may have.
 * Memory: about 100 bytes and a name each, in the caller's bump. Threads: one at a time. */
#ifndef WR_BUILDING_FORMAT_JSON
#error "private to plugins/format/json"
#endif
#ifndef WR_JSON_GUESS_H
#define WR_JSON_GUESS_H

#include "json_priv.h"
#include "kernel/text_guess.h"

enum {
    JSON_KIND_BOOL = 1, JSON_KIND_NUMBER = 2, JSON_KIND_TEXT = 4, JSON_KIND_OBJECT = 8,
    JSON_KIND_ARRAY = 16
};

/* The guess of the record itself; and none: a value that is passed over. */
#define JSON_ROOT   0u
#define JSON_NOBODY UINT32_MAX

typedef struct json_guess {
    wr_text       name;
    wr_text_guess texts, numbers;
    uint8_t       kinds;
    bool          is_fraction, is_negative, is_beyond_u64, is_beyond_decimal, is_beyond_double;
    bool          is_map, is_opaque; /* OPAQUE: a nested value stays text                  */
    uint32_t      parent;
    uint32_t      first, last, next; /* members, in order; 0: none                         */
    uint32_t      member_count;
    uint32_t      element;           /* of an array, or the values of a map; 0: none yet   */
} json_guess;

typedef struct json_guesses {
    const json_read_options *options;
    wr_text     path;
    wr_bump    *bump;
    json_guess *guesses;
    uint32_t    guess_count, guess_room;
    uint32_t   *slots; /* guess by hash of parent and name; 0: free */
    uint32_t    mask;
    uint32_t    members_left;
} json_guesses;

wr_status wr_json_guesses_init(json_guesses *all, const json_read_options *options, wr_text path,
                               wr_bump *bump, wr_error *err) WR_MUST_USE;

/* The guess of a member or of the elements; JSON_NOBODY: there are too many. */
wr_status wr_json_guess_member(json_guesses *all, uint32_t parent, wr_text name,
                               uint32_t *out_guess, wr_error *err) WR_MUST_USE;
wr_status wr_json_guess_element(json_guesses *all, uint32_t parent, uint32_t *out_guess,
                                wr_error *err) WR_MUST_USE;

/* Take a value that is not nested into account. */
void wr_json_guess_add(json_guess *g, const json_token *value);

/* The columns: the members of the root. */
wr_status wr_json_guess_schema(json_guesses *all, wr_schema *out_schema, wr_error *err) WR_MUST_USE;

#endif
