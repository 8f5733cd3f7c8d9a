/* kernel/text_guess.h — what type fits every text of a column? For inference on samples.
 *
 * Starts from all types and strikes out those that a value contradicts. What is left decides, in
 * this order: Boolean (true, false, or the user's words), Int64, Float64, Date32, Time, Timestamp,
 * Utf8. Digits with leading zeros, a plus sign or more digits than Int64 holds stay text, because
 * reading them as numbers would lose something. No value at all: Utf8.
 * Cost: the first values of a column try every type, later ones only those that are left. */
#ifndef WR_KERNEL_TEXT_GUESS_H
#define WR_KERNEL_TEXT_GUESS_H

#include "kernel/text_column.h"

typedef struct wr_text_guess {
    uint16_t struck;          /* types that are out                                */
    bool     any;             /* a value was seen                                  */
    bool     any_zone;        /* a timestamp with an offset was seen ...           */
    bool     any_without;     /* ... or one without                                */
    bool     any_nanoseconds; /* a fraction of more than six digits                */
} wr_text_guess;

/** Take one value (not a missing one) into account. Zeroed = nothing seen. */
void wr_text_guess_add(wr_text_guess *guess, const wr_text_rules *rules, wr_text text);

/** Both columns' values must fit (partial results of one column). */
void wr_text_guess_merge(wr_text_guess *guess, const wr_text_guess *other);

wr_type wr_text_guess_type(const wr_text_guess *guess);

#endif
