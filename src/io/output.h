/* io/output.h — sequential byte outputs: a codec stacked on a file writer.
 *
 * Nothing is visible before commit. Buffers and codec state are fixed at open, from the bump. */
#ifndef WR_IO_OUTPUT_H
#define WR_IO_OUTPUT_H

#include "io/input.h"

typedef struct wr_output wr_output;
struct wr_output {
    const struct wr_output_ops {
        wr_status (*write)(wr_output *output, const void *bytes, size_t byte_count, wr_error *err);
        wr_status (*commit)(wr_output *output, wr_error *err); /* flush, end frames, publish */
        void (*close)(wr_output *output);                      /* without commit: abort      */
    } *ops;
    uint64_t offset; /* bytes taken in */
};

/** Does the codec have the level? 0, its default, every codec has. Errors WR_INVALID: names the levels. */
wr_status wr_output_check_level(wr_codec codec, int level, wr_error *err) WR_MUST_USE;

/** Fixed memory of wr_output_open with a settled codec; `level` 0: the codec's default. */
uint64_t wr_output_lease_min(wr_codec codec, int level);

/** `codec` is settled: not AUTO. `level` as above; an unknown one is WR_INVALID. Owner: the output closes the writer. */
wr_status wr_output_open(wr_fs_writer *writer, wr_codec codec, int level, wr_bump *bump,
                         wr_output **out_output, wr_error *err) WR_MUST_USE;

static inline void wr_output_close(wr_output *output)
{
    if (output)
        output->ops->close(output);
}

#endif
