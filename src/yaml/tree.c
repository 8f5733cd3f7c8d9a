/* yaml/tree.c — libyaml's events to nodes, on an explicit stack.
 *
 * libyaml counts characters; a cursor that only moves forward turns its marks into byte offsets and
 * into lines that end where editors end them (libyaml also ends lines at some other characters).
 * What libyaml buffers is its own malloc; it holds a few pages and the longest scalar. */
#include "yaml/tree.h"

#include <stdarg.h>
#include <yaml.h>

#include "base/hash.h"

/* --- places -------------------------------------------------------------------------------- */

typedef struct cursor {
    wr_text  text;
    size_t   character, byte;
    wr_place place;
} cursor;

static void cursor_move(cursor *c, size_t character)
{
    if (character < c->character)
        *c = (cursor){.text = c->text, .place = {1, 1}};
    while (c->character < character && c->byte < c->text.byte_count) {
        if (c->text.bytes[c->byte++] == '\n') {
            c->place.line++;
            c->place.column = 1;
        } else {
            while (c->byte < c->text.byte_count &&
                   ((unsigned char)c->text.bytes[c->byte] & 0xc0) == 0x80)
                c->byte++;
            c->place.column++;
        }
        c->character++;
    }
}

wr_status wr_yaml_locate(const wr_yaml_file *file, const wr_yaml *node, wr_status status,
                         wr_error *err)
{
    wr_source source = {.path = file->path, .file = file->text, .start = node->place};

    return wr_source_locate(&source, (wr_place){0, 0}, status, err);
}

wr_status wr_yaml_fail(const wr_yaml_file *file, const wr_yaml *node, wr_error *err,
                       const char *format, ...)
{
    va_list args;

    va_start(args, format);
    wr_error_raisev(err, WR_INVALID, __FILE__, __LINE__, format, args);
    va_end(args);
    return wr_yaml_locate(file, node, WR_INVALID, err);
}

const wr_yaml *wr_yaml_get(const wr_yaml *map, const char *key)
{
    for (const wr_yaml *entry = map->first; entry; entry = entry->next->next)
        if (wr_text_equal(entry->text, wr_text_of(key)))
            return entry->next;
    return NULL;
}

/* --- the builder --------------------------------------------------------------------------- */

typedef struct anchor {
    wr_text  name;
    wr_yaml *node;
} anchor;

typedef struct open_node {
    wr_yaml *node, *last; /* `last`: of its children so far */
    bool     is_dropped;  /* nobody wants it                */
    uint32_t anchor;      /* index + 1 of its anchor, or 0  */
} open_node;

typedef struct builder {
    yaml_parser_t        parser;
    wr_yaml_file        *file;
    cursor               cursor;
    const wr_variables  *variables;
    const char *const   *keep;
    wr_bump             *bump;
    open_node            stack[WR_YAML_DEPTH_MAX];
    uint32_t             depth;
    anchor               anchors[WR_YAML_ANCHORS_MAX];
    uint32_t             anchor_count;
    uint64_t             node_count; /* aliases followed                         */
    wr_yaml              dropped;    /* stands for everything inside what is dropped */
    wr_yaml             *root;
} builder;

static wr_status fail_at(builder *b, wr_place place, wr_error *err, const char *format, ...)
    WR_PRINTF(4, 5);

static wr_status fail_at(builder *b, wr_place place, wr_error *err, const char *format, ...)
{
    wr_yaml node = {.place = place};
    va_list args;

    va_start(args, format);
    wr_error_raisev(err, WR_INVALID, __FILE__, __LINE__, format, args);
    va_end(args);
    return wr_yaml_locate(b->file, &node, WR_INVALID, err);
}

/* What usually lies behind a message of libyaml's. */
static const char *find_hint(const char *problem, wr_text text, size_t at)
{
    char byte = at < text.byte_count ? text.bytes[at] : '\0';

    if (at > 0 && byte == '{' && text.bytes[at - 1] == '$')
        return " (between brackets, text that holds ${...} must be in quotes)";
    if (strstr(problem, "mapping values are not allowed"))
        return " (is the line indented as the ones above? Text that holds ': ' must be in quotes)";
    if (strstr(problem, "did not find expected '-' indicator"))
        return " (is the line indented as the ones above?)";
    if (strstr(problem, "did not find expected key"))
        return " (is the line indented as the ones above? Between single quotes, '' stands for one)";
    if (strstr(problem, "found a tab character"))
        return " (indent with blanks, not with tabs)";
    if (strstr(problem, "cannot start any token"))
        return byte == '\t' ? " (indent with blanks, not with tabs)"
                            : " (text that begins with this character must be in quotes)";
    if (strstr(problem, "did not find expected alphabetic or numeric character"))
        return " (text that begins with '*' or '&' must be in quotes)";
    return "";
}

