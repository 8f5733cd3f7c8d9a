/* pq_fuzz.c — libFuzzer target: any file gives rows or an error, and the same rows read in two ways.
 *
 * The first four bytes choose how it is read; the rest is the file. */
#include "pq_fuzz_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t byte_count)
{
    if (byte_count >= CHOICE_BYTES && byte_count - CHOICE_BYTES <= FILE_BYTES_MAX)
        fuzz_parquet(data, data + CHOICE_BYTES, byte_count - CHOICE_BYTES);
    return 0;
}
