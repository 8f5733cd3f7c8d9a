/* yaml/read.c — plain values out of nodes, with messages that say what was expected. */
#include "yaml/pipeline_priv.h"

enum { SHOWN_BYTES_MAX = 60 };

static int shown(wr_text text)
{
    return (int)(text.byte_count < SHOWN_BYTES_MAX ? text.byte_count : SHOWN_BYTES_MAX);
}

const char *wr_read_kind(const wr_yaml *node)
{
    return node->kind == WR_YAML_LIST  ? "a list"
           : node->kind == WR_YAML_MAP ? "a map"
           : node->is_null             ? "empty"
                                       : "a text";
}

wr_status wr_read_text(const pipeline *p, const wr_yaml *node, const char *what, wr_text *out_text,
                       wr_error *err)
{
    if (node->kind != WR_YAML_SCALAR || node->is_null)
        return wr_yaml_fail(&p->file, node, err, "'%s' expects a text, this is %s", what,
                            wr_read_kind(node));
    *out_text = node->text;
    return WR_OK;
}

wr_status wr_read_bool(const pipeline *p, const wr_yaml *node, const char *what, bool *out_bool,
                       wr_error *err)
{
    static const char *const WORDS[] = {"true", "false", "yes", "no", "on", "off", NULL};
    wr_text                  text = {NULL, 0};

    if (node->kind == WR_YAML_SCALAR)
        text = node->text;
    for (uint32_t i = 0; WORDS[i]; i++)
        if (wr_text_equal_nocase(text, wr_text_of(WORDS[i]))) {
            *out_bool = i % 2 == 0;
            return WR_OK;
        }
    return wr_yaml_fail(&p->file, node, err, "'%s' expects true or false, this is %.*s", what,
                        text.byte_count ? shown(text) : (int)strlen(wr_read_kind(node)),
                        text.byte_count ? text.bytes : wr_read_kind(node));
}

static bool parse_count(wr_text text, uint64_t *out_count)
{
    uint64_t count = 0;

    if (text.byte_count == 0 || text.bytes[0] == '_')
        return false;
    for (size_t i = 0; i < text.byte_count; i++) {
        if (text.bytes[i] == '_')
            continue;
        if (text.bytes[i] < '0' || text.bytes[i] > '9' ||
            __builtin_mul_overflow(count, 10u, &count) ||
            __builtin_add_overflow(count, (uint64_t)(text.bytes[i] - '0'), &count))
            return false;
    }
    *out_count = count;
    return true;
}

wr_status wr_read_count(const pipeline *p, const wr_yaml *node, const char *what,
                        uint64_t *out_count, wr_error *err)
{
    wr_text text = {NULL, 0};

    WR_TRY(wr_read_text(p, node, what, &text, err));
    if (!parse_count(text, out_count))
        return wr_yaml_fail(&p->file, node, err,
                            "'%s' expects a whole number such as 1000 or 1_000, this is '%.*s'",
                            what, shown(text), text.bytes);
    return WR_OK;
}

wr_status wr_read_bytes(const pipeline *p, const wr_yaml *node, const char *what,
                        uint64_t *out_bytes, wr_error *err)
{
    wr_text   text;
    wr_status status;

    WR_TRY(wr_read_text(p, node, what, &text, err));
    status = wr_text_parse_bytes(text, out_bytes, err);
    if (status != WR_OK && err)
        err->status = WR_INVALID;
    return status == WR_OK ? WR_OK : wr_yaml_locate(&p->file, node, WR_INVALID, err);
}

wr_status wr_read_choice(const pipeline *p, const wr_yaml *node, const char *what,
                         const char *const *choices, uint32_t *out_index, wr_error *err)
{
    wr_text    text = {NULL, 0};
    wr_suggest suggest;

    WR_TRY(wr_read_text(p, node, what, &text, err));
    wr_suggest_init(&suggest, text);
    for (uint32_t i = 0; choices[i]; i++) {
        if (wr_text_equal_nocase(text, wr_text_of(choices[i]))) {
            *out_index = i;
            return WR_OK;
        }
        wr_suggest_offer(&suggest, wr_text_of(choices[i]));
    }
    (void)WR_RAISE(err, WR_INVALID, "'%s' cannot be '%.*s'", what, shown(text), text.bytes);
    wr_suggest_append(&suggest, err);
    for (uint32_t i = 0; choices[i]; i++)
        wr_error_append(err, "%s%s", i ? ", " : ": expected one of ", choices[i]);
    return wr_yaml_locate(&p->file, node, WR_INVALID, err);
}

wr_status wr_read_texts(const pipeline *p, const wr_yaml *node, const char *what,
                        const wr_text **out_texts, uint32_t *out_count, wr_error *err)
{
    bool     is_list = node->kind == WR_YAML_LIST;
    uint32_t count = 0;
    wr_text *texts = WR_BUMP_NEW_ARRAY(p->bump, wr_text, is_list ? node->count + 1 : 1, err);

    if (!texts)
        return WR_NO_MEMORY;
    if (!is_list)
        WR_TRY(wr_read_text(p, node, what, &texts[count++], err));
    for (const wr_yaml *child = is_list ? node->first : NULL; child; child = child->next)
        WR_TRY(wr_read_text(p, child, what, &texts[count++], err));
    *out_texts = texts;
    *out_count = count;
    return WR_OK;
}

