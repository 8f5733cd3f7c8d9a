/* types/nested.c — the table of nested types.
 *
 * A type is an entry with a run of members: of a List the element, of a Map its entry's Struct, of a
 * Struct what the user named. Entries below type_count never change again, so readers need no lock. */
#include "types/nested.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct nested_entry {
    uint8_t  logical;
    uint8_t  depth;
    uint32_t member_first, member_count;
} nested_entry;

static nested_entry     entries[WR_NESTED_TYPES_MAX];
static wr_member        members[WR_NESTED_MEMBERS_MAX];
static char             names[WR_NESTED_NAME_BYTES_MAX];
static _Atomic uint32_t type_count;
static uint32_t         members_used, names_used;
static pthread_mutex_t  making = PTHREAD_MUTEX_INITIALIZER;

static const nested_entry *entry_of(wr_type type)
{
    uint32_t count = atomic_load_explicit(&type_count, memory_order_acquire);

    wr_assert(wr_type_is_nested(type) && type.nested < count, "a nested type was made before");
    return &entries[type.nested];
}

uint32_t wr_type_depth(wr_type type)
{
    return wr_type_is_nested(type) ? entry_of(type)->depth : 0;
}

wr_type wr_type_element(wr_type sequence)
{
    wr_assert(wr_type_is_sequence(sequence), "only lists and maps have elements");
    return members[entry_of(sequence)->member_first].type;
}

uint32_t wr_type_member_count(wr_type strukt)
{
    wr_assert(strukt.logical == WR_TYPE_STRUCT, "only structs have members");
    return entry_of(strukt)->member_count;
}

wr_member wr_type_member(wr_type strukt, uint32_t index)
{
    wr_assert(index < wr_type_member_count(strukt), "the struct has that member");
    return members[entry_of(strukt)->member_first + index];
}

uint32_t wr_type_find_member(wr_type strukt, wr_text name)
{
    uint32_t found = WR_FIELD_NONE;

    for (uint32_t i = 0; i < wr_type_member_count(strukt); i++) {
        wr_text member = wr_type_member(strukt, i).name;

        if (wr_text_equal(member, name))
            return i;
        if (wr_text_equal_nocase(member, name))
            found = i;
    }
    return found;
}

static bool is_entry(const nested_entry *entry, uint8_t logical, const wr_member *of, uint32_t count)
{
    if (entry->logical != logical || entry->member_count != count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const wr_member *member = &members[entry->member_first + i];

        if (!wr_type_equal(member->type, of[i].type) || !wr_text_equal(member->name, of[i].name))
            return false;
    }
    return true;
}

static wr_status add_entry(uint8_t logical, const wr_member *of, uint32_t count, uint32_t index,
                           wr_error *err)
{
    nested_entry entry = {.logical = logical, .member_first = members_used, .member_count = count};
    size_t       name_bytes = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t depth = wr_type_depth(of[i].type) + 1;

        if (depth > WR_NESTED_DEPTH_MAX)
            return WR_RAISE(err, WR_UNSUPPORTED, "a type is nested more than %d deep",
                            WR_NESTED_DEPTH_MAX);
        entry.depth = depth > entry.depth ? (uint8_t)depth : entry.depth;
        name_bytes += of[i].name.byte_count;
    }
    if (index == WR_NESTED_TYPES_MAX || count > WR_NESTED_MEMBERS_MAX - members_used ||
        name_bytes > WR_NESTED_NAME_BYTES_MAX - names_used)
        return WR_RAISE(err, WR_UNSUPPORTED,
                        "too many nested types: at most %d, with %d members and %d bytes of names",
                        WR_NESTED_TYPES_MAX, WR_NESTED_MEMBERS_MAX, WR_NESTED_NAME_BYTES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        wr_text name = {names + names_used, of[i].name.byte_count};

        if (name.byte_count)
            memcpy(names + names_used, of[i].name.bytes, name.byte_count);
        names_used += (uint32_t)name.byte_count;
        members[members_used++] = (wr_member){name, of[i].type};
    }
    entries[index] = entry;
    atomic_store_explicit(&type_count, index + 1, memory_order_release);
    return WR_OK;
}

static wr_status make_type(uint8_t logical, const wr_member *of, uint32_t count, wr_type *out_type,
                           wr_error *err)
{
    wr_status status = WR_OK;
    uint32_t  index;

    pthread_mutex_lock(&making);
    for (index = 0; index < atomic_load_explicit(&type_count, memory_order_relaxed); index++)
        if (is_entry(&entries[index], logical, of, count))
            break;
    if (index == atomic_load_explicit(&type_count, memory_order_relaxed))
        status = add_entry(logical, of, count, index, err);
    pthread_mutex_unlock(&making);
    *out_type = (wr_type){.logical = logical, .nested = index};
    return status;
}

wr_status wr_type_make_list(wr_type element, wr_type *out_type, wr_error *err)
{
    return make_type(WR_TYPE_LIST, &(wr_member){.type = element}, 1, out_type, err);
}

wr_status wr_type_make_struct(const wr_member *of, uint32_t member_count, wr_type *out_type,
                              wr_error *err)
{
    if (member_count == 0)
        return WR_RAISE(err, WR_INVALID, "a Struct needs a member");
    for (uint32_t i = 0; i < member_count; i++) {
        if (of[i].name.byte_count == 0)
            return WR_RAISE(err, WR_INVALID, "member %u of a Struct has no name", i + 1);
        for (uint32_t j = 0; j < i; j++)
            if (wr_text_equal_nocase(of[i].name, of[j].name))
                return WR_RAISE(err, WR_INVALID, "a Struct has two members '%.*s'",
                                WR_TEXT_ARG(of[i].name));
    }
    return make_type(WR_TYPE_STRUCT, of, member_count, out_type, err);
}

wr_status wr_type_make_map(wr_type key, wr_type value, wr_type *out_type, wr_error *err)
{
    wr_member entry[] = {{WR_TEXT("key"), key}, {WR_TEXT("value"), value}};
    wr_type   strukt;

    WR_TRY(wr_type_make_struct(entry, 2, &strukt, err));
    return make_type(WR_TYPE_MAP, &(wr_member){.type = strukt}, 1, out_type, err);
}
