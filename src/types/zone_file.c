/* types/zone_file.c — TZif files (RFC 8536) and the list of zone names.
 *
 * Files are read through one small buffer with pread, so nothing is allocated and the stack stays
 * small. Only the 64-bit block of version 2 and later is read; tzdata has had it since 2005. */
#include "types/zone_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/fault.h"

#define ZONE_FOLDER "/usr/share/zoneinfo/"

enum { HEADER_BYTES = 44, OFFSET_TYPES_MAX = 256, RULE_BYTES_MAX = 80, READ_BYTES = 1024 };

/* Counts of one block, in the order of its header. */
typedef struct block {
    uint32_t utc_flags, standard_flags, leaps, transitions, types, name_bytes;
} block;

typedef struct tzif {
    int       file;
    uint64_t  position;
    wr_text   name;
    wr_error *err;
} tzif;

static wr_status raise_corrupt(const tzif *in, const char *what)
{
    return WR_RAISE(in->err, WR_CORRUPT, "the time zone file '" ZONE_FOLDER "%.*s' is damaged: %s",
                    WR_TEXT_ARG(in->name), what);
}

static wr_status read_exactly(tzif *in, void *out, size_t byte_count)
{
    size_t done = 0;

    while (done < byte_count) {
        ssize_t got = wr_fault_hit(WR_FAULT_READ)
                          ? (errno = EIO, -1)
                          : pread(in->file, (char *)out + done, byte_count - done,
                                  (off_t)(in->position + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return WR_RAISE(in->err, WR_IO, "cannot read '" ZONE_FOLDER "%.*s': %s",
                            WR_TEXT_ARG(in->name), strerror(errno));
        if (got == 0)
            return raise_corrupt(in, "it is cut short");
        done += (size_t)got;
    }
    in->position += byte_count;
    return WR_OK;
}

static uint32_t load_u32_be(const uint8_t *p)
{
    return __builtin_bswap32(wr_load_u32(p));
}

static wr_status read_header(tzif *in, block *out)
{
    uint8_t header[HEADER_BYTES];

    WR_TRY(read_exactly(in, header, sizeof header));
    if (memcmp(header, "TZif", 4) != 0)
        return raise_corrupt(in, "it does not begin with TZif");
    if (header[4] < '2')
        return raise_corrupt(in, "it has no 64-bit data (version 1)");
    *out = (block){load_u32_be(header + 20), load_u32_be(header + 24), load_u32_be(header + 28),
                   load_u32_be(header + 32), load_u32_be(header + 36), load_u32_be(header + 40)};
    if (out->types == 0 || out->types > OFFSET_TYPES_MAX || out->transitions > 1u << 20 ||
        out->leaps > 1u << 20 || out->name_bytes > 1u << 20 || out->utc_flags > OFFSET_TYPES_MAX ||
        out->standard_flags > OFFSET_TYPES_MAX)
        return raise_corrupt(in, "its counts are out of range");
    return WR_OK;
}

static uint64_t block_bytes(const block *b, uint32_t time_bytes)
{
    return (uint64_t)b->transitions * (time_bytes + 1) + (uint64_t)b->types * 6 + b->name_bytes +
           (uint64_t)b->leaps * (time_bytes + 4) + b->standard_flags + b->utc_flags;
}

static wr_status read_offsets(tzif *in, const block *b, int32_t offsets[OFFSET_TYPES_MAX])
{
    uint8_t type[6];

    for (uint32_t i = 0; i < b->types; i++) {
        WR_TRY(read_exactly(in, type, sizeof type));
        offsets[i] = (int32_t)load_u32_be(type);
        if (offsets[i] < -93599 || offsets[i] > 93599)
            return raise_corrupt(in, "an offset is out of range");
    }
    return WR_OK;
}

/* Times first, then the index of each one's offset: two passes in step over `pool`. */
static wr_status read_transitions(tzif *in, const block *b, const int32_t *offsets, uint64_t begin,
                                  zone_transition *pool)
{
    uint8_t buffer[READ_BYTES];

    in->position = begin;
    for (uint32_t i = 0; i < b->transitions; i++) {
        uint32_t at = i % (READ_BYTES / 8), rest = b->transitions - i;
        int64_t  second;

        if (at == 0)
            WR_TRY(read_exactly(in, buffer, (rest < READ_BYTES / 8 ? rest : READ_BYTES / 8) * 8u));
        second = (int64_t)wr_load_u64_be(buffer + at * 8u);
        if (second < -ZONE_SECOND_LIMIT || second > ZONE_SECOND_LIMIT)
            second = second < 0 ? -ZONE_SECOND_LIMIT : ZONE_SECOND_LIMIT;
        if (i > 0 && second < zone_transition_second(pool[i - 1]))
            return raise_corrupt(in, "its transitions are not ascending");
        pool[i] = zone_transition_of(second, 0);
    }
    for (uint32_t i = 0; i < b->transitions; i++) {
        uint32_t at = i % READ_BYTES, rest = b->transitions - i;

        if (at == 0)
            WR_TRY(read_exactly(in, buffer, rest < READ_BYTES ? rest : READ_BYTES));
        if (buffer[at] >= b->types)
            return raise_corrupt(in, "a transition names an unknown offset");
        pool[i] = zone_transition_of(zone_transition_second(pool[i]), offsets[buffer[at]]);
    }
    return WR_OK;
}

/* "\nCET-1CEST,M3.5.0,M10.5.0/3\n"; an empty rule means that the last offset stays. */
static wr_status read_rule(tzif *in, zone_entry *target)
{
    char   text[RULE_BYTES_MAX + 1];
    size_t byte_count = 0;

    WR_TRY(read_exactly(in, text, 1));
    if (text[0] != '\n')
        return raise_corrupt(in, "its final rule is missing");
    for (;;) {
        WR_TRY(read_exactly(in, text + byte_count, 1));
        if (text[byte_count] == '\n')
            break;
        if (++byte_count == RULE_BYTES_MAX)
            return raise_corrupt(in, "its final rule is too long");
    }
    target->has_rule = byte_count > 0;
    if (byte_count && !wr_zone_rule_parse((wr_text){text, byte_count}, &target->rule))
        return raise_corrupt(in, "its final rule cannot be read");
    return WR_OK;
}

static wr_status read_body(tzif *in, zone_entry *target, zone_transition *pool, uint32_t pool_count)
{
    int32_t  offsets[OFFSET_TYPES_MAX];
    uint64_t begin;
    block    b;

    WR_TRY(read_header(in, &b));
    in->position += block_bytes(&b, 4);
    WR_TRY(read_header(in, &b));
    begin = in->position;
    if (b.transitions > ZONE_TRANSITIONS_MAX || b.transitions > pool_count)
        return WR_RAISE(in->err, WR_UNSUPPORTED,
                        "the time zone '%.*s' has %u transitions, room is left for %u",
                        WR_TEXT_ARG(in->name), b.transitions,
                        pool_count < ZONE_TRANSITIONS_MAX ? pool_count : ZONE_TRANSITIONS_MAX);
    in->position = begin + (uint64_t)b.transitions * 9;
    WR_TRY(read_offsets(in, &b, offsets));
    WR_TRY(read_transitions(in, &b, offsets, begin, pool));
    in->position = begin + block_bytes(&b, 8);
    WR_TRY(read_rule(in, target));
    target->first_offset_s = offsets[0];
    target->transition_count = b.transitions;
    target->transitions = pool;
    return WR_OK;
}

/* Zone names are relative paths of plain words: nothing leaves the folder. */
static bool is_zone_name(wr_text name)
{
    if (name.byte_count == 0 || name.bytes[0] == '/')
        return false;
    for (size_t i = 0; i < name.byte_count; i++) {
        char c = name.bytes[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-' || c == '+' || c == '/';
        if (!word)
            return false;
    }
    return true;
}

wr_status wr_zone_file_read(zone_entry *target, zone_transition *pool, uint32_t pool_count,
                            wr_error *err)
{
    char      path[sizeof ZONE_FOLDER + ZONE_NAME_BYTES_MAX];
    tzif      in = {.name = {target->name, target->name_bytes}, .err = err};
    wr_status status;

    if (!is_zone_name(in.name))
        return WR_NOT_FOUND;
    snprintf(path, sizeof path, ZONE_FOLDER "%.*s", WR_TEXT_ARG(in.name));
    in.file = wr_fault_hit(WR_FAULT_OPEN) ? (errno = EIO, -1)
                                          : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (in.file < 0 && (errno == ENOENT || errno == ENOTDIR))
        return WR_NOT_FOUND;
    if (in.file < 0)
        return WR_RAISE(err, WR_IO, "cannot open '%s': %s", path, strerror(errno));
    status = read_body(&in, target, pool, pool_count);
    close(in.file);
    return status;
}

/* tzdata.zi names zones in lines "Z NAME ..." and "L TARGET NAME". */
static wr_text zone_name_of_line(wr_text line)
{
    size_t begin, end;

    if (line.byte_count < 3 || (line.bytes[0] != 'Z' && line.bytes[0] != 'L'))
        return (wr_text){0};
    begin = line.bytes[0] == 'Z' ? 2 : wr_text_find_byte(line, ' ', 2);
    if (begin == SIZE_MAX)
        return (wr_text){0};
    begin += line.bytes[0] == 'L';
    end = wr_text_find_byte(line, ' ', begin);
    if (end == SIZE_MAX)
        end = line.byte_count;
    return (wr_text){line.bytes + begin, end - begin};
}

/* The suggestion borrows its best candidate, and the lines pass by in a buffer: copy it out. */
static void offer_line(wr_text line, wr_suggest *suggest, char buffer[ZONE_NAME_BYTES_MAX])
{
    wr_text name = zone_name_of_line(line);

    if (name.byte_count == 0 || name.byte_count > ZONE_NAME_BYTES_MAX)
        return;
    wr_suggest_offer(suggest, name);
    if (suggest->best.bytes == name.bytes) {
        memcpy(buffer, name.bytes, name.byte_count);
        suggest->best.bytes = buffer;
    }
}

void wr_zone_file_suggest(wr_suggest *suggest, char buffer[ZONE_NAME_BYTES_MAX])
{
    char    lines[READ_BYTES];
    size_t  kept = 0;
    ssize_t got;
    int     file = open(ZONE_FOLDER "tzdata.zi", O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (file < 0)
        return;
    while ((got = read(file, lines + kept, sizeof lines - kept)) > 0) {
        wr_text text = {lines, kept + (size_t)got};
        size_t  begin = 0, end;

        while ((end = wr_text_find_byte(text, '\n', begin)) != SIZE_MAX) {
            offer_line((wr_text){lines + begin, end - begin}, suggest, buffer);
            begin = end + 1;
        }
        kept = begin == 0 && text.byte_count == sizeof lines ? 0 : text.byte_count - begin;
        memmove(lines, lines + begin, kept);
    }
    close(file);
}
