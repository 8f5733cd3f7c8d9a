/* expr/regex.h — regular expressions in linear time: a compiled program, run over all its threads at once.
 *
 * Syntax: POSIX extended expressions with the usual additions: . [a-z[:alpha:]] \d \w \s \D \W \S \b \B
 * ^ $ | ( ) (?: ) (?i) * + ? {m,n} and their lazy forms, \t \n \r \f \v \xHH \uHHHH. '.' takes every
 * character, newlines too (PostgreSQL); ^ and $ are the ends of the text. Of several matches the
 * leftmost counts, and of those the one that the expression prefers (Perl). Back references and
 * look-around cannot be had in linear time: they are errors.
 *
 * Invariants: time is at most text x program, whatever both are; memory is that of the program, known
 * when it is compiled. Threads: a regex keeps its scratch inside, so each worker has its own.
 * Source: Thompson, Regular Expression Search Algorithm (1968); Pike's machine with captures, as in
 * Cox, Regular Expression Matching: the Virtual Machine Approach (2009). */
#ifndef WR_EXPR_REGEX_H
#define WR_EXPR_REGEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum { WR_REGEX_GROUPS_MAX = 10, WR_REGEX_NONE = -1 }; /* group 0: the whole match */

typedef struct wr_regex wr_regex;

enum {
    WR_REGEX_NOCASE = 1 << 0,
    WR_REGEX_WHOLE = 1 << 1,   /* the whole text must match         */
    WR_REGEX_GROUPS = 1 << 2,  /* places of groups will be asked    */
    WR_REGEX_SIMILAR = 1 << 3, /* SQL's SIMILAR TO: % and _, whole  */
};

/** Bytes of the compiled program and its scratch.
 * Errors   WR_INVALID what is wrong with the expression and where */
wr_status wr_regex_measure(wr_text pattern, uint32_t flags, uint64_t *out_bytes,
                           wr_error *err) WR_MUST_USE;

/** Compile into `space`: wr_regex_measure bytes, 16-aligned. Errors as there. */
wr_status wr_regex_compile(wr_text pattern, uint32_t flags, void *space, wr_regex **out_regex,
                           wr_error *err) WR_MUST_USE;

/** Groups of the expression, the whole match included. Only the first WR_REGEX_GROUPS_MAX have places. */
uint32_t wr_regex_group_count(const wr_regex *regex);

/** The leftmost match that begins at byte `from` or later. `places` (NULL: only whether there is
 *  one) gets start and end of each group, WR_REGEX_NONE where a group took no part. */
bool wr_regex_search(wr_regex *regex, wr_text text, size_t from,
                     int64_t places[2 * WR_REGEX_GROUPS_MAX]);

#endif
