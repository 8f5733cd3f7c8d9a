/* exec/sink_output.c — see sink_output.h. */
#include "exec/sink_output.h"

enum {
    WRITER_BYTES = 20 * 1024, /* handle of a file system: a few paths of up to 4 KB each */
    FRAME_BYTES = 4 * 1024,   /* beside the names of the columns                          */
};

uint64_t wr_sink_output_need(const wr_plan_file_sink *plan)
{
    return wr_output_lease_min(plan->codec, plan->level) + WRITER_BYTES;
}

uint64_t wr_sink_frame_bytes(const wr_schema *schema)
{
    uint64_t bytes = FRAME_BYTES;

    for (uint32_t i = 0; i < schema->field_count; i++)
        bytes += 2 * schema->fields[i].name.byte_count + 16;
    return bytes;
}

wr_status wr_sink_output_open(wr_sink_output *sink, const wr_plan_file_sink *plan, wr_bump *bump,
                              wr_error *err)
{
    wr_fs_writer *writer;
    wr_status     status;

    sink->plan = plan;
    WR_TRY(plan->fs->ops->open_write(plan->fs, plan->path, plan->mode, bump, &writer, err));
    sink->skip = writer->skip;
    status = wr_output_open(writer, plan->codec, plan->level, bump, &sink->output, err);
    if (status != WR_OK)
        writer->ops->close(writer);
    return status;
}

wr_status wr_sink_output_judge(wr_sink_output *sink, wr_status status, wr_exec *exec, wr_error *err)
{
    if (status != WR_CLOSED || !wr_text_equal(sink->plan->path, WR_TEXT("-")))
        return status;
    wr_error_clear(err);
    atomic_store(&sink->is_closed, true);
    atomic_store(&exec->output_closed, true);
    return WR_OK;
}

wr_status wr_sink_output_commit(wr_sink_output *sink, wr_exec *exec, wr_error *err)
{
    return wr_sink_output_judge(sink, sink->output->ops->commit(sink->output, err), exec, err);
}

void wr_sink_output_close(wr_sink_output *sink)
{
    wr_output_close(sink->output);
    sink->output = NULL;
}