static wr_status fail_syntax(builder *b, wr_error *err)
{
    const yaml_parser_t *parser = &b->parser;
    const char          *problem = parser->problem ? parser->problem : "not valid YAML";
    wr_place             place;
    size_t               at = SIZE_MAX;

    if (parser->error == YAML_MEMORY_ERROR)
        return WR_RAISE(err, WR_NO_MEMORY,
                        "%s: a scalar is too long for the heap that pipeline files are read with",
                        b->file->path);
    if (parser->context && strcmp(parser->context, "while scanning a quoted scalar") == 0) {
        cursor_move(&b->cursor, parser->context_mark.index);
        return fail_at(b, b->cursor.place, err, "the quote that opens here is never closed");
    }
    if (parser->error == YAML_READER_ERROR) {
        place = wr_place_at(b->file->text, parser->problem_offset);
    } else {
        cursor_move(&b->cursor, parser->problem_mark.index);
        place = b->cursor.place;
        at = b->cursor.byte;
    }
    return fail_at(b, place, err, "%s%s%s%s%s", parser->context ? parser->context : "",
                   parser->context ? ": " : "", problem, find_hint(problem, b->file->text, at),
                   parser->error == YAML_READER_ERROR ? " (pipeline files are UTF-8)" : "");
}

static wr_status new_node(builder *b, wr_yaml_kind kind, const yaml_event_t *event,
                          wr_yaml **out_node, wr_error *err)
{
    wr_yaml *node = WR_BUMP_NEW(b->bump, wr_yaml, err);

    if (!node)
        return WR_NO_MEMORY;
    cursor_move(&b->cursor, event->start_mark.index);
    node->kind = kind;
    node->place = b->cursor.place;
    node->byte_offset = b->cursor.byte;
    node->node_count = 1;
    *out_node = node;
    return WR_OK;
}

static open_node *top(builder *b)
{
    return b->depth > 0 ? &b->stack[b->depth - 1] : NULL;
}

/* Will the next child of an open map be a key? */
static bool expects_key(const open_node *open)
{
    return open && open->node->kind == WR_YAML_MAP && open->node->count % 2 == 0;
}

static wr_status count_nodes(builder *b, const wr_yaml *node, uint32_t added, wr_error *err)
{
    b->node_count += added;
    if (b->node_count > WR_YAML_NODES_MAX)
        return fail_at(b, node->place, err,
                       "the file holds more than %d values, counting what aliases repeat",
                       WR_YAML_NODES_MAX);
    return WR_OK;
}

/* Link a complete or just opened node under its parent. While a map is open, `count` counts keys
 * and values. */
static wr_status attach(builder *b, wr_yaml *node, wr_error *err)
{
    open_node *open = top(b);

    if (!open) {
        b->root = node;
        return WR_OK;
    }
    if (expects_key(open) && node->kind != WR_YAML_SCALAR)
        return fail_at(b, node->place, err, "a key must be plain text");
    if (open->last)
        open->last->next = node;
    else
        open->node->first = node;
    open->last = node;
    open->node->count++;
    return WR_OK;
}

static wr_status add_anchor(builder *b, const yaml_char_t *name, wr_yaml *node,
                            uint32_t *out_number, wr_error *err)
{
    *out_number = 0;
    if (!name)
        return WR_OK;
    if (b->anchor_count == WR_YAML_ANCHORS_MAX)
        return fail_at(b, node->place, err, "more than %d anchors", WR_YAML_ANCHORS_MAX);
    b->anchors[b->anchor_count].name.bytes =
        wr_bump_copy(b->bump, wr_text_of((const char *)name), err);
    if (!b->anchors[b->anchor_count].name.bytes)
        return WR_NO_MEMORY;
    b->anchors[b->anchor_count].name.byte_count = strlen((const char *)name);
    b->anchors[b->anchor_count].node = node;
    *out_number = ++b->anchor_count;
    return WR_OK;
}

/* The standard tags change nothing: every scalar is text until a step reads it. */
static wr_status check_tag(builder *b, const yaml_char_t *tag, const wr_yaml *node, wr_error *err)
{
    const char *text = (const char *)tag;

    if (!text || strcmp(text, "!") == 0 || strncmp(text, "tag:yaml.org,2002:", 18) == 0)
        return WR_OK;
    return fail_at(b, node->place, err,
                   "tags such as %.40s are not supported (text that begins with '!' must be in "
                   "quotes)",
                   text);
}

static bool is_null_text(wr_text text)
{
    return text.byte_count == 0 || wr_text_equal(text, WR_TEXT("~")) ||
           wr_text_equal_nocase(text, WR_TEXT("null"));
}

/* --- dropped values ------------------------------------------------------------------------ */