/* --- maps ---------------------------------------------------------------------------------- */

static uint32_t find_key(const char *const *keys, wr_text key)
{
    for (uint32_t i = 0; keys && keys[i]; i++)
        if (wr_text_equal(key, wr_text_of(keys[i])))
            return i;
    return UINT32_MAX;
}

static void offer_all(wr_suggest *suggest, const char *const *keys)
{
    for (uint32_t i = 0; keys && keys[i]; i++)
        wr_suggest_offer(suggest, wr_text_of(keys[i]));
}

static wr_status fail_unknown_key(const pipeline *p, const wr_yaml *key, const char *where,
                                  const char *const *keys, const char *const *common, wr_error *err)
{
    wr_suggest suggest;

    (void)WR_RAISE(err, WR_INVALID, "unknown key '%.*s' in %s", shown(key->text), key->text.bytes,
                   where);
    wr_suggest_init(&suggest, key->text);
    offer_all(&suggest, keys);
    offer_all(&suggest, common);
    if (suggest.best.byte_count > 0)
        wr_error_append(err, " (did you mean '%.*s'? keys: ", WR_TEXT_ARG(suggest.best));
    else
        wr_error_append(err, " (keys: ");
    for (uint32_t i = 0; keys[i]; i++)
        wr_error_append(err, "%s%s", i ? ", " : "", keys[i]);
    for (uint32_t i = 0; common && common[i]; i++)
        wr_error_append(err, ", %s", common[i]);
    wr_error_append(err, ")");
    return wr_yaml_locate(&p->file, key, WR_INVALID, err);
}

wr_status wr_read_keys(const pipeline *p, const wr_yaml *map, const char *where,
                       const char *const *keys, const char *const *common,
                       const wr_yaml **out_values, wr_error *err)
{
    for (uint32_t i = 0; keys[i]; i++)
        out_values[i] = NULL;
    for (const wr_yaml *key = map->first; key; key = key->next->next) {
        uint32_t index = find_key(keys, key->text);

        if (index != UINT32_MAX)
            out_values[index] = key->next;
        else if (find_key(common, key->text) == UINT32_MAX &&
                 !wr_text_starts_with(key->text, WR_TEXT("x-")))
            return fail_unknown_key(p, key, where, keys, common, err);
    }
    return WR_OK;
}

wr_status wr_read_require(const pipeline *p, const step *s, const wr_yaml *value, const char *key,
                          wr_error *err)
{
    if (value)
        return WR_OK;
    return wr_yaml_fail(&p->file, s->node, err, "%s needs '%s'", s->op->name, key);
}

/* --- options ------------------------------------------------------------------------------- */

static uint32_t count_options(const wr_yaml *map)
{
    uint32_t count = 0;

    for (const wr_yaml *key = map->first; key; key = key->next->next)
        count += key->next->kind == WR_YAML_LIST ? key->next->count : 1;
    return count;
}

wr_status wr_read_options(const pipeline *p, const wr_yaml *node, given_options *out_options,
                          wr_error *err)
{
    uint32_t         count = 0, count_max;
    wr_given_option *options;

    *out_options = (given_options){0};
    if (!node || (node->kind == WR_YAML_SCALAR && node->is_null))
        return WR_OK;
    if (node->kind != WR_YAML_MAP)
        return wr_yaml_fail(&p->file, node, err, "'options' expects a map, this is %s",
                            wr_read_kind(node));
    count_max = count_options(node);
    options = WR_BUMP_NEW_ARRAY(p->bump, wr_given_option, count_max + 1, err);
    out_options->nodes = WR_BUMP_NEW_ARRAY(p->bump, const wr_yaml *, count_max + 1, err);
    if (!options || !out_options->nodes)
        return WR_NO_MEMORY;
    for (const wr_yaml *key = node->first; key; key = key->next->next) {
        const wr_text *texts;
        const wr_yaml *place = key->next->kind == WR_YAML_LIST ? key->next->first : key->next;
        uint32_t       text_count;

        WR_TRY(wr_read_texts(p, key->next, key->text.bytes, &texts, &text_count, err));
        for (uint32_t i = 0; i < text_count; i++, place = place->next) {
            options[count] = (wr_given_option){key->text, texts[i], place->place.line,
                                               place->place.column};
            /* An unknown name is at its key; a bad value is at its value. */
            out_options->nodes[count++] = place;
        }
    }
    out_options->options = options;
    out_options->count = count;
    return WR_OK;
}

wr_status wr_read_locate(const pipeline *p, const given_options *options, uint32_t option,
                         const wr_yaml *node, wr_status status, wr_error *err)
{
    switch (status) {
    case WR_OK:
    case WR_NO_MEMORY:
        return status;
    case WR_INVALID:
    case WR_USAGE:
    case WR_UNSUPPORTED:
    case WR_NOT_FOUND:
    case WR_EXISTS:
        if (option != WR_FIELD_NONE)
            node = options->nodes[option];
        return wr_yaml_locate(&p->file, node, status, err);
    default:
        /* What is wrong lies in the data: its own place comes first. */
        wr_error_while(err, "opening what %s:%u:%u names", p->file.path, node->place.line,
                       node->place.column);
        return status;
    }
}
