/* kernel/nested_read_priv.h — steps of nested_read.c for the values that are longer than memory, and what
 * the files that read those share.
 *
 * Steps return false for a fault, and read as far as the text at hand goes. */
#ifndef WR_BUILDING_KERNEL
#error "nested_read_priv.h is private to src/kernel"
#endif
#ifndef WR_KERNEL_NESTED_READ_PRIV_H
#define WR_KERNEL_NESTED_READ_PRIV_H

#include "kernel/nested_read.h"

enum { WR_NESTED_SKIP_DEPTH_MAX = 1024 };

/** A string without its quotes, or anything else as it stands. */
typedef struct wr_nested_token {
    wr_text text;
    bool    is_string, is_null, escaped;
} wr_nested_token;

/** Any value. */
bool wr_nested_take_token(wr_nested_reader *reader, wr_nested_token *out);
/** Is the next value null? Then it is taken. */
bool wr_nested_take_null(wr_nested_reader *reader);
bool wr_nested_take_key(wr_nested_reader *reader, wr_nested_token *out);
bool wr_nested_take_byte(wr_nested_reader *reader, uint8_t byte, const char *otherwise);
/** What stands behind an element or member: a comma, or what closes. */
bool wr_nested_take_separator(wr_nested_reader *reader, uint8_t close, const char *otherwise,
                              bool *out_more);

/** The bytes of a value that is not NULL and of physical STR. */
bool wr_nested_read_open(wr_nested_reader *reader, wr_type type, wr_packer *out);
bool wr_nested_read_struct(wr_nested_reader *reader, wr_type type, bool is_entry, wr_packer *out);
/** A value of fixed width. */
bool wr_nested_read_cell(wr_nested_reader *reader, wr_type type, void *out_cell);
/** The key of an entry of a Map that is an object. */
bool wr_nested_read_key(wr_nested_reader *reader, wr_type type, wr_struct_packer *entry);

/** Which member has this name; `guess` is looked at first. WR_FIELD_NONE: none. */
uint32_t wr_nested_find_member(wr_type type, const wr_nested_token *key, uint32_t guess);
/** Why this member may not stand behind those whose places are known; NULL: it may. */
const char *wr_nested_check_member(const wr_nested_reader *reader, uint32_t member,
                                   const uint32_t *places);

/** Has the Map that lies in `packer` from `begin` to its end two entries with one key? *out_index is the
 *  second one's, from 0. If there is not enough room behind it to tell, the packer is full. */
bool wr_nested_find_twin(wr_packer *packer, size_t begin, wr_type type, uint64_t *out_index);

/* ---- Long values ---------------------------------------------------------------------------------- */

/** A text on its way through the window room->text. A fault is WR_DATA with is_bad, and no error. */
typedef struct wr_nested_stream {
    wr_nested_room   *room;
    wr_nested_reader *reader; /* begin .. end is the window                */
    wr_blob           text;
    uint64_t          offset; /* of the window in the text                 */
    wr_packer         out;
    wr_packer_late    late;
    const wr_nested_sink *sink;
    bool              is_bad; /* room->reader->fault, counted from the text's first byte */
} wr_nested_stream;

/** Where the reader is in the text. */
static inline uint64_t wr_nested_place(const wr_nested_stream *s)
{
    return s->offset + (uint64_t)(s->reader->at - s->reader->begin);
}

/** Is there text behind the window? */
static inline bool wr_nested_has_more(const wr_nested_stream *s)
{
    return s->offset + (uint64_t)(s->reader->end - s->reader->begin) < s->text.byte_count;
}

wr_status wr_nested_refuse(wr_nested_stream *s, const char *why, uint64_t place) WR_MUST_USE;
/** A step of the reader came out so. */
wr_status wr_nested_check(wr_nested_stream *s, bool fine) WR_MUST_USE;

/** Let the window begin at `from`, which lies in it, and the reader be there. *out_moved: that brought text. */
wr_status wr_nested_move(wr_nested_stream *s, const uint8_t *from, bool *out_moved,
                         wr_error *err) WR_MUST_USE;
/** Have `byte_count` bytes in the window, or all there are. */
wr_status wr_nested_look_ahead(wr_nested_stream *s, uint32_t byte_count, wr_error *err) WR_MUST_USE;
/** Go to a place of the text. */
wr_status wr_nested_seek(wr_nested_stream *s, uint64_t place, wr_error *err) WR_MUST_USE;
/** As wr_nested_seek, when the window was used for something else. */
wr_status wr_nested_refill(wr_nested_stream *s, uint64_t place, wr_error *err) WR_MUST_USE;
/** To the next byte that is no blank; 0 at the end. */
wr_status wr_nested_peek(wr_nested_stream *s, uint8_t *out_byte, wr_error *err) WR_MUST_USE;

/** Give away what lies in front of `place`, or all if little would leave. */
wr_status wr_nested_give(wr_nested_stream *s, uint64_t place, wr_error *err) WR_MUST_USE;

enum wr_nested_keep {
    WR_NESTED_PASS,  /* nothing                                         */
    WR_NESTED_RAW,   /* the text as it stands                           */
    WR_NESTED_PLAIN, /* of a string what it means, of others their text */
};

/** Any value, of any length; the reader is at its first byte. */
wr_status wr_nested_pass(wr_nested_stream *s, enum wr_nested_keep keep, wr_error *err) WR_MUST_USE;
/** A string; the reader is at its quote. */
wr_status wr_nested_pass_string(wr_nested_stream *s, enum wr_nested_keep keep,
                                wr_error *err) WR_MUST_USE;

/** As wr_nested_find_twin of a Map that begins at the place `begin` and ends here; all of it may be given
 *  away, and the window is used. *out_found false: no key comes twice. */
wr_status wr_nested_find_long_twin(wr_nested_stream *s, uint64_t begin, wr_type type,
                                   bool *out_found, uint64_t *out_index, wr_error *err) WR_MUST_USE;

#endif