/* Is the value under the key just read one that the caller does not want? */
static bool is_unwanted(const builder *b, const open_node *open)
{
    if (!b->keep || b->depth != 1 || open->node->kind != WR_YAML_MAP || expects_key(open) ||
        wr_text_starts_with(open->last->text, WR_TEXT("x-")))
        return false;
    for (const char *const *name = b->keep; *name; name++)
        if (wr_text_equal(open->last->text, wr_text_of(*name)))
            return false;
    return true;
}

static bool is_dropping(builder *b)
{
    open_node *open = top(b);

    return open && (open->is_dropped || is_unwanted(b, open));
}

/* --- events -------------------------------------------------------------------------------- */

static wr_status take_scalar(builder *b, const yaml_event_t *event, wr_error *err)
{
    bool      plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    wr_text   text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    bool      is_key = expects_key(top(b));
    uint32_t  number;
    wr_yaml  *node;
    wr_status status;

    WR_TRY(new_node(b, WR_YAML_SCALAR, event, &node, err));
    WR_TRY(check_tag(b, event->data.scalar.tag, node, err));
    node->is_null = plain && is_null_text(text);
    text.bytes = wr_bump_copy(b->bump, text, err);
    if (!text.bytes)
        return WR_NO_MEMORY;
    if (memchr(text.bytes, '\0', text.byte_count))
        return fail_at(b, node->place, err, "zero byte in text");
    if (!is_key && b->variables) {
        status = wr_yaml_replace(text, b->variables, b->bump, &text, &node->is_replaced, err);
        if (status == WR_INVALID)
            return wr_yaml_locate(b->file, node, status, err);
        WR_TRY(status);
    }
    node->text = text;
    WR_TRY(add_anchor(b, event->data.scalar.anchor, node, &number, err));
    WR_TRY(count_nodes(b, node, 1, err));
    return attach(b, node, err);
}

static wr_status take_dropped_scalar(builder *b, const yaml_event_t *event, wr_error *err)
{
    wr_yaml *node;

    if (top(b)->is_dropped)
        return WR_OK;
    WR_TRY(new_node(b, WR_YAML_SCALAR, event, &node, err));
    node->is_null = true;
    return attach(b, node, err);
}

static wr_status take_alias(builder *b, const yaml_event_t *event, wr_error *err)
{
    wr_text  name = wr_text_of((const char *)event->data.alias.anchor);
    wr_yaml *node, *target = NULL;

    WR_TRY(new_node(b, WR_YAML_SCALAR, event, &node, err));
    for (uint32_t i = b->anchor_count; i > 0 && !target; i--)
        if (wr_text_equal(b->anchors[i - 1].name, name))
            target = b->anchors[i - 1].node;
    if (!target)
        return fail_at(b, node->place, err,
                       "unknown alias '*%.*s' (text that begins with '*' must be in quotes)",
                       WR_TEXT_ARG(name));
    for (uint32_t i = 0; i < b->depth; i++)
        if (b->stack[i].node == target)
            return fail_at(b, node->place, err, "alias '*%.*s' stands inside what it repeats",
                           WR_TEXT_ARG(name));
    if (expects_key(top(b)))
        return fail_at(b, node->place, err, "an alias cannot be a key");
    *node = *target;
    node->next = NULL;
    WR_TRY(count_nodes(b, node, node->node_count, err));
    return attach(b, node, err);
}

static wr_status open_collection(builder *b, wr_yaml_kind kind, const yaml_event_t *event,
                                 wr_error *err)
{
    bool               dropped = is_dropping(b);
    bool               is_list = kind == WR_YAML_LIST;
    const yaml_char_t *name = is_list ? event->data.sequence_start.anchor
                                      : event->data.mapping_start.anchor;
    uint32_t           number = 0;
    wr_yaml           *node = &b->dropped;

    cursor_move(&b->cursor, event->start_mark.index);
    if (!top(b) || !top(b)->is_dropped)
        WR_TRY(new_node(b, kind, event, &node, err));
    cursor_move(&b->cursor, event->start_mark.index);
    if (b->depth == WR_YAML_DEPTH_MAX)
        return fail_at(b, b->cursor.place, err, "the file is nested more than %d levels deep",
                       WR_YAML_DEPTH_MAX);
    if (!dropped) {
        WR_TRY(check_tag(b, is_list ? event->data.sequence_start.tag
                                    : event->data.mapping_start.tag, node, err));
        WR_TRY(add_anchor(b, name, node, &number, err));
        WR_TRY(count_nodes(b, node, 1, err));
    }
    if (node != &b->dropped)
        WR_TRY(attach(b, node, err));
    b->stack[b->depth++] = (open_node){.node = node, .is_dropped = dropped, .anchor = number};
    return WR_OK;
}

/* --- unique keys --------------------------------------------------------------------------- */

