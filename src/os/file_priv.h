/* os/file_priv.h — what file.c and path.c share. */
#ifndef WR_BUILDING_OS
#error "private to src/os"
#endif
#ifndef WR_OS_FILE_PRIV_H
#define WR_OS_FILE_PRIV_H

#include <sys/stat.h>

#include "base/fault.h"
#include "os/file.h"

/** Raise "cannot VERB 'PATH': reason" with the status that fits the error number. */
wr_status wr_file_raise_errno(wr_error *err, int error_number, const char *verb, const char *path);

/** True, with errno set, if a fault is injected at this call. */
bool wr_file_fault(wr_fault_point point);

void wr_file_info_fill(wr_file_info *out_info, const struct stat *status);

#endif