/* Open addressing over the keys of one map; the table is given back. */
static wr_status check_unique(builder *b, const wr_yaml *map, wr_error *err)
{
    wr_bump_mark    mark = wr_bump_save(b->bump);
    uint32_t        slot_count = 8;
    const wr_yaml **slots;

    while (slot_count < 2 * map->count)
        slot_count *= 2;
    slots = WR_BUMP_NEW_ARRAY(b->bump, const wr_yaml *, slot_count, err);
    if (!slots)
        return WR_NO_MEMORY;
    for (const wr_yaml *key = map->first; key; key = key->next->next) {
        uint32_t slot = (uint32_t)wr_hash_bytes(key->text.bytes, key->text.byte_count);

        for (; slots[slot & (slot_count - 1)]; slot++) {
            const wr_yaml *other = slots[slot & (slot_count - 1)];

            if (wr_text_equal(other->text, key->text))
                return fail_at(b, key->place, err, "key '%.*s' is given twice, first in line %u",
                               (int)(key->text.byte_count < 64 ? key->text.byte_count : 64),
                               key->text.bytes, other->place.line);
        }
        slots[slot & (slot_count - 1)] = key;
    }
    wr_bump_rewind(b->bump, mark);
    return WR_OK;
}

static wr_status close_collection(builder *b, wr_error *err)
{
    open_node *open = top(b);
    wr_yaml   *node = open->node;
    uint64_t   below = 0;

    b->depth--;
    if (open->is_dropped) {
        *node = (wr_yaml){.kind = WR_YAML_SCALAR, .is_null = true, .place = node->place,
                          .byte_offset = node->byte_offset, .next = node->next, .node_count = 1};
        return WR_OK;
    }
    for (const wr_yaml *child = node->first; child; child = child->next)
        below += child->node_count;
    node->node_count += (uint32_t)below;
    if (node->kind == WR_YAML_LIST)
        return WR_OK;
    node->count /= 2;
    return check_unique(b, node, err);
}

static wr_status take_event(builder *b, const yaml_event_t *event, bool *out_end, wr_error *err)
{
    wr_place place;

    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return is_dropping(b) ? take_dropped_scalar(b, event, err) : take_scalar(b, event, err);
    case YAML_ALIAS_EVENT:
        return is_dropping(b) ? take_dropped_scalar(b, event, err) : take_alias(b, event, err);
    case YAML_SEQUENCE_START_EVENT:
        return open_collection(b, WR_YAML_LIST, event, err);
    case YAML_MAPPING_START_EVENT:
        return open_collection(b, WR_YAML_MAP, event, err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_collection(b, err);
    case YAML_DOCUMENT_START_EVENT:
        if (!b->root)
            return WR_OK;
        cursor_move(&b->cursor, event->start_mark.index);
        place = b->cursor.place;
        return fail_at(b, place, err, "a pipeline file holds one document only");
    case YAML_STREAM_END_EVENT:
        *out_end = true;
        return WR_OK;
    default:
        return WR_OK;
    }
}

static wr_status take_events(builder *b, wr_error *err)
{
    bool end = false;

    while (!end) {
        yaml_event_t event;
        wr_status    status;

        if (!yaml_parser_parse(&b->parser, &event))
            return fail_syntax(b, err);
        status = take_event(b, &event, &end, err);
        yaml_event_delete(&event);
        WR_TRY(status);
    }
    return WR_OK;
}

wr_status wr_yaml_parse(wr_text text, const char *path, const wr_variables *variables,
                        const char *const *keep, wr_bump *bump, wr_yaml_file *out_file,
                        wr_yaml **out_root, wr_error *err)
{
    wr_yaml  *root;
    builder  *b = WR_BUMP_NEW(bump, builder, err);
    wr_status status;

    if (!b)
        return WR_NO_MEMORY;
    if (wr_text_starts_with(text, WR_TEXT("\xef\xbb\xbf")))
        text = (wr_text){text.bytes + 3, text.byte_count - 3};
    *out_file = (wr_yaml_file){text, path};
    b->file = out_file;
    b->cursor = (cursor){.text = text, .place = {1, 1}};
    b->variables = variables;
    b->keep = keep;
    b->bump = bump;
    if (!yaml_parser_initialize(&b->parser))
        return WR_RAISE(err, WR_NO_MEMORY, "%s: no heap to read a pipeline file with", path);
    yaml_parser_set_encoding(&b->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b->parser, (const unsigned char *)text.bytes, text.byte_count);
    status = take_events(b, err);
    yaml_parser_delete(&b->parser);
    WR_TRY(status);
    root = b->root;
    if (!root) {
        root = WR_BUMP_NEW(bump, wr_yaml, err);
        if (!root)
            return WR_NO_MEMORY;
        *root = (wr_yaml){.kind = WR_YAML_SCALAR, .is_null = true, .place = {1, 1}};
    }
    *out_root = root;
    return WR_OK;
}
